"""A run that can be written to a workspace."""

import pytest

from mtlens.config.run import Run
from tests.support import fake_runs


@pytest.fixture
def run() -> Run:
    return fake_runs.fake_experiment().runs[0]
