"""Writes two other states of MiniLM-L6: its first three layers, and all six with random weights.

Run: python -m experiments.claim.encoders encoders      Then, in the same folder: mtlens run experiments/claim/states.yaml

`three-layers` and `random` in that folder are transformers folders with MiniLM's tokenizer. The random weights follow the
distribution with which transformers initialises a BERT (seed 0).
"""

import argparse
import shutil
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from mtlens.config.sections import MINILM
from mtlens.data.encoders import locate

LAYERS = 3


def write_states(folder: Path) -> list[Path]:
    """Write both encoders and return their folders, which are replaced where they exist."""
    source = locate(MINILM).directory
    shallow = AutoModel.from_pretrained(source, num_hidden_layers=LAYERS)
    torch.manual_seed(0)
    random = AutoModel.from_config(AutoConfig.from_pretrained(source))
    written: list[Path] = []
    for name, model in (("three-layers", shallow), ("random", random)):
        target = folder / name
        shutil.rmtree(target, ignore_errors=True)
        model.save_pretrained(target, safe_serialization=True)
        AutoTokenizer.from_pretrained(source).save_pretrained(target)
        written.append(target)
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    for path in write_states(parser.parse_args().folder):
        print(path)
