"""The manifest of an experiment: what it asks for, written into the workspace when the experiment is started."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, ValidationError

from mtlens.config.experiment import Experiment
from mtlens.config.run_kinds import Role
from mtlens.data.splits import SplitName
from mtlens.errors import WorkspaceError
from mtlens.statistics.metrics import DEFAULT
from mtlens.store.workspace.files import now, read_object, to_json, write_atomic
from mtlens.store.workspace.journal import first_problem
from mtlens.store.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


Time = Annotated[AwareDatetime, PlainSerializer(_iso, return_type=str)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")  # a later mtlens may write more, and finds it again


class ManifestTask(_Part):
    """A task and how many examples each class has in each split."""

    name: str
    column: str
    classes: tuple[str, ...]
    weight: float
    kind: str = "classes"  # mtlens 0.1 had this kind and this metric alone
    metric: str = DEFAULT
    margin: float | None = None  # of earlier versions: that of the experiment
    class_counts: dict[SplitName, dict[str, int]]


class ManifestRun(_Part):
    """A run and its part in the experiment. candidate: grid point, 0 without a grid."""

    run_id: str
    role: Role
    candidate: Annotated[int, Field(ge=0, lt=2**31)]


class ManifestEvidence(_Part):
    """An evidence job that the experiment asks for. subject: what it examines, in words."""

    job_id: str = Field(validation_alias=AliasChoices("job_id", "piece_id"))  # mtlens 0.1 wrote piece_id
    kind: str
    subject: str


class ManifestLook(_Part):
    """A look of an experiment that trains seeds until its verdicts are settled. tasks: compared there, by kind of run."""

    seeds: Annotated[int, Field(ge=0, lt=2**31)]
    tasks: dict[Role, tuple[str, ...]]


class Manifest(_Part):
    """Content of experiments/<experiment_id>.json. examples: hash of their ids, splits and clusters.

    looks: those asked for so far. ended: why there is no further look.
    """

    created: Time
    format: int = 1
    experiment_id: str
    name: str
    spec: Experiment
    tasks: tuple[ManifestTask, ...]
    runs: tuple[ManifestRun, ...]
    notes: tuple[str, ...]
    examples: str | None = None
    evidence: tuple[ManifestEvidence, ...] = ()
    looks: tuple[ManifestLook, ...] = ()
    ended: str = ""
    last_started: Time | None = None

    def document(self) -> dict[str, Any]:
        """The manifest as a JSON object, without fields that were not set."""
        return {name: value for name, value in self.model_dump(mode="json").items() if name in self.model_fields_set}


class _Dates(BaseModel):
    """What tells when an experiment was started last; the rest of its manifest need not be readable."""

    created: AwareDatetime
    last_started: AwareDatetime | None = None


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file; `WorkspaceError` where it does not hold one."""
    try:
        return Manifest.model_validate(read_object(path))
    except ValidationError as error:
        raise WorkspaceError(f"{path} should hold an experiment's manifest: {first_problem(error)}") from error


def save_manifest(workspace: Workspace, manifest: Manifest, examples: "pa.Table | None") -> None:
    """Write an experiment's examples (example_id, split, cluster) and then, last, its manifest; None: they stay."""
    from mtlens.store.workspace import run_tables  # pyarrow takes longer to import than a plan may take

    path = workspace.experiments / f"{manifest.experiment_id}.json"
    if examples is not None:
        write_atomic(path.with_suffix(".examples.parquet"), run_tables.to_parquet(examples.cast(run_tables.EXAMPLES)))
    write_atomic(path, to_json(manifest.document()))


def mark_started(workspace: Workspace, experiment_id: str) -> None:
    """Mark an experiment as the one started last; if it already is, its manifest is not written, nor read again.

    Everything else in the file stays, also what a later mtlens wrote there.
    """
    starts: dict[str, datetime] = {}
    for path in workspace.experiments.glob("*.json"):
        with suppress(WorkspaceError, ValidationError):  # the store tells of one that cannot be read
            dates = _Dates.model_validate(read_object(path))
            starts[path.stem] = dates.last_started or dates.created
    if max(starts, key=starts.__getitem__, default=experiment_id) != experiment_id:
        path = workspace.experiments / f"{experiment_id}.json"
        write_atomic(path, to_json({**read_object(path), "last_started": now()}))
