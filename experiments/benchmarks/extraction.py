"""Memory and speed of `mtlens extract`: python -m experiments.benchmarks.extraction [FAMILY] [--reports 1000 10000]

Writes folders of so many synthetic reports, one in a hundred of them no text, and reads each in a process of its own. Prints
the peak memory of that process, reports a second, and how many files were skipped. `--short` writes one sentence for each.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import cast

import torch

from experiments.benchmarks.inference import TASKS, make_family
from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports import generate
from mtlens.inference.extraction.extract import Extraction
from mtlens.inference.extraction.inputs import Columns
from mtlens.inference.model.family import write_config
from mtlens.inference.model.weights import save_model
from mtlens.training.hardware import peak_memory

KINDS = 400  # different reports, used in turns


def write_family(folder: Path) -> Path:
    """The family of the other benchmarks, as an exported folder."""
    family = make_family((TASKS,))
    (model,) = family.models
    heads = {name: cast(torch.nn.Linear, head) for name, head in zip(TASKS, model.heads, strict=True)}
    save_model(folder / family.config.members[0].folder, model.encoder, heads, torch.bfloat16)
    family.tokenizer.save_pretrained(folder / "tokenizer")
    write_config(folder, family.config)
    return folder


def write_reports(folder: Path, number: int, short: bool) -> None:
    """Files of one report each; every hundredth is binary."""
    folder.mkdir()
    texts = (
        ["C5-6: mild disc bulge."]
        if short
        else [report.text for report in generate(Spine(region="cervical", reports=KINDS)).reports]
    )
    for place, text in enumerate(islice(cycle(texts), number)):
        content = b"\x89PNG\x00" if place % 100 == 99 else f"{text}\nNo. {place}".encode()
        (folder / f"{place:07d}.txt").write_bytes(content)


def extract(family: Path, folder: Path, out: Path) -> tuple[float, int]:
    """Seconds, loading included, and the peak memory of the process in bytes."""
    started = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()):
        Extraction(family, (str(folder),), Columns(), 0.5, "csv", out).run()
    return time.perf_counter() - started, peak_memory(torch.device("cpu"))


def measure(family: Path, number: int, short: bool) -> dict[str, float]:
    """One folder, in a fresh process."""
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place) / "reports", Path(place) / "findings.csv"
        write_reports(folder, number, short)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            seconds, peak = pool.submit(extract, family, folder, out).result()
        skipped = len(out.with_name(f"{out.name}.skipped").read_text().splitlines())
    return {"peak_mib": round(peak / 2**20), "reports_per_second": round(number / seconds, 1), "skipped": skipped}


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", type=Path, nargs="?", help="a multi-task MiniLM with untrained heads, where none is given")
    parser.add_argument("--reports", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        family = arguments.family or write_family(Path(place) / "family")
        found = {f"{number:,} reports": measure(family, number, arguments.short) for number in arguments.reports}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
