"""An exported family on a Ray cluster: the application of `extraction.server` in Ray Serve, one replica per lane.

Serve listens on every node, each time at the same host and port, and passes requests to the replicas. All nodes see the
family's folder at the same path. Serve's access log is off, and no other log holds report text.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mtlens.config.sections import Resources
from mtlens.execution.ray_backend.session import cluster_lanes, session
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.extraction.server import SECONDS, create, token_for
from mtlens.inference.model.family import load, read_config
from mtlens.inference.model.onnx_model import Runtime

_NAME = "mtlens"


class _Replica:
    """One replica: loads the models on its node. threads: of the CPU, where there is no GPU."""

    def __init__(self, folder: Path, threshold: float, threads: int, token: str | None, runtime: Runtime | None):
        self._reader = Reader(load(folder, threads=threads, runtime=runtime), threshold)
        self._token = token

    def __serve_build_asgi_app__(self) -> Any:
        """Serve asks for the application by this name."""
        return create(self._reader, self._token)


@contextmanager
def served(
    folder: Path, address: str | None, host: str, port: int, threshold: float, runtime: Runtime | None = None
) -> Generator[int]:
    """Serve on the cluster at `address`, or on a Ray started here, while the context lasts; yields the number of replicas."""
    token = token_for(host)
    read_config(folder)
    with session(address):
        from ray import serve

        lanes = cluster_lanes(Resources())
        serve.start(
            proxy_location="EveryNode",
            http_options={"host": host, "port": port, "request_timeout_s": 2 * SECONDS},
            logging_config={"enable_access_log": False, "log_level": "WARNING"},
        )
        deployment: Any = serve.deployment(
            serve.ingress()(_Replica),
            name=_NAME,
            num_replicas=lanes.workers,
            ray_actor_options={"num_cpus": lanes.cpus, "num_gpus": lanes.gpus},
            logging_config={"enable_access_log": False},
        )
        try:
            serve.run(deployment.bind(folder.resolve(), threshold, lanes.threads, token, runtime), name=_NAME)
            yield lanes.workers
        finally:
            serve.shutdown()


def serve_on_cluster(
    folder: Path, address: str, host: str, port: int, threshold: float, runtime: Runtime | None = None
) -> None:
    """Serve until Ctrl-C; MtlensError where `host` is not the node itself and there is no token."""
    with served(folder, address, host, port, threshold, runtime) as replicas:
        print(
            f"Serving {read_config(folder).name} at {host}:{port} of every node, {replicas} replicas (Ctrl-C ends it)",
            flush=True,
        )
        threading.Event().wait()
