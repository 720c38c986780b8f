"""ONNX Runtime against PyTorch on a CPU: python -m experiments.benchmarks.onnx_runtime

One multi-task MiniLM for four tasks, and four task-specific ones, read the same texts in turns in one process: by PyTorch in
float32, by one ONNX graph in float32, and by that graph with int8 weights. Prints texts a second, milliseconds for one text,
the size of the graph, and the largest difference of a probability from PyTorch's. Heads are untrained: what int8 does to a
verdict is tested by `mtlens export --onnx`.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from experiments.benchmarks.inference import TASKS, make_family
from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports.rows import spine_rows
from mtlens.inference.export.onnx_family import time_in_turns
from mtlens.inference.export.onnx_graph import quantise, write_graph
from mtlens.inference.model.family import Family
from mtlens.inference.model.family_config import MemberConfig
from mtlens.inference.model.onnx_model import GRAPHS, OnnxModel, Runtime


def by_graph(family: Family, path: Path) -> Family:
    """The same family, run by a graph."""
    member = MemberConfig(folder="graph", run_id="graph", tasks=TASKS, layout="graph")
    config = family.config.model_copy(update={"members": (member,)})
    models = (OnnxModel(path, family.hardware.threads),)
    return Family(config=config, tokenizer=family.tokenizer, models=models, hardware=family.hardware)


def measure(groups: tuple[tuple[str, ...], ...], texts: list[str], folder: Path) -> dict[str, dict[str, float]]:
    """Of a family of one model for each group of tasks."""
    folder.mkdir()
    family = make_family(groups, precision="float32")
    graph, int8 = folder / GRAPHS["onnx"], folder / GRAPHS["onnx-int8"]
    write_graph(graph, family.models, TASKS, family.config.max_length)
    quantise(graph, int8)
    families: dict[Runtime, Family] = {
        "pytorch": family, "onnx": by_graph(family, graph), "onnx-int8": by_graph(family, int8),
    }  # fmt: skip
    expected = family.classify(texts)
    answer: dict[str, dict[str, float]] = {}
    for runtime, speed in time_in_turns(families, texts).items():
        said = families[runtime].classify(texts)
        answer[runtime] = {
            "texts_per_second": round(speed.texts_per_second, 1),
            "ms_for_one_text": round(speed.milliseconds, 2),
            "largest_difference": float(f"{max(np.abs(said[name] - expected[name]).max() for name in TASKS):.1g}"),
        }
    for runtime, path in (("onnx", graph), ("onnx-int8", int8)):
        answer[runtime]["megabytes"] = round(path.stat().st_size / 1e6, 1)
    return answer


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=128)
    texts = [row.text for row in spine_rows(Spine(region="cervical", reports=40, seed=5))][: parser.parse_args().texts]
    with tempfile.TemporaryDirectory() as place:
        answer = {
            "multi_task": measure((TASKS,), texts, Path(place) / "multi"),
            "task_specific": measure(tuple((task,) for task in TASKS), texts, Path(place) / "single"),
        }
    print(json.dumps({"texts": len(texts), **answer}, indent=1))


if __name__ == "__main__":
    main()
