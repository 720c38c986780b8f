"""What an experiment asks for, as it was written into the workspace when it was started."""

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backend.settings import Role, SplitName
from backend.spec import Experiment


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)  # and unknown keys are passed over: a later mtlens may write more


class ManifestTask(_Part):
    """A task and how many examples each class has in each split."""

    name: str
    column: str
    classes: tuple[str, ...]
    weight: float
    class_counts: dict[SplitName, dict[str, int]]


class ManifestRun(_Part):
    """A run and its part in the experiment. candidate: grid point, 0 without a grid."""

    run_id: str
    role: Role
    candidate: int


class ManifestPiece(_Part):
    """A piece of evidence that the experiment asks for. subject: in words, what it looks at."""

    piece_id: str
    kind: str
    subject: str


class Manifest(_Part):
    """Content of experiments/<experiment_id>.json."""

    experiment_id: str
    name: str
    created: AwareDatetime
    spec: Experiment
    tasks: tuple[ManifestTask, ...]
    runs: tuple[ManifestRun, ...]
    notes: tuple[str, ...]
    evidence: tuple[ManifestPiece, ...] = ()
