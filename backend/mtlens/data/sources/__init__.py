"""The sources of data, by their keys in an experiment file. To add one: write its file beside `tables`, and register it here.

An experiment file names its source under `data:`, as `data: {spine: {region: lumbar}}`.
"""

from mtlens.config import sources
from mtlens.config.experiment import Experiment
from mtlens.data.sources.base import Rows, Source
from mtlens.data.sources.spine import SpineReports
from mtlens.data.sources.tables import Tables

__all__ = ["Rows", "Source", "register", "source_of", "unregister"]


def register(source: type[Source]) -> None:
    """Add a source under its key."""
    sources.register(source.key, source)


def unregister(source: type[Source]) -> None:
    """Remove a source."""
    sources.unregister(source.key)


register(Tables)
register(SpineReports)


def source_of(experiment: Experiment) -> Source:
    """The source of an experiment's data."""
    assert isinstance(experiment.data, Source)
    return experiment.data
