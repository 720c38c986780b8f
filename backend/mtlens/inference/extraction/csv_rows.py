"""Rows of a CSV file, one at a time: a row that cannot be read is returned as a problem, and reading continues after it."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

QUOTE = '"'


@dataclass(frozen=True, kw_only=True)
class CsvRow:
    """line: where it begins, from 1. problem: one line without a cell's text. is_rest: nothing from there on could be read.

    Bytes that are not UTF-8 become unpaired surrogates in the cells.
    """

    line: int
    cells: list[str] = field(default_factory=list)
    problem: str = ""
    is_rest: bool = False


def read_rows(path: Path, *, most: int) -> Iterator[CsvRow]:
    """Rows that are not blank, header included. most: largest number of characters of a field; longer ones are a problem."""
    lines = None
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            lines = _Lines(file)
            yield from _rows(lines, most)
    except OSError as error:
        if lines is None:
            yield CsvRow(line=1, problem=f"file should be readable: {error.strerror}")
        else:
            line = lines.number + 1
            problem = f"line {line:,}: file should be readable: {error.strerror}; nothing from there on was read"
            yield CsvRow(line=line, problem=problem, is_rest=True)


class _Lines:
    """The lines of a file, as the parser asks for them. quotes: how many the present row has so far."""

    def __init__(self, file: IO[str]):
        self.file, self.number, self.quotes, self.is_over = file, 0, 0, False

    def __iter__(self) -> Iterator[str]:
        for line in self.file:
            self.number += 1
            self.quotes += line.count(QUOTE)
            yield line
        self.is_over = True


def _rows(lines: _Lines, most: int) -> Iterator[CsvRow]:
    source = iter(lines)
    reader = csv.reader(source)
    while True:
        line, lines.quotes = lines.number + 1, 0
        limit = csv.field_size_limit(most)  # of the whole process
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            _leave_row(source, lines)
            cells = None
        finally:
            csv.field_size_limit(limit)
        if lines.is_over:  # the parser asked for more: the row was not at its end
            problem = f"line {line:,}: a quote should be closed; found none to the end, so nothing from there on was read"
            yield CsvRow(line=line, problem=problem, is_rest=True)
        elif cells is None:
            found = f"found more, up to line {lines.number:,}"
            yield CsvRow(line=line, problem=f"line {line:,}: a field should have at most {most:,} characters; {found}")
        elif cells:
            yield CsvRow(line=line, cells=cells)


def _leave_row(source: Iterator[str], lines: _Lines) -> None:
    """Pass over what is left of a row: within a quoted field the number of quotes is odd, also where some are doubled."""
    while lines.quotes % 2 and next(source, None) is not None:
        pass
