"""Reads any number of reports in constant memory and goes on where it was stopped.

Reports come one at a time, are read in chunks and written at once. Beside the output lies `<out>.progress`: how many inputs
are done, the last one's id, and how long the output is; what was half written is cut off before going on. What could not be
read is listed in `<out>.skipped`. Neither holds report text.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from backend.errors import DataError
from backend.ship.family import load
from backend.ship.findings import Reader
from backend.ship.inputs import Columns, Incoming, read_all
from backend.ship.outputs import Style, heading, written
from backend.store.workspace import to_json, write_atomic

CHUNK = 32  # reports that are read together
LOGGED = 32  # chunks between two lines of a log


@dataclass(frozen=True)
class Extraction:
    """One call of `mtlens extract`."""

    model: Path
    inputs: tuple[str, ...]
    columns: Columns
    threshold: float
    style: Style
    out: Path | None

    def run(self) -> None:
        """Read everything; DataError where nothing at all could be read."""
        reader = Reader(load(self.model), self.threshold)
        done, length = self._progress()
        reports = self._remaining(done)
        read = skipped = 0
        with _opened(self.out, length) as file, _opened(self._beside("skipped"), None if not done else -1) as aside:
            if not length and (head := heading(self.style)):
                file.write(head)
            while chunk := list(islice(reports, CHUNK)):
                good = [one for one in chunk if not one.problem]
                for found in reader.read([(one.id, one.text) for one in good]):
                    file.write(written(found, self.style))
                for bad in chunk:
                    if bad.problem:
                        aside.write(f"{bad.id}: {bad.problem}\n")
                done, read, skipped = done + len(chunk), read + len(good), skipped + len(chunk) - len(good)
                file.flush()
                aside.flush()
                self._note(done, chunk[-1].id, file)
        over = "\r" if sys.stderr.isatty() else ""
        print(f"{over}{read:,} reports read, {skipped:,} skipped", file=sys.stderr)
        if skipped and not read and done == skipped:
            raise DataError(f"at least one report should be readable; found {skipped:,} that are not, listed above")

    def _remaining(self, done: int) -> Iterator[Incoming]:
        """What comes after the first `done` inputs, which must end as they did before."""
        reports = read_all(self.inputs, self.columns)
        if done:
            last = next(islice(reports, done - 1, done), None)
            if last is None or last.id != self._state()["last"]:
                raise DataError(f"{self.out}: inputs should be those that it was begun with; delete it to begin anew")
        return reports

    def _progress(self) -> tuple[int, int]:
        """Inputs done and bytes written so far."""
        if self.out is None:
            return 0, 0
        if not self._state():
            if self.out.exists():
                raise DataError(f"{self.out} should not exist yet; found a file, which stays as it is")
            return 0, 0
        if self._state()["asked"] != self._asked():
            raise DataError(f"{self.out} was begun with other settings; delete it to begin anew")
        return int(self._state()["done"]), int(self._state()["bytes"])

    def _asked(self) -> list[object]:
        return [str(self.model), list(self.inputs), self.columns.model_dump(), self.threshold, self.style]

    def _state(self) -> dict[str, Any]:
        path = self._beside("progress")
        try:
            return json.loads(path.read_bytes()) if path is not None and path.exists() else {}
        except ValueError:
            raise DataError(f"{path} should be as mtlens wrote it; delete it and {self.out} to begin anew") from None

    def _note(self, done: int, last: str, file: IO[str]) -> None:
        path = self._beside("progress")
        if path is not None:
            write_atomic(path, to_json({"asked": self._asked(), "done": done, "last": last, "bytes": file.tell()}))
            self._show(done)

    def _show(self, done: int) -> None:
        """One line that counts on a terminal, one line now and then in a file."""
        if sys.stderr.isatty():
            print(f"\r{done:,} reports", end="", file=sys.stderr, flush=True)
        elif done % (LOGGED * CHUNK) == 0:
            print(f"{done:,} reports", file=sys.stderr, flush=True)

    def _beside(self, kind: str) -> Path | None:
        return None if self.out is None else self.out.with_name(f"{self.out.name}.{kind}")


class _opened:  # noqa: N801 - a context manager, used as a function
    """A file to go on with after its first `length` bytes (-1: all of them), or a standard stream that stays open."""

    def __init__(self, path: Path | None, length: int | None):
        self.path, self.length = path, length

    def __enter__(self) -> IO[str]:
        if self.path is None:
            self.file: IO[str] = sys.stdout if self.length is not None else sys.stderr
            return self.file
        try:
            self.path.touch()
            self.file = self.path.open("r+", encoding="utf-8")
        except OSError as error:
            raise DataError(f"{self.path} should be writable: {error.strerror}") from None
        if self.length != -1:
            self.file.truncate(self.length or 0)
        self.file.seek(0, 2)
        return self.file

    def __exit__(self, *_: object) -> None:
        if self.path is not None:
            self.file.close()
