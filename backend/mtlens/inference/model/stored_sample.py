"""A sample of a family's outputs at its export, to compare with its outputs on this machine.

Another tokenizer, library or processor can change the outputs of a model without an error. The texts are synthetic and the same
for all families: sentences of synthetic reports, and strings that tokenizers often treat differently.
"""

from collections.abc import Sequence
from pathlib import Path
from platform import machine, processor

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from mtlens.config.sections import Spec
from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports.rows import spine_rows
from mtlens.errors import EncoderError
from mtlens.inference.model.family import Family
from mtlens.inference.model.said import largest_differences

FILE = "sample.json"
EXACT, ROUNDED = 1e-4, 0.05
"""Largest difference of a probability that counts as equal: with products in float32, and with products in bfloat16 or int8."""
_ODD = (
    "Café naïve ÀÉÎ ﬁn",
    "\u03b1-synuclein ≥ 5 mm, 3\u00d74 cm",
    "C5/6: <b>moderate</b> stenosis!",
    "тест 测试 テスト",
    "e\u0301 vs é",
    "A" * 40,
    "don't can't o'clock",
    "1,234.50 10e-3 L5-S1",
    "tab\tand\u00a0non-breaking\u2003spaces",
    "\U0001f9b4 bone",
    "word " * 600,
    "x",
)


class Sample(Spec):
    """texts: the inputs. said: by task, probabilities or a number for each text. versions: of libraries and processor.

    What is said of tags are the numbers of one word after the other.
    """

    texts: tuple[str, ...]
    said: dict[str, tuple[tuple[float, ...], ...]]
    versions: dict[str, str]


def take_sample(family: Family) -> Sample:
    """The outputs of a family for the sample's texts."""
    texts = (*(row.text for row in spine_rows(Spine(region="cervical", reports=4, seed=11))), *_ODD)
    said = family.classify(texts)
    rows = {name: tuple(tuple(map(float, row[~np.isnan(row)])) for row in values) for name, values in said.items()}
    return Sample(texts=texts, said=rows, versions=versions())


def write_sample(folder: Path, sample: Sample) -> None:
    """Write the sample beside the models."""
    (folder / FILE).write_text(sample.model_dump_json(indent=1) + "\n")


def read_sample(folder: Path) -> Sample:
    """The stored sample; EncoderError for a folder without one, as written before 0.2."""
    try:
        return Sample.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise EncoderError(
            f"{folder / FILE} should hold a sample of outputs: {type(error).__name__}; export it again"
        ) from None


def differences(sample: Sample, family: Family) -> dict[str, float]:
    """By task, the largest difference of the family's outputs from the sample; see `largest_differences`."""
    said = family.classify(sample.texts)
    expected = {name: _as_said(rows, said[name]) for name, rows in sample.said.items()}
    return largest_differences(family.config.scales, said, expected)


def _as_said(rows: Sequence[Sequence[float]], said: NDArray[np.float32]) -> NDArray[np.float64]:
    """Stored rows in the shape of what is said now, NaN where there is nothing."""
    width = int(np.prod(said.shape[1:]))
    flat = np.full((len(rows), max([width, *map(len, rows)])), np.nan)
    for place, row in enumerate(rows):
        flat[place, : len(row)] = row
    return flat.reshape(said.shape) if flat.shape[1] == width else flat


def limit(family: Family) -> float:
    """EXACT or ROUNDED, as the family is run."""
    is_int8 = any(member.folder == "onnx-int8" for member in family.config.members)
    return EXACT if family.hardware.dtype is torch.float32 and not is_int8 else ROUNDED


def versions() -> dict[str, str]:
    """Versions of everything that can change outputs."""
    from importlib.metadata import version

    names = ("torch", "transformers", "tokenizers")
    return {**{name: version(name) for name in names}, "processor": processor() or machine()}
