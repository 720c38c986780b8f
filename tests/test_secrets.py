"""Token files are readable by their owner alone."""

import stat
from pathlib import Path

import pytest

from backend.errors import FleetError
from backend.fleet.cluster import _guard_token_file


def test_a_token_file_that_others_can_read_is_closed(tmp_path, monkeypatch):
    path = tmp_path / "auth_token"
    path.write_text("t" * 64)
    path.chmod(0o644)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
    _guard_token_file()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    monkeypatch.setattr(Path, "chmod", _refuse)
    with pytest.raises(FleetError, match=r"auth_token should be readable by its owner alone \(chmod 600\)"):
        _guard_token_file()


def _refuse(*_):
    raise PermissionError(1, "Operation not permitted")
