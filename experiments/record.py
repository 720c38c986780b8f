"""Packs a workspace into the recording that `mtlens demo --instant` unpacks: python -m experiments.record -w results"""

import argparse
from pathlib import Path

from mtlens.store.demo_results import RECORDING, record
from mtlens.store.workspace.workspace import Workspace


def main() -> None:
    """Record and say how large it became."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", "-w", type=Path, default=Path("results"))
    count = record(Workspace.open(parser.parse_args().workspace, create=False), RECORDING)
    print(f"{count} files in {RECORDING}, {RECORDING.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
