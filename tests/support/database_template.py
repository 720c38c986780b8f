"""New databases of tests are copies of one: to make its tables and their descriptions takes some 900 statements."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from mtlens.store.database import writer

make_anew = writer.create


def copies_of(template: Path) -> Callable[[writer.Connection], None]:
    """What stands in for `writer.create`: copies the file `template`, which is made here.

    Where a test has added tables or columns, they are made as usual.
    """
    definition = writer._definition()
    with closing(writer.connect(template)) as connection:
        make_anew(connection)

    def create(connection: writer.Connection) -> None:
        if writer._definition() != definition:
            make_anew(connection)
            return
        ((name,),) = connection.execute("SELECT current_database()").fetchall()
        connection.execute(f"ATTACH '{template}' AS template (READ_ONLY)")
        connection.execute(f'COPY FROM DATABASE template TO "{name}"')
        connection.execute("DETACH template")

    return create
