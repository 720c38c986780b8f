"""How fast a lane trains on this machine: kept for ten minutes, for who edits a file and plans again.

PyTorch, whose import takes longer than the rest of such a plan, is imported only where the rate has to be measured. (Tokenizers
import it too, where tokens are not on disk.)
"""

import platform
import time

from mtlens.config.run import Run
from mtlens.data.cache import kept_value
from mtlens.execution.plan import Plan

_KEPT = 600  # seconds


def training_rate(plan: Plan, run: Run, *, threads: int, gpu: bool) -> float:
    """FLOP/s of one lane in updates of `run`, as measured now or in the last ten minutes (see `measured_rate`)."""

    def measure() -> float:
        from mtlens.execution.measured_rate import measured_rate
        from mtlens.training.hardware import trim_memory

        rate = measured_rate(plan, run, threads=threads, gpu=gpu)
        trim_memory()  # that of the model
        return rate

    alike = run.model_copy(update={"seed": 0, "fold": None, "data": plan.examples.text_fingerprint})
    return kept_value(measure, "rate", platform.node(), threads, gpu, alike.run_id, int(time.time() // _KEPT))
