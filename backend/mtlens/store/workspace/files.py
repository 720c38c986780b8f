"""Files that appear whole or not at all, and JSON in them."""

import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mtlens.errors import WorkspaceError


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write `data` to `path` by a rename, so that readers see the old file or the new one and never a part, even after a crash.

    Where `durable`, file and folder are synced to disk before this returns. Raises `WorkspaceError`, with the old file
    in place, where the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        if durable:
            sync(path.parent)
    except OSError as error:
        raise failed_to("write", path, error) from error


def now() -> str:
    """The present time in UTC, ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def names_in(folder: Path) -> list[str]:
    """Names of the files and folders directly in `folder`, in no order."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_json(content: object) -> bytes:
    """Readable UTF-8 JSON, ? for unpaired surrogates; raises ValueError for NaN and infinity, which JSON does not have."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def read_object(path: Path) -> dict[str, Any]:
    """Content of a file that holds one JSON object; `WorkspaceError` where it does not or cannot be read."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise failed_to("read", path, error) from error
    except (ValueError, RecursionError) as error:
        raise WorkspaceError(f"{path} should hold JSON: {error}") from error
    if not isinstance(content, dict):
        raise WorkspaceError(f"{path} should hold a JSON object; found {type(content).__name__}")
    return content


def failed_to(act: str, path: Path, error: OSError) -> WorkspaceError:
    """Error message: which file the system refused to read or write, and why."""
    return WorkspaceError(f"{path}: could not {act} it: {error.strerror or error}")
