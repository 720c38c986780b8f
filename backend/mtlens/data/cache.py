"""Cache on disk for prepared data, addressed by content: in MTLENS_CACHE, or `mtlens` in the user's cache folder.

It contains texts, so only its owner can read it. Deleting it only costs time. A new entry deletes entries that were not used
for a month.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from mtlens.config.hashing import content_hash

VARIABLE = "MTLENS_CACHE"
"""Environment variable that names the folder."""
WORTH_KEEPING = 5_000
"""Number of rows from which data are kept: fewer are prepared anew in about a second."""
LARGE = 10_000_000
"""Size of a file in bytes from which results of reading it are kept."""
_DAYS = 30
_VALUE = "value.json"
Json = TypeVar("Json", float, str, list[int])


def cache_folder() -> Path | None:
    """The folder, which is created; None where it cannot be written."""
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtlens"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def find_entry(kind: str, *content: object) -> Path | None:
    """The entry for this content and this version of the code, or None."""
    folder = cache_folder()
    entry = None if folder is None else folder / _name(kind, content)
    if entry is None or not entry.is_dir():
        return None
    os.utime(entry)
    return entry


def keep_entry(write: Callable[[Path], object], kind: str, *content: object) -> None:
    """Let `write` fill a folder, which becomes the entry for this content when complete; no entry where the disk is full."""
    folder = cache_folder()
    if folder is None:
        return
    _delete_unused(folder)
    made = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    try:
        write(made)
        made.rename(folder / _name(kind, content))
    except BaseException as error:
        shutil.rmtree(made, ignore_errors=True)
        if not isinstance(error, OSError):
            raise


def kept_value(make: Callable[[], Json], kind: str, *content: object) -> Json:
    """What `make` gives for this content, as JSON: made once, and read from its entry afterwards."""
    if (entry := find_entry(kind, *content)) is not None:
        return json.loads((entry / _VALUE).read_text())
    value = make()
    keep_entry(lambda folder: (folder / _VALUE).write_text(json.dumps(value)), kind, *content)
    return value


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(kind: str, content: tuple[object, ...]) -> str:
    return f"{kind}-{content_hash([_code(), *content])}"


@cache
def _code() -> list[str]:
    """Digest of the code that reads data, so that no entry outlives it, and versions of what it relies on."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(file for part in ("config", "data", "tasks") for file in (package / part).rglob("*.py")):
        digest.update(file.read_bytes())
    return [digest.hexdigest(), *(version(name) for name in ("numpy", "pyarrow", "tokenizers", "transformers"))]


def _delete_unused(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.stat().st_mtime < time.time() - 86_400 * _DAYS:
            shutil.rmtree(entry, ignore_errors=True)
