"""Reads evidence folders into records that the master database can take. Writes nothing."""

# pyright: reportUnknownParameterType=false
# (pyarrow ships no types)

from dataclasses import dataclass

import pyarrow as pa

from backend.errors import WorkspaceError
from backend.store.changes import StoredState
from backend.store.evidence_tables import CKA_COLUMNS, GRADIENT_COLUMNS
from backend.store.folder import JobState
from backend.store.pieces import CKA, GRADIENTS, PieceFolder
from backend.store.tables import read_parquet
from backend.store.workspace import Workspace, read_object


@dataclass(frozen=True, kw_only=True)
class PieceRecord:
    """A piece of evidence as its folder has it now; its tables are empty before it is done."""

    piece_id: str
    state: StoredState
    seconds: float | None
    reason: str | None
    cka: pa.Table
    gradients: pa.Table


def read_piece(workspace: Workspace, piece_id: str, before: StoredState | None) -> PieceRecord | None:
    """What a piece's folder holds, or None where nothing has changed since it was in state `before`."""
    folder = PieceFolder(workspace, piece_id)
    state = folder.state
    if state == "absent" or state == before:
        return None
    try:
        return _read(folder, state)
    except WorkspaceError as error:
        if before == "damaged":
            return None
        empty = (CKA_COLUMNS.empty_table(), GRADIENT_COLUMNS.empty_table())
        return PieceRecord(
            piece_id=piece_id, state="damaged", seconds=None, reason=str(error), cka=empty[0], gradients=empty[1]
        )


def _read(folder: PieceFolder, state: JobState) -> PieceRecord:
    cka, gradients, facts = CKA_COLUMNS.empty_table(), GRADIENT_COLUMNS.empty_table(), dict[str, object]()
    if state == "done":
        facts = folder.facts()
        if (folder.path / CKA).exists():
            cka = read_parquet(folder.path / CKA, CKA_COLUMNS)
        if (folder.path / GRADIENTS).exists():
            gradients = read_parquet(folder.path / GRADIENTS, GRADIENT_COLUMNS)
    elif state == "failed":
        facts = read_object(folder.path / "FAILED")
    seconds, reason = facts.get("seconds"), facts.get("reason")
    return PieceRecord(
        piece_id=folder.job_id,
        state="done" if state == "done" else "failed" if state == "failed" else "unfinished",
        seconds=seconds if isinstance(seconds, float) else None,
        reason=reason if isinstance(reason, str) else None,
        cka=cka,
        gradients=gradients,
    )
