"""A column of text in Arrow memory that reads like a list: many rows cost no Python objects until they are asked for."""

import typing
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

Cell = str | None
"""Content of a cell; None: null, or a key that a JSON object lacks."""


class TextColumn(Sequence[Cell]):
    """n cells of an Arrow column of strings."""

    def __init__(self, column: Any) -> None:
        """column: a ChunkedArray of strings."""
        self.arrow = column

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> "TextColumn":
        """A column of these cells."""
        return cells if isinstance(cells, cls) else cls(pa.chunked_array([pa.array(cells, pa.large_string())]))

    def __len__(self) -> int:
        return len(self.arrow)

    @typing.overload
    def __getitem__(self, index: int) -> Cell: ...
    @typing.overload
    def __getitem__(self, index: slice) -> "TextColumn": ...
    def __getitem__(self, index: int | slice) -> "Cell | TextColumn":
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return (
                self.take(range(start, stop, step)) if step != 1 else TextColumn(self.arrow.slice(start, max(0, stop - start)))
            )
        return self.arrow[index].as_py()

    def __iter__(self) -> Iterator[Cell]:
        for chunk in self.arrow.chunks:
            for start in range(0, len(chunk), 10_000):
                yield from chunk.slice(start, 10_000).to_pylist()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(typing.cast("Sequence[object]", other))

    __hash__: typing.ClassVar[None] = None

    def __repr__(self) -> str:
        return f"TextColumn of {len(self):,} cells"

    def filled(self) -> Sequence[str]:
        """The column, which holds no null."""
        return typing.cast("Sequence[str]", self)

    def take(self, rows: Any) -> "TextColumn":
        """The cells of some rows, in the order of `rows`."""
        return TextColumn(self.arrow.take(pa.array(rows, pa.int64())))
