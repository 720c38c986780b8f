"""The table of the figure of arms: the ways to make one model, a row each."""

from collections.abc import Sequence

from mtlens_dashboard.queries import ArmInfo
from mtlens_dashboard.tables import Table

_COLUMNS = (
    "arm", "recommended", "metric", "margin", "difference", "low90", "high90", "verdict", "matching", "shortfall",
    "validation_score", "seeds", "seconds", "inference_seconds", "peak_memory_bytes", "single_seconds",
    "single_inference_seconds", "single_peak_memory_bytes", "conflict_rate", "gradient_cosine", "cka", "retries",
)  # fmt: skip


def of_arms(arms: Sequence[ArmInfo]) -> Table:
    """One row per arm; a column per task has its verdict there."""
    tasks = list(dict.fromkeys(task for arm in arms for task in arm.tasks))
    verdicts = [dict(zip(arm.tasks, arm.verdicts, strict=True)) for arm in arms]
    rows = [
        (*(getattr(arm, name) for name in _COLUMNS), *map(of_tasks.get, tasks))
        for arm, of_tasks in zip(arms, verdicts, strict=True)
    ]
    return Table(columns=(*_COLUMNS, *tasks), rows=tuple(rows))
