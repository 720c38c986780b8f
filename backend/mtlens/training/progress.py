"""Progress of a run, and the reports that it makes while it trains."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, kw_only=True)
class Step:
    """Reported every few updates. losses: per task, the mean over the updates since the last report; NaN without any."""

    epoch: int
    step: int
    fraction: float
    losses: list[float]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Reported after every epoch. validation and loss: mean score and loss of the tasks on the validation split.

    training_loss: mean over the updates of the epoch. Losses are in nats.
    collapsed: tasks with one class predicted for all texts of validation.
    state: returns the bytes to resume from. change: returns the bytes of the changes of weights so far.
    """

    epoch: int
    step: int
    fraction: float
    validation: float
    loss: float
    training_loss: float
    improved: bool
    collapsed: list[str]
    state: Callable[[], bytes]
    change: Callable[[], bytes]


@dataclass(kw_only=True)
class Progress:
    """Counters of a run: epochs finished, updates made, updates that each task took part in, and the best epoch so far.

    attempt: 0, plus one for each restart because a task had collapsed. seconds: time of all attempts. task_losses: mean
    training loss of each task in each epoch, NaN without a label. conflicts: tallies of the `ConflictMeter`.
    """

    task_updates: list[int]
    epoch: int = 0
    updates: int = 0
    best_epoch: int = 0
    best_validation: float = -math.inf
    best_loss: float = math.inf
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    attempt: int = 0
    task_losses: list[list[float]] = field(default_factory=list[list[float]])
    conflicts: list[list[list[float]]] = field(default_factory=list[list[list[float]]])

    def finish_epoch(self, validation: float, loss: float) -> bool:
        """Count an epoch; true if it is the best: higher validation score, or an equal one at a lower loss."""
        self.epoch += 1
        self.history.append({"epoch": self.epoch, "validation": validation, "loss": loss})
        improved = (validation, -loss) > (self.best_validation, -self.best_loss)
        if improved:
            self.best_epoch, self.best_validation, self.best_loss = self.epoch, validation, loss
        return improved

    def restarted(self) -> "Progress":
        """Counters of the next attempt."""
        return Progress(task_updates=[0] * len(self.task_updates), attempt=self.attempt + 1, seconds=self.seconds)

    def exhausted(self, patience: int) -> bool:
        """Whether `patience` epochs went by without a better one; never for patience 0."""
        return patience > 0 and self.epoch - self.best_epoch >= patience

    def to_dict(self) -> dict[str, object]:
        """The counters as JSON; the infinities of a run without an epoch do not occur, as only finished epochs are saved."""
        return asdict(self)
