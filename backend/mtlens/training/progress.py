"""How far a run has come, and what it tells while it trains."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, kw_only=True)
class Step:
    """Told every few updates. losses: per task, the mean over the updates since the last report; NaN without any."""

    epoch: int
    step: int
    fraction: float
    losses: list[float]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Told after every epoch. validation and loss: mean score and loss of the tasks on the validation split.

    training_loss: mean over the updates of the epoch. Losses are in nats.
    state: makes the bytes to resume from. change: makes those of what training has changed so far.
    """

    epoch: int
    step: int
    fraction: float
    validation: float
    loss: float
    training_loss: float
    improved: bool
    state: Callable[[], bytes]
    change: Callable[[], bytes]


@dataclass(kw_only=True)
class Progress:
    """Counters of a run: epochs finished, updates made, updates that each task took part in, and the best epoch so far."""

    task_updates: list[int]
    epoch: int = 0
    updates: int = 0
    best_epoch: int = 0
    best_validation: float = -math.inf
    best_loss: float = math.inf
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list[dict[str, float]])

    def finish_epoch(self, validation: float, loss: float) -> bool:
        """Count an epoch; true if it is the best: higher validation score, or an equal one at a lower loss."""
        self.epoch += 1
        self.history.append({"epoch": self.epoch, "validation": validation, "loss": loss})
        improved = (validation, -loss) > (self.best_validation, -self.best_loss)
        if improved:
            self.best_epoch, self.best_validation, self.best_loss = self.epoch, validation, loss
        return improved

    def exhausted(self, patience: int) -> bool:
        """Whether `patience` epochs went by without a better one; never for patience 0."""
        return patience > 0 and self.epoch - self.best_epoch >= patience

    def to_dict(self) -> dict[str, object]:
        """For JSON; infinities of a run without an epoch never get there, as only finished epochs are saved."""
        return asdict(self)
