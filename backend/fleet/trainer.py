"""Ray Train: a fleet of lanes that pull runs from a queue, and wide runs. The only file that knows Ray Train.

The fleet is one worker group, started once per experiment. Its start-up costs seconds (measured with ray 2.60 on 2 cores:
6 to 12 s), so it is paid once and not per run; a group per node would pay it once per node. When a worker dies, Ray Train
restarts the group: the runs in flight go on from their last epoch, the finished ones are not touched.
"""

import secrets
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import ray
import ray.train
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from backend.data.encode import Encoded
from backend.errors import FleetError
from backend.fleet.broker import Broker
from backend.fleet.cluster import Lanes
from backend.learn.execute import execute
from backend.learn.world import World
from backend.spec import Outcome, Run
from backend.store.workspace import Workspace


def run_fleet(runs: Sequence[Run], encoded: Encoded, workspace: Workspace, lanes: Lanes) -> list[Outcome]:
    """Train runs side by side, one per lane at a time; returns their outcomes in order. Raises FleetError if it breaks down."""
    broker: Any = cast("Any", ray.remote(Broker)).options(num_cpus=0, max_concurrency=10_000).remote()
    answer = broker.ask_last.remote(list(runs))
    config = {
        "broker": broker,
        "encoded": ray.put(encoded),
        "workspace": str(workspace.root),
        "threads": lanes.threads,
    }
    _fit(_lane, config, lanes, workers=min(lanes.count, len(runs)), workspace=workspace, failures=3 * len(runs))
    return ray.get(answer, timeout=60)


def run_wide(run: Run, encoded: Encoded, workspace: Workspace, lanes: Lanes, *, workers: int) -> Outcome:
    """Train one run data-parallel over `workers` processes, with the same numbers as in one, up to rounding."""
    config = {"run": run, "encoded": ray.put(encoded), "workspace": str(workspace.root), "threads": lanes.threads}
    try:
        return _fit(_wide, config, lanes, workers=workers, workspace=workspace, failures=3)
    except FleetError as error:
        return Outcome(run_id=run.run_id, reason=str(error))


def _fit(loop: Any, config: dict[str, Any], lanes: Lanes, *, workers: int, workspace: Workspace, failures: int) -> Any:
    trainer = TorchTrainer(
        loop,
        train_loop_config=config,
        torch_config=TorchConfig(backend="nccl" if lanes.gpus == 1 else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=workers,
            use_gpu=lanes.gpus > 0,
            resources_per_worker={"CPU": lanes.cpus, **({"GPU": lanes.gpus} if lanes.gpus else {})},
        ),
        run_config=RunConfig(
            name=f"fleet-{secrets.token_hex(8)}",  # Ray must not take up another fleet: run folders say where to go on
            storage_path=str(workspace.root / "ray"),
            failure_config=FailureConfig(max_failures=failures, controller_failure_limit=3),
        ),
    )
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        return trainer.fit().return_value
    except ray.train.TrainingFailedError as error:
        raise FleetError(f"the fleet should outlive its runs; it broke down: {str(error).splitlines()[0]}") from error
    except SystemExit:  # what Ray Train makes of Ctrl-C, after it has stopped the workers
        raise KeyboardInterrupt from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupt)


def _lane(config: dict[str, Any]) -> None:
    """One lane: pull a run, train it, tell how it went, until there are no more."""
    rank = ray.train.get_context().get_world_rank()
    encoded: Encoded = ray.get(config["encoded"])
    workspace = Workspace.open(Path(config["workspace"]))
    broker = config["broker"]
    while (run := cast("Run | None", ray.get(broker.take.remote(rank)))) is not None:
        ray.get(broker.give.remote(rank, execute(run, encoded, workspace, threads=config["threads"])))


def _wide(config: dict[str, Any]) -> Outcome:
    context = ray.train.get_context()
    world = World(rank=context.get_world_rank(), size=context.get_world_size())
    workspace = Workspace.open(Path(config["workspace"]))
    return execute(config["run"], ray.get(config["encoded"]), workspace, threads=config["threads"], world=world)
