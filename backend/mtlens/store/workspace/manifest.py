"""What an experiment asks for, as it was written into the workspace when it was started."""

from contextlib import suppress
from datetime import datetime

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field

from mtlens.config.experiment import Experiment
from mtlens.config.run_kinds import Role
from mtlens.data.splits import SplitName
from mtlens.errors import WorkspaceError
from mtlens.statistics.metrics import DEFAULT
from mtlens.store.workspace.files import now, read_object
from mtlens.store.workspace.workspace import Workspace


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)  # and unknown keys are passed over: a later mtlens may write more


class ManifestTask(_Part):
    """A task and how many examples each class has in each split."""

    name: str
    column: str
    classes: tuple[str, ...]
    weight: float
    kind: str = "classes"  # mtlens 0.1 had this kind and this metric alone
    metric: str = DEFAULT
    class_counts: dict[SplitName, dict[str, int]]


class ManifestRun(_Part):
    """A run and its part in the experiment. candidate: grid point, 0 without a grid."""

    run_id: str
    role: Role
    candidate: int


class ManifestEvidence(_Part):
    """An evidence job that the experiment asks for. subject: in words, what it looks at."""

    job_id: str = Field(validation_alias=AliasChoices("job_id", "piece_id"))  # mtlens 0.1 wrote piece_id
    kind: str
    subject: str


class Manifest(_Part):
    """Content of experiments/<experiment_id>.json."""

    experiment_id: str
    name: str
    created: AwareDatetime
    last_started: AwareDatetime | None = None
    spec: Experiment
    tasks: tuple[ManifestTask, ...]
    runs: tuple[ManifestRun, ...]
    notes: tuple[str, ...]
    evidence: tuple[ManifestEvidence, ...] = ()


def mark_started(workspace: Workspace, experiment_id: str) -> None:
    """Make an experiment the one that was started last; where it is already, the store need not read its manifest anew."""
    starts: dict[str, float] = {}
    for path in workspace.experiments.glob("*.json"):
        with suppress(WorkspaceError, KeyError, TypeError, ValueError):  # the store tells of one that cannot be read
            manifest = read_object(path)
            started = manifest.get("last_started") or manifest["created"]
            starts[path.stem] = datetime.fromisoformat(started).timestamp()
    if max(starts, key=starts.__getitem__, default=experiment_id) != experiment_id:
        manifest = read_object(workspace.experiments / f"{experiment_id}.json")
        workspace.save_manifest({**manifest, "last_started": now()}, None)
