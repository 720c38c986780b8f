"""The store that most tests of figures, queries and wording read."""

import pytest

from mtlens.store.workspace.workspace import Workspace
from tests.support.fake_stores import Stores


@pytest.fixture(scope="session")
def full(stores: Stores) -> Workspace:
    """An experiment with verdicts and evidence."""
    return stores["full"]


@pytest.fixture(scope="session")
def partial(stores: Stores) -> Workspace:
    """An experiment in the middle of its training."""
    return stores["partial"]


@pytest.fixture(scope="session")
def hostile(stores: Stores) -> Workspace:
    """Names that look like markup, and values that are not numbers."""
    return stores["hostile"]
