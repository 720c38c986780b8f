"""The GPU benchmark runs without a GPU in a tiny size, needs torch and transformers alone, and counts FLOPs right."""

import json
import subprocess
import sys

import pytest
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from experiments.benchmarks.gpu import Bench

BLOCKED = ("ray", "duckdb", "pyarrow", "pydantic", "peft", "streamlit", "backend")


def test_it_needs_no_other_package():
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({BLOCKED!r}))\n"
        "sys.argv = ['gpu', *'--tiny --batch 2 --length 8 --steps 1 --tasks 2'.split()]\n"
        "from experiments.benchmarks.gpu import main; main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert answer["device"] == "cpu"
    assert set(answer["texts_per_second"]) == set(answer["flop_utilisation"])
    assert all(value > 0 for value in answer["texts_per_second"].values())


def test_the_counted_operations_are_those_of_torch():
    bench = Bench(tiny=True, batch=2, length=16, steps=1, compiled=False)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # others are not counted on a CPU
        bench.states()()
    assert counter.get_total_flops() == pytest.approx(bench.flops(), rel=0.01)
