"""An evidence folder: one evidence job, complete when and only when its DONE marker is there.

evidence.json        what was computed
journal-<k>.jsonl    how far it came
states.safetensors   hidden states, or
cka.parquet          similarities of hidden states, or
gradients.parquet    alignment of gradients, or
lookahead.parquet    affinities by steps for one task, or
linearised.parquet   affinities by the linearised estimate
DONE or FAILED       as in a run folder
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtlens.store.workspace.job_folder import JobFolder, jobs_in
from mtlens.store.workspace.journal import Journal
from mtlens.store.workspace.workspace import Workspace

CKA = "cka.parquet"
GRADIENTS = "gradients.parquet"
LINEARISED = "linearised.parquet"
LOOKAHEAD = "lookahead.parquet"
STATES = "states.safetensors"


class EvidenceFolder(JobFolder):
    """The folder of one evidence job in a workspace; it need not exist yet."""

    KIND = "evidence"

    @property
    def path(self) -> Path:
        """Where the files are."""
        return self.workspace.evidence / self.job_id

    @property
    def about(self) -> Path:
        """The file that says what the job is; mtlens 0.1 called it piece.json."""
        older = self.path / "piece.json"
        return older if older.exists() else super().about

    def start(self, evidence_job: dict[str, Any], versions: dict[str, str], host: dict[str, object]) -> Journal:
        """Begin or resume the job; returns a new journal. evidence_job: what is computed, as JSON."""
        self.workspace.evidence.mkdir(exist_ok=True)  # a workspace of an earlier mtlens has none
        return self.begin(evidence_job, versions, host)

    def finish(self, files: Mapping[str, bytes], facts: dict[str, object]) -> None:
        """Write the files and, last, DONE."""
        for name, content in files.items():
            self.save_bytes(name, content, durable=True)
        self.mark_done(facts, {self.about.name, *files})


def evidence_folders(workspace: Workspace) -> list[EvidenceFolder]:
    """All evidence jobs in a workspace, in the order of their ids; none that was set aside."""
    return [EvidenceFolder(workspace, job_id) for job_id in jobs_in(workspace.evidence)]
