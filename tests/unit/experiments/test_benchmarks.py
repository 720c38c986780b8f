"""Every benchmark can be started: what it imports is there."""

import importlib
from pathlib import Path

import pytest

import experiments.benchmarks

MODULES = sorted(path.stem for path in Path(experiments.benchmarks.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_it_is_imported_and_says_how_to_start_it(name):
    module = importlib.import_module(f"experiments.benchmarks.{name}")
    assert f"python -m experiments.benchmarks.{name}" in module.__doc__
