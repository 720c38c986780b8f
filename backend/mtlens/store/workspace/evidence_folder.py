"""An evidence folder: one piece of evidence, complete when and only when its DONE marker is there.

piece.json           what was computed
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


class PieceFolder(JobFolder):
    """The folder of one piece of evidence in a workspace; it need not exist yet."""

    KIND = "piece"

    @property
    def path(self) -> Path:
        """Where the files are."""
        return self.workspace.evidence / self.job_id

    def start(self, piece: dict[str, Any], versions: dict[str, str], host: dict[str, object]) -> Journal:
        """Begin or take up the piece; returns a new journal. piece: what is computed, as JSON."""
        self.workspace.evidence.mkdir(exist_ok=True)  # a workspace of an earlier mtlens has none
        return self.begin(piece, versions, host)

    def finish(self, files: Mapping[str, bytes], facts: dict[str, object]) -> None:
        """Write the files and, last, DONE."""
        for name, content in files.items():
            self.save_bytes(name, content, durable=True)
        self.mark_done(facts, {"piece.json", *files})


def piece_folders(workspace: Workspace) -> list[PieceFolder]:
    """All pieces of evidence in a workspace, in the order of their ids; none that was set aside."""
    return [PieceFolder(workspace, piece_id) for piece_id in jobs_in(workspace.evidence)]
