"""The metrics, by name. To add one: write its file beside these, and register it with one line in this one.

A metric that verdicts may rest on is a `ComparableMetric`: it gives statistics of each example whose weighted sums decide the
score (see `base`). A task of an experiment file names it: `tasks: {disc: {classes: [...], metric: accuracy}}`. It is then
computed for every run, the epochs and grid points are chosen by it, and the tables and figures of results show it.
"""

from mtlens.errors import ExperimentError
from mtlens.statistics.metrics.accuracy import Accuracy
from mtlens.statistics.metrics.base import ComparableMetric, Metric
from mtlens.statistics.metrics.calibration_error import CalibrationError
from mtlens.statistics.metrics.log_loss import LogLoss
from mtlens.statistics.metrics.macro_f1 import MacroF1

DEFAULT = "macro_f1"
"""Metric of a task of classes that names none."""

METRICS: dict[str, Metric] = {}


def register(metric: Metric) -> None:
    """Add a metric under its name."""
    METRICS[metric.name] = metric


for _metric in (MacroF1(), Accuracy(), CalibrationError(), LogLoss()):
    register(_metric)


def comparable(name: str) -> ComparableMetric:
    """The metric of a name, which verdicts may rest on; ExperimentError where there is none."""
    metric = METRICS.get(name)
    if not isinstance(metric, ComparableMetric):
        names = ", ".join(name for name, metric in METRICS.items() if isinstance(metric, ComparableMetric))
        raise ExperimentError(f"metric should be one of {names}; found {name!r}")
    return metric


def label_of(name: str) -> str:
    """A metric's name in sentences and figures; the name itself where no such metric is registered."""
    return METRICS[name].label if name in METRICS else name
