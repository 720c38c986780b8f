"""Fixtures of tests that run whole commands and pages."""

from collections.abc import Callable
from functools import partial

import pytest


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Opens a page on a workspace with some query parameters; returns Streamlit's test of it."""
    from tests.support.pages import open_page  # Streamlit takes a second to import

    return partial(open_page, monkeypatch)
