"""Writes a working experiment file for a table: its columns as named or guessed, the classes found, and comments on both."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mtlens.config.loading import json_schema, parse_experiments
from mtlens.config.run_kinds import MULTI, SINGLE
from mtlens.data.data_remarks import ONE_TASK
from mtlens.data.formats import Form
from mtlens.data.guess import Guess, guess_columns, is_header, is_repeated_below
from mtlens.data.guess_kinds import guessed_label
from mtlens.data.kept_records import kept_columns, kept_records
from mtlens.data.label_columns import LabelColumn, require
from mtlens.data.records import Records
from mtlens.data.sources.files import TableFile, files_of, notes_of
from mtlens.data.sources.hub import PREFIX
from mtlens.data.sources.texts import Joined, Text, texts_of
from mtlens.errors import ExperimentError
from mtlens.store.workspace.files import to_json, write_atomic

SCHEMA = "mtlens.schema.json"
HEADER = f"""\
# yaml-language-server: $schema={SCHEMA}
# What do you want to know? Whether one multi-task model matches the task-specific ones within `margin`.
# Set the margin before you run. `mtlens plan` shows what your test examples can settle.
"""
TRAINING = """\
margin: 0.03                 # largest difference of scores that counts as a match
seeds: [0, 1, 2]             # each model is trained once under each seed
runs: {runs}
training: {{epochs: 10, patience: 3, batch_size: 32, learning_rate: 1.0e-04}}
"""
_SEVERAL = 3  # columns of 0 and 1 that may be one task
_COMMENT = 40  # column at which comments start


class _Kind(NamedTuple):
    """Comments on a kind of task: why it was guessed, its usual metric, another metric (empty: span F1 of one type)."""

    why: str
    usual: str
    other: str


_KINDS = {
    "classes": _Kind("", "macro-F1", "accuracy"),
    "ordinal": _Kind("as the classes have an order", "quadratic kappa", "macro_f1"),
    "multilabel": _Kind("as cells hold several", "macro-F1", "micro_f1"),
    "number": _Kind("", "r2", "spearman"),
    "tags": _Kind("spans of words", "span F1", ""),
}


def write_experiment(table: str, *, text: Sequence[str], columns: Sequence[str], group: str | None, out: Path) -> list[str]:
    """Write the file and, beside it, the JSON Schema for editors; returns remarks about what was found in the table.

    text: the column of texts, or two of pairs; columns: of labels. What is not given is guessed. Raises DataError for a table
    that does not fit and ExperimentError where `out` exists.
    """
    if out.exists():
        raise ExperimentError(f"{out} should not exist yet; found a file, which stays as it is")
    if len(text) > 2:
        raise ExperimentError(f"--text should be given once, or twice for pairs of texts; found {len(text)} columns")
    found = _read(table)
    records = found.records
    require(records, [*text, *columns, *([group] if group else [])])
    given: Text | None = None if not text else text[0] if len(text) == 1 else (text[0], text[1])
    if columns and given is not None:
        guess = Guess(text=given, labels=[], split=None, groups=[], texts=[])
    else:
        guess = guess_columns(records, text=given)
    labels = [guessed_label(column, records) for column in columns] or guess.labels
    written = HEADER + "\n".join(_lines(table, out, found, guess, labels, group)) + "\n"
    parse_experiments(written, str(out))
    write_atomic(out, written.encode())
    write_atomic(out.with_name(SCHEMA), to_json(json_schema()))
    guessed = [] if given is not None else [f"text: {_flow(_plain(guess.text))} (guessed)"]
    guessed += texts_of(guess.text, records, refuse=False).notes
    alone = [ONE_TASK] if len(labels) == 1 else []
    return [*records.notes, *guessed, *(note for label in labels for note in label.notes), *alone]


class _Table(NamedTuple):
    """A whole table. names: of the columns of a file without a header. has_splits: whether its files are the splits."""

    records: Records
    names: tuple[str, ...]
    has_splits: bool


def _read(table: str) -> _Table:
    files = files_of(table, [Path()])
    has_splits = all(file.split for file in files)
    columns = kept_columns(files[0].path, files[0].name, Form())
    if is_header(columns):
        records = _join(table, files, Form())
        if not is_repeated_below(records):
            return _Table(records, (), has_splits)
    names = tuple(f"column_{place}" for place in range(1, len(columns) + 1))
    records = _join(table, files, Form(columns=names))
    note = f"{table}: the first row looks like data, so the columns are called {names[0]} to {names[-1]}"
    return _Table(replace(records, notes=(*records.notes, note)), names, has_splits)


def _join(table: str, files: Sequence[TableFile], form: Form) -> Records:
    records = Records.joined([kept_records(file.path, file.name, form) for file in files], table)
    return replace(records, notes=(*notes_of(files), *records.notes))


def _lines(
    table: str,
    out: Path,
    found: _Table,
    guess: Guess,
    labels: Sequence[LabelColumn],
    group: str | None,
) -> list[str]:
    rows = f"{len(found.records):,} rows{', in files for each split' if found.has_splits else ''}"
    entries: list[tuple[str, Any, str]] = [("path", _path(table, out), rows)]
    entries += [("columns", list(found.names), "as the file has no header")] if found.names else []
    entries.append(("text", _plain(guess.text), "" if isinstance(guess.text, str) else "pairs of texts"))
    entries += [("group", group, "its rows stay in one split")] if group else []
    entries += [("split", guess.split, "gives each row's split")] if guess.split else []
    first, *others = [_entry(key, value, comment, 4) for key, value, comment in entries]
    asides = [f"    # group: {_flow(column)}    # if its rows should stay in one split" for column in guess.groups if not group]
    if isinstance(guess.text, str) and len(guess.texts) > 1:
        asides.append(f"    # text: {_flow({'join': guess.texts})}    # instead: these columns as one text, with their names")
    asides += [
        f"    # fold: {_flow(column)}    # with `splits: {{folds: ...}}`"
        for column in found.records.columns
        if column.lower() == "fold"
    ]
    lines = [f"name: {_name(out)}", "data:", "  tables:", "  - " + first.strip(), *others, *asides]
    if not guess.split and not found.has_splits:
        lines.append("  # splits: {validation: 0.15, test: 0.25, seed: 0}    # shares, or {folds: 5}")
    lines.append("tasks:")
    for label in labels:
        lines += _task(label)
    training = TRAINING.format(runs=_flow([SINGLE.asked_by, MULTI.asked_by]))
    return [*lines, *_as_one(labels), training.rstrip()]


def _task(label: LabelColumn) -> list[str]:
    name = label.column.strip()
    column = [] if name == label.column else [("column", label.column, "")]
    missing = [("missing", list(label.missing), "values that mean: not labelled")] if label.missing else []
    kind = [] if label.kind == "classes" else [("kind", label.kind, _KINDS[label.kind].why)]
    classes = [] if label.is_number else [("classes", list(label.counts), "")]
    separator = [("separator", label.separator, "between the labels of a cell")] if label.separator else []
    entries = [*column, *kind, *classes, *separator, *missing]
    usual, other = _KINDS[label.kind].usual, _KINDS[label.kind].other
    return [
        f"  {_flow(name)}:".ljust(_COMMENT) + f" # {label.about}",
        *(_entry(key, value, comment, 4) for key, value, comment in entries),
        *([f"    # {label.offer}"] if label.offer else []),
        f"    # metric: {other or f'span_f1({next(iter(label.counts))})'}".ljust(_COMMENT) + f" # instead of {usual}",
    ]


def _as_one(labels: Sequence[LabelColumn]) -> list[str]:
    """A comment where several columns hold 0 and 1: they may be the labels of one task."""
    columns = [label.column for label in labels if label.kind == "classes" and set(label.counts) == {"0", "1"}]
    if len(columns) < _SEVERAL:
        return []
    comment = f"# instead of the {len(columns)} tasks of 0 and 1: one task of several labels"
    return [f"  {comment}", f"  # labels: {_flow({'kind': 'multilabel', 'columns': columns})}"]


def _entry(key: str, value: object, comment: str, indent: int) -> str:
    line = " " * indent + f"{key}: {_flow(value)}"
    return f"{line.ljust(_COMMENT)} # {comment}" if comment else line


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1_000_000)
    return text.removesuffix("...\n").strip()


def _plain(text: Text) -> object:
    return text.model_dump(mode="json") if isinstance(text, Joined) else text if isinstance(text, str) else list(text)


def _path(table: str, out: Path) -> str:
    """Relative to the experiment file where the path was given so, or where the table lies below the file's folder."""
    if table.startswith(PREFIX):
        return table
    folder = out.absolute().parent
    if Path(table).is_absolute() and not Path(table).is_relative_to(folder):
        return table
    return os.path.relpath(Path(table).absolute(), folder)


def _name(out: Path) -> str:
    """The name of the file, with what a name may not hold replaced."""
    kept = "".join(
        character if character.isascii() and (character.isalnum() or character in "._-") else "-" for character in out.stem
    )
    return _flow(kept if kept[:1].isalnum() else f"x{kept}")
