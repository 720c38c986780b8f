"""The journal of a run: what happened while it trained, one JSON object per line, appended and never changed.

A process that dies may leave half a line at the end. A reader stops before it. A process that resumes the run opens a new
journal, so nothing is ever appended to half a line.
"""

import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, JsonValue, ValidationError

from mtlens.config.sections import Spec
from mtlens.errors import WorkspaceError
from mtlens.store.workspace.files import failed_to

EventKind = Literal["start", "resume", "progress", "epoch", "retry", "done", "failed"]

_SECONDS_BETWEEN_SYNCS = 1.0
_SYNCED_KINDS = ("epoch", "done", "failed")
_YEAR_9999 = 253_402_300_799  # the last second that calendars of databases and of Python reach


class Event(Spec):
    """One line. time: seconds since 1970. fraction: how much of the run is done, in [0, 1]."""

    time: Annotated[float, Field(ge=0, le=_YEAR_9999)]
    kind: EventKind
    epoch: Annotated[int, Field(ge=0, lt=2**31)] | None = None  # as far as the database counts
    step: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    payload: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])


class Journal:
    """Writer of one new journal file. Call `close` when the process is done with the run."""

    def __init__(self, path: Path):
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise failed_to("write", path, error) from error
        self._path = path
        self._synced = -math.inf

    def write(
        self,
        kind: EventKind,
        *,
        epoch: int | None = None,
        step: int | None = None,
        fraction: float | None = None,
        **payload: object,
    ) -> None:
        """Append one event; numbers in the payload that are NaN or infinite become null.

        Readers see it at once. It is synced to disk at once where the kind is epoch, done or failed, and otherwise
        together with the first event that comes a second or more after the last sync.
        """
        event = {"time": time.time(), "kind": kind, "epoch": epoch, "step": step, "fraction": fraction, "payload": payload}
        line = json.dumps(finite(event), ensure_ascii=False, allow_nan=False).encode(errors="replace") + b"\n"
        try:
            self._append(line)
            if kind in _SYNCED_KINDS or time.monotonic() - self._synced >= _SECONDS_BETWEEN_SYNCS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise failed_to("write", self._path, error) from error

    def _append(self, line: bytes) -> None:
        start = os.fstat(self._file.fileno()).st_size
        written = self._file.write(line)
        if written != len(line):
            self._file.truncate(start)
            raise WorkspaceError(f"{self._path}: could not write it: the disk took {written} of {len(line)} bytes")

    def close(self) -> None:
        """Close the file; writing afterwards is an error."""
        self._file.close()


@dataclass(frozen=True, kw_only=True)
class Tail:
    """Content of a journal from some byte on: events and bad lines with their positions, and where to continue reading."""

    events: tuple[tuple[int, Event], ...]
    bad_lines: tuple[tuple[int, str], ...]
    end: int


def read_tail(path: Path, start: int) -> Tail:
    """Read the whole lines from byte `start` on; a last line without its newline is left for the next time."""
    with path.open("rb") as file:
        file.seek(start)
        content = file.read()
    events: list[tuple[int, Event]] = []
    bad_lines: list[tuple[int, str]] = []
    position = start
    for line in content.split(b"\n")[:-1]:
        try:
            events.append((position, Event.model_validate_json(line)))
        except ValidationError as error:
            bad_lines.append((position, first_problem(error)))
        position += len(line) + 1
    return Tail(events=tuple(events), bad_lines=tuple(bad_lines), end=position)


def finite(value: object) -> object:
    """Copy of a JSON-like value in which NaN and the infinities are None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def first_problem(error: ValidationError) -> str:
    """One line that says which value is wrong, and how."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
