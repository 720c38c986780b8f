"""How a Ray session starts on this machine: tried twice, on loopback, and one line where it does not come up."""

import psutil
import pytest
import ray

from mtlens.errors import ExecutionError
from mtlens.execution.ray_backend.session import session


@pytest.fixture
def starts(monkeypatch):
    """Replaces Ray's start by one that fails a given number of times; returns the number of tries."""
    tries = []

    def fail(times, error):
        def init(*_, **__):
            tries.append(None)
            if len(tries) <= times:
                raise error
            return type("Joined", (), {"dashboard_url": ""})()

        monkeypatch.setattr(ray, "is_initialized", lambda: False)
        monkeypatch.setattr(ray, "init", init)
        monkeypatch.setattr(ray, "shutdown", lambda: None)
        return tries

    return fail


@pytest.mark.parametrize("error", [Exception("The current node timed out during startup."), TimeoutError(), RuntimeError("x")])
def test_a_start_that_fails_is_tried_once_more(starts, error):
    tries = starts(1, error)
    with session(None) as dashboard:
        assert dashboard == ""
    assert len(tries) == 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Exception("The current node timed out during startup.\nMore."), "The current node timed out during startup."),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_start_that_fails_twice_is_one_line(starts, error, reason):
    tries = starts(2, error)
    with pytest.raises(ExecutionError) as caught, session(None):
        pass
    assert str(caught.value) == f"Ray should start on this machine: {reason}; `--local` trains without Ray"
    assert len(tries) == 2


def test_what_fails_inside_a_session_is_not_tried_again(starts):
    tries = starts(0, Exception())
    with pytest.raises(KeyError), session(None):
        raise KeyError
    assert len(tries) == 1


@pytest.mark.usefixtures("ray_session")
def test_a_session_on_this_machine_listens_on_loopback_alone():
    mine = {process.pid for process in psutil.Process().children(recursive=True)}
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.pid in mine
    }
    assert listening
    assert {address.removeprefix("::ffff:") for address, _ in listening} <= {"127.0.0.1", "::1"}
