"""Who may join a cluster, and that whoever may not is told so at once; a real head refuses tokens in test_nodes.py."""

import os
import secrets
import socket

import pytest

from mtlens.errors import ExecutionError
from mtlens.execution.ray_backend import auth


def test_a_head_that_never_answers_is_given_up(monkeypatch):
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # for good: Ray keeps the one that it has read
    monkeypatch.setattr(auth, "SECONDS_TO_ANSWER", 0.5)
    with socket.create_server(("", 0)) as silent, pytest.raises(ConnectionError, match="Deadline Exceeded"):
        auth.check_entry(f"127.0.0.1:{silent.getsockname()[1]}")


def test_rays_client_is_not_the_way_in():
    with pytest.raises(
        ExecutionError, match="--address should be HOST:PORT of the cluster's head, or auto; found 'ray://head:10001'"
    ):
        auth.check_entry("ray://head:10001")
