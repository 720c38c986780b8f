"""Reads any number of reports in constant memory, and resumes after an interruption.

Reports are loaded one at a time, read in chunks, and written at once. Beside the output, `<out>.progress` has the number of
inputs that are done, the id of the last, and the length of the output; incomplete output is cut off before resuming. Reports
that could not be read are listed in `<out>.skipped`. Neither file contains report text.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from mtlens.errors import DataError
from mtlens.inference.extraction.findings import ReportFindings, Sentences
from mtlens.inference.extraction.inputs import Columns, Incoming, read_all
from mtlens.inference.extraction.outputs import Style, heading, written
from mtlens.inference.extraction.progress import ExtractionProgress, beside, on_disk, read_progress, write_progress
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.model.family import load
from mtlens.inference.model.onnx_model import Runtime
from mtlens.store.plain_text import printable

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
    runtime: Runtime | None = None

    def run(self) -> None:
        """Read all reports; DataError where none could be read, or a file could not be read to its end."""
        reader = Reader(load(self.model, runtime=self.runtime), self.threshold)
        begun = self._begun()
        reports, rests = self._remaining(begun)
        done, read, skipped, sentences = begun.done, 0, 0, Sentences()
        listed = None if self.out is None else beside(self.out, "skipped")
        with _opened(self.out, begun.bytes, sys.stdout) as file, _opened(listed, begun.skipped, sys.stderr) as aside:
            if not begun.bytes and (head := heading(self.style, spans=reader.has_spans)):
                file.write(head)
            while chunk := list(islice(reports, CHUNK)):
                found = self._write(chunk, reader, file, aside)
                done, read, skipped = done + len(chunk), read + len(found), skipped + len(chunk) - len(found)
                sentences = sum((report.sentences for report in found), sentences)
                rests += sum(report.is_rest for report in chunk)
                self._note(begun, done, chunk[-1].id, file, aside)
        over = "\r" if sys.stderr.isatty() else ""
        print(f"{over}{read:,} reports read, {skipped:,} skipped; {sentences}", file=sys.stderr)
        where = f"listed in {listed}" if listed else "listed above"
        if skipped and not read and done == skipped:
            raise DataError(f"at least one report should be readable; found {skipped:,} that are not, {where}")
        if rests:
            raise DataError(f"every file should be readable to its end; found {rests:,} that could not be read on, {where}")

    def _begun(self) -> ExtractionProgress:
        """How far the output is; where it begins, that is noted before there is an output."""
        asked = [str(self.model), list(self.inputs), self.columns.model_dump(), self.threshold, self.style]
        new = ExtractionProgress(asked=[*asked, *([self.runtime] if self.runtime else [])])
        if self.out is None:
            return new
        begun = read_progress(self.out, new.asked)
        if begun == new:
            write_progress(self.out, new)
        return begun

    def _remaining(self, begun: ExtractionProgress) -> tuple[Iterator[Incoming], int]:
        """What comes after the inputs that are done, which must end as they did, and how many files of those broke off."""
        reports = read_all(self.inputs, self.columns)
        number, last, rests = 0, "", 0
        for report in islice(reports, begun.done):
            number, last, rests = number + 1, report.id, rests + report.is_rest
        if (number, last) != (begun.done, begun.last):
            raise DataError(f"{self.out}: inputs should be those that it was begun with; delete it to begin anew")
        return reports, rests

    def _write(self, chunk: Sequence[Incoming], reader: Reader, file: IO[str], aside: IO[str]) -> list[ReportFindings]:
        """Findings of those that can be read, which are returned, and the others' problems."""
        findings = reader.read([(report.id, report.text) for report in chunk if not report.problem])
        for found in findings:
            file.write(written(found, self.style, spans=reader.has_spans))
        for bad in chunk:
            if bad.problem:
                aside.write(printable(f"{bad.id}: {bad.problem}") + "\n")
        return findings

    def _note(self, begun: ExtractionProgress, done: int, last: str, file: IO[str], aside: IO[str]) -> None:
        if self.out is None:
            file.flush()
            aside.flush()
            return
        lengths = {"bytes": on_disk(file), "skipped": on_disk(aside)}
        write_progress(self.out, begun.model_copy(update={"done": done, "last": last, **lengths}))
        self._show(done)

    def _show(self, done: int) -> None:
        """One line that counts on a terminal, one line now and then in a file."""
        if sys.stderr.isatty():
            print(f"\r{done:,} reports", end="", file=sys.stderr, flush=True)
        elif done % (LOGGED * CHUNK) == 0:
            print(f"{done:,} reports", file=sys.stderr, flush=True)


class _opened:  # noqa: N801 - a context manager, used as a function
    """A file to go on with after at most its first `length` bytes, or where there is no path a stream that stays open."""

    def __init__(self, path: Path | None, length: int, stream: IO[str]):
        self.path, self.length, self.file = path, length, stream

    def __enter__(self) -> IO[str]:
        if self.path is not None:
            try:
                self.path.touch()
                self.file = self.path.open("r+", encoding="utf-8")
            except OSError as error:
                raise DataError(f"{self.path} should be writable: {error.strerror}") from None
            self.file.truncate(min(self.length, self.path.stat().st_size))
            self.file.seek(0, 2)
        return self.file

    def __exit__(self, *_: object) -> None:
        if self.path is not None:
            self.file.close()
