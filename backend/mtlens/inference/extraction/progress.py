"""Progress of an extraction, stored beside its output, so that the same command resumes where it was stopped.

It is written only after the output that it describes is on disk. If the output is missing, extraction begins anew.
"""

import os
from pathlib import Path
from typing import IO, Any

from mtlens.config.sections import Spec
from mtlens.errors import DataError
from mtlens.store.workspace.files import to_json, write_atomic


class ExtractionProgress(Spec):
    """done: inputs. last: id of the last of them. bytes, skipped: length of the output and of the list of what was skipped.

    asked: the settings of the command.
    """

    asked: list[Any]
    done: int = 0
    last: str = ""
    bytes: int = 0
    skipped: int = 0


def beside(out: Path, kind: str) -> Path:
    """Path of a file beside an output: `progress` or `skipped`."""
    return out.with_name(f"{out.name}.{kind}")


def read_progress(out: Path, asked: list[Any]) -> ExtractionProgress:
    """Progress of `out`; DataError where it is of another command, or the output was changed since."""
    path = beside(out, "progress")
    if not out.exists():
        return ExtractionProgress(asked=asked)
    if not path.exists():
        raise DataError(f"{out} should not exist yet; found a file, which stays as it is")
    try:
        begun = ExtractionProgress.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        raise DataError(f"{path} should be as mtlens wrote it; delete {out} to begin anew") from None
    if begun.asked != asked:
        raise DataError(f"{out} was begun with other settings; delete it to begin anew")
    if (size := out.stat().st_size) < begun.bytes:
        wanted = f"{out} should have the {begun.bytes:,} bytes that {path} speaks of"
        raise DataError(f"{wanted}; found {size:,}; delete {out} to begin anew")
    return begun


def write_progress(out: Path, progress: ExtractionProgress) -> None:
    """WorkspaceError where it cannot be written."""
    write_atomic(beside(out, "progress"), to_json(progress.model_dump()))


def on_disk(file: IO[str]) -> int:
    """The length of an open file, once all of it is on disk."""
    file.flush()
    os.fsync(file.fileno())
    return os.fstat(file.fileno()).st_size
