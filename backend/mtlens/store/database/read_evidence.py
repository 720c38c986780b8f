"""Reads evidence folders into records that the master database can take. Writes nothing."""

from dataclasses import dataclass

import pyarrow as pa

from mtlens.errors import WorkspaceError
from mtlens.store.database.scan import StoredState
from mtlens.store.tables.bookkeeping import EvidenceJobSeenRow
from mtlens.store.workspace.evidence_folder import CKA, GRADIENTS, LINEARISED, LOOKAHEAD, EvidenceFolder
from mtlens.store.workspace.evidence_tables import CKA_COLUMNS, GRADIENT_COLUMNS, LINEARISED_COLUMNS, LOOKAHEAD_COLUMNS
from mtlens.store.workspace.files import read_object
from mtlens.store.workspace.job_folder import JobState
from mtlens.store.workspace.run_tables import read_parquet
from mtlens.store.workspace.workspace import Workspace

_FILES = {
    "cka": (CKA, CKA_COLUMNS),
    "gradients": (GRADIENTS, GRADIENT_COLUMNS),
    "lookahead": (LOOKAHEAD, LOOKAHEAD_COLUMNS),
    "linearised": (LINEARISED, LINEARISED_COLUMNS),
}


@dataclass(frozen=True, kw_only=True)
class EvidenceRecord:
    """Content of the folder of an evidence job; its tables are empty before it is done. row: its state."""

    row: EvidenceJobSeenRow
    cka: pa.Table
    gradients: pa.Table
    lookahead: pa.Table
    linearised: pa.Table

    def set_aside(self, reason: str) -> "EvidenceRecord":
        """A record of the job as damaged, with the reason and without results."""
        row = EvidenceJobSeenRow(job_id=self.row.job_id, state="damaged", seconds=None, reason=reason)
        return EvidenceRecord(row=row, **{field: columns.empty_table() for field, (_, columns) in _FILES.items()})


def read_evidence(workspace: Workspace, job_id: str, before: StoredState | None) -> EvidenceRecord | None:
    """What the folder of an evidence job holds, or None where nothing has changed since it was in state `before`."""
    folder = EvidenceFolder(workspace, job_id)
    state = folder.state
    if state == "absent" or state == before:
        return None
    try:
        return _read(folder, state)
    except WorkspaceError as error:
        if before == "damaged":
            return None
        row = EvidenceJobSeenRow(job_id=job_id, state="damaged", seconds=None, reason=str(error))
        return EvidenceRecord(row=row, **_tables(folder, is_done=False))


def _read(folder: EvidenceFolder, state: JobState) -> EvidenceRecord:
    facts = dict[str, object]()
    if state == "done":
        facts = folder.facts()
    elif state == "failed":
        facts = read_object(folder.path / "FAILED")
    seconds, reason = facts.get("seconds"), facts.get("reason")
    row = EvidenceJobSeenRow(
        job_id=folder.job_id,
        state="done" if state == "done" else "failed" if state == "failed" else "unfinished",
        seconds=seconds if isinstance(seconds, float) else None,
        reason=reason if isinstance(reason, str) else None,
    )
    return EvidenceRecord(row=row, **_tables(folder, is_done=state == "done"))


def _tables(folder: EvidenceFolder, *, is_done: bool) -> dict[str, pa.Table]:
    """Those that a finished evidence job has, and empty ones in place of others."""
    return {
        field: read_parquet(folder.path / name, columns) if is_done and (folder.path / name).exists() else columns.empty_table()
        for field, (name, columns) in _FILES.items()
    }
