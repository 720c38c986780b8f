"""Folders in which data files are searched: the given folder or else MTLENS_DATA, then that of the experiment file."""

import os
from collections.abc import Sequence
from pathlib import Path

from mtlens.errors import DataError

VARIABLE = "MTLENS_DATA"
"""Environment variable that names a folder of data."""


def data_folders(folder: Path, given: Path | None = None) -> list[Path]:
    """Folders in which the files of an experiment are searched, in order. folder: that of the experiment file."""
    first = given or os.environ.get(VARIABLE)
    return [Path(first), folder] if first else [folder]


def find(name: str, folders: Sequence[Path]) -> Path | None:
    """The file or folder of that name in the first folder that has it."""
    return next((path for folder in folders if (path := folder / name).exists()), None)


def find_file(name: str, folders: Sequence[Path]) -> Path:
    """The file of that name in the first folder that has it; `DataError` where none has."""
    for folder in folders:
        if (path := folder / name).is_file():
            return path
    places = ", ".join(str(folder) for folder in folders)
    raise DataError(f"{name}: table should be a file in one of [{places}]; found none there")
