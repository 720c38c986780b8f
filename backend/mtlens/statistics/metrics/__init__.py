"""The metrics, by name. To add one: write its file beside these, and register it with one line in this one.

A metric gives statistics of each example whose weighted sums decide the score (see `base`). A task of an experiment file names
it: `tasks: {disc: {classes: [...], metric: accuracy}}`, or for a metric of one class `metric: f1(severe)`. It is then
computed for every run, the epochs and grid points are chosen by it, and the tables and figures of results show it.
"""

import re
from collections.abc import Sequence

from mtlens.errors import ExperimentError
from mtlens.statistics.metrics.accuracy import Accuracy
from mtlens.statistics.metrics.balanced_accuracy import BalancedAccuracy
from mtlens.statistics.metrics.base import Metric, MetricOfClass, Reads
from mtlens.statistics.metrics.calibration_error import CalibrationError
from mtlens.statistics.metrics.f1 import F1
from mtlens.statistics.metrics.log_loss import LogLoss
from mtlens.statistics.metrics.macro_f1 import MacroF1
from mtlens.statistics.metrics.matthews import Matthews
from mtlens.statistics.metrics.mean_absolute_error import MeanAbsoluteError
from mtlens.statistics.metrics.micro_f1 import MicroF1
from mtlens.statistics.metrics.pearson import Pearson
from mtlens.statistics.metrics.pr_auc import PrAuc
from mtlens.statistics.metrics.quadratic_kappa import QuadraticKappa
from mtlens.statistics.metrics.r2 import R2
from mtlens.statistics.metrics.roc_auc import RocAuc
from mtlens.statistics.metrics.span_f1 import SpanF1
from mtlens.statistics.metrics.spearman import Spearman

DEFAULT = "macro_f1"
"""Metric of a task of classes that names none."""

METRICS: dict[str, Metric] = {}

_OF_CLASS = re.compile(r"(\w+)\((.+)\)")


def register(metric: Metric) -> None:
    """Add a metric under its name."""
    METRICS[metric.name] = metric


for _metric in (
    MacroF1(), MicroF1(), F1(), Accuracy(), BalancedAccuracy(), Matthews(), QuadraticKappa(), RocAuc(), PrAuc(),
    MeanAbsoluteError(), R2(), Pearson(), Spearman(), CalibrationError(), LogLoss(), SpanF1(),
):  # fmt: skip
    register(_metric)


def _parts(name: str) -> tuple[Metric | None, str | None]:
    """The registered metric of a name, and the class that it names."""
    of_class = _OF_CLASS.fullmatch(name)
    metric = METRICS.get(of_class[1] if of_class else name)
    if of_class and not isinstance(metric, MetricOfClass):
        return None, None
    return metric, of_class[2] if of_class else None


def find_metric(name: str, classes: Sequence[str] = ()) -> Metric:
    """The metric of a name such as `accuracy` or `f1(severe)`; ExperimentError where there is none.

    classes: of the task, in their order.
    """
    metric, named = _parts(name)
    if metric is None:
        raise ExperimentError(f"metric should be one of {', '.join(METRICS)}; found {name!r}")
    if not isinstance(metric, MetricOfClass):
        return metric
    if named is not None:
        if named not in classes:
            raise ExperimentError(f"metric {metric.name} should name a class of the task; found {named!r}")
        return type(metric)(classes.index(named))
    if metric.needs_class and len(classes) > 2:
        raise ExperimentError(f"metric {name} of more than two classes should name one, as {name}({classes[-1]}); found none")
    return metric


def reads_of(name: str) -> Reads:
    """Which predictions the metric of a name scores; ExperimentError where there is none."""
    metric, _ = _parts(name)
    return find_metric(name).reads if metric is None else metric.reads


def label_of(name: str) -> str:
    """A metric's name in sentences and figures; the name itself where no such metric is registered."""
    metric, named = _parts(name)
    if metric is None:
        return name
    return metric.label if named is None else f"{metric.label} of {named}"


def unit_of(name: str) -> tuple[float, float]:
    """Scale with which a metric is shown, and its sign: -1 where less is better. 100 and 1 where it is not registered."""
    metric, _ = _parts(name)
    return (100.0, 1.0) if metric is None else (metric.scale, metric.sign)
