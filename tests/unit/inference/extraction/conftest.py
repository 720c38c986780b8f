"""The family that tests of extraction and of the server read reports with."""

from pathlib import Path

import pytest

from tests.support import trained_family


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A family that was never trained, as an exported folder; only read."""
    return trained_family.fabricate(tmp_path_factory.mktemp("fabricated"))
