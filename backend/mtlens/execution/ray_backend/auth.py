"""Authentication with a cluster: protects the token file, and asks the head node whether it accepts the token."""

import os
import stat
from pathlib import Path
from typing import Any

from mtlens.errors import ExecutionError

SECONDS_TO_ANSWER = 20.0


def guard_token_file() -> None:
    """Make a cluster's token readable by its owner only: Ray itself writes it with the default mode of the umask."""
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    if "RAY_AUTH_TOKEN" in os.environ or not path.is_file():
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        try:
            path.chmod(0o600)
        except OSError as error:
            raise ExecutionError(f"{path} should be readable by its owner alone (chmod 600); {error.strerror}") from None


def check_entry(address: str) -> None:
    """Ask the head at HOST:PORT, or `auto`, for the cluster's id; Ray itself would keep trying for a minute or longer.

    Raises ExecutionError where the token is missing or refused, and ConnectionError where no head answers in time.
    """
    import grpc
    from ray._private.grpc_utils import init_grpc_channel
    from ray._private.services import canonicalize_bootstrap_address_or_die
    from ray.core.generated.gcs_service_pb2 import GetClusterIdRequest  # pyrefly: ignore[missing-module-attribute] - made at run time
    from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub
    from ray.exceptions import AuthenticationError

    if "://" in address:
        raise ExecutionError(f"--address should be HOST:PORT of the cluster's head, or auto; found {address!r}")
    wanted = f"cluster at {address!r} should get its token, in ~/.ray/auth_token or RAY_AUTH_TOKEN"
    try:
        head: Any = init_grpc_channel(canonicalize_bootstrap_address_or_die(address))
        with head:
            NodeInfoGcsServiceStub(head).GetClusterId(GetClusterIdRequest(), timeout=SECONDS_TO_ANSWER)
    except AuthenticationError:
        raise ExecutionError(f"{wanted}; found none") from None
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            raise ExecutionError(f"{wanted}; found one that it refuses") from None
        raise ConnectionError(error.details()) from None
