"""The claim over one workspace or several: what predicts gains, verdicts on preregistered claims, and the table of all gains.

An experiment that several workspaces contain is read from the first of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from mtlens.errors import DataError
from mtlens.store.analysis import claim_statistics
from mtlens.store.analysis.claim_statistics import CLAIMS, POINTS, Measured
from mtlens.store.database.reader import query
from mtlens.store.tables import VIEWS
from mtlens.store.tables.claim import ClaimPredictorRow, ClaimVerdictRow, ClaimView
from mtlens.store.workspace.files import failed_to, write_atomic
from mtlens.store.workspace.workspace import Workspace

_EXPERIMENTS = "SELECT experiment_id, name FROM experiment"
_ATLAS = "SELECT {columns} FROM claim WHERE latest"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Results over the experiments of the workspaces. names: experiment id -> name."""

    predictors: Sequence[ClaimPredictorRow]
    verdicts: Sequence[ClaimVerdictRow]
    names: dict[str, str]


def trial(workspaces: Sequence[Workspace]) -> Trial:
    """Judge every kind of evidence and every claim, as the views of one workspace do."""
    rows: list[Measured] = []
    claims: list[tuple[str, str]] = []
    names: dict[str, str] = {}
    for workspace in workspaces:
        found: dict[str, str] = dict(query(workspace, _EXPERIMENTS).rows)
        new = found.keys() - names.keys()
        names |= {experiment_id: found[experiment_id] for experiment_id in new}
        rows += [row for row in map(Measured._make, query(workspace, POINTS).rows) if row.experiment_id in new]
        claims += [(row[0], row[1]) for row in query(workspace, CLAIMS).rows if row[0] in new]
    return Trial(
        predictors=list(claim_statistics.predictors(rows)),
        verdicts=list(claim_statistics.verdicts(rows, claim_statistics.read_claims(claims))),
        names=names,
    )


def write_atlas(workspaces: Sequence[Workspace], path: Path, licence: str) -> int:
    """Write view `claim` of all workspaces, without texts, as one Parquet file; returns its number of rows.

    Descriptions of the columns are in the metadata of the fields, title and licence in those of the file. Equal results give
    equal files. Raises DataError where there is no row, WorkspaceError where the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    (view,) = (view for view in VIEWS if view.row is ClaimView)
    columns = [field for field in view.columns if field.name != "latest"]
    names = [field.name for field in columns]
    sql = _ATLAS.format(columns=", ".join(names))
    rows: dict[tuple[object, ...], dict[str, object]] = {}
    owner: dict[str, int] = {}
    for number, workspace in enumerate(workspaces):
        for values in query(workspace, sql).rows:
            row = dict(zip(names, values, strict=True))
            if owner.setdefault(row["experiment_id"], number) == number:
                rows[row["experiment"], row["experiment_id"], tuple(row["tasks"]), row["task"], row["evidence"]] = row
    if not rows:
        found = ", ".join(str(workspace.root) for workspace in workspaces)
        raise DataError(f"{found}: experiments should have measured gains of groups; found none")
    schema = pa.schema(
        [
            pa.field(field.name, field.arrow, metadata={"description": field.column.comment if field.column else ""})
            for field in columns
        ],
        metadata={"title": view.comment, "license": licence, "made by": f"mtlens {version('mtlens')}"},
    )
    table = pa.Table.from_pylist([rows[key] for key in sorted(rows, key=repr)], schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    try:
        write_atomic(path, sink.getvalue().to_pybytes(), durable=False)
    except OSError as error:
        raise failed_to("write", path, error) from error
    return len(table)
