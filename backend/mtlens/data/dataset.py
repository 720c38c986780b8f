"""The rows of an experiment's source as `Examples`: cells become labels, and every example gets a split."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtlens.config.experiment import Experiment
from mtlens.config.sections import Splits
from mtlens.config.task import Task
from mtlens.data.assignment import DROPPED, Assignment, add_test, assign
from mtlens.data.cache import WORTH_KEEPING, find_entry, keep_entry
from mtlens.data.columns import nearest
from mtlens.data.data_remarks import contradictions, untested_classes
from mtlens.data.examples import Examples, contents_of
from mtlens.data.fold_assignment import assign_folds, numbered_folds
from mtlens.data.sources import Rows, source_of
from mtlens.data.splits import TEST, SplitName
from mtlens.data.stored_examples import load_stored, save_examples
from mtlens.data.stratify import OPEN
from mtlens.data.text_column import TextColumn, large, pc
from mtlens.errors import DataError
from mtlens.tasks import MISSING, Labels, check_margins, joined, kind_of


def load_examples(experiment: Experiment, folders: Sequence[Path]) -> Examples:
    """Read, check and split the data; files are searched in each folder in turn. Large data are cached on disk.

    Raises `DataError` in one line that names file, line and column, or task and split.
    """
    check_margins(experiment.tasks)
    content = [experiment.data.model_dump(mode="json"), [task.model_dump(mode="json") for task in experiment.tasks]]
    digest = source_of(experiment).digest(folders) if _has_own_code(experiment) else None
    if digest is not None and (entry := find_entry("examples", digest, *content)) is not None:
        return load_stored(entry, experiment)
    examples = _make_examples(experiment, folders)
    if digest is not None and len(examples.ids) >= WORTH_KEEPING:
        keep_entry(lambda folder: save_examples(examples, folder), "examples", digest, *content)
        entry = find_entry("examples", digest, *content)
        return examples if entry is None else load_stored(entry, experiment)
    return examples


def _has_own_code(experiment: Experiment) -> bool:
    """Whether all code that reads the data is part of mtlens, as kept examples must not outlive the code that made them."""
    readers = [source_of(experiment), *(kind_of(task) for task in experiment.tasks)]
    return all(type(reader).__module__.startswith("mtlens.") for reader in readers)


def _make_examples(experiment: Experiment, folders: Sequence[Path]) -> Examples:
    columns = frozenset(column for task in experiment.tasks for column in task.label_columns)
    sources = source_of(experiment).read(columns, folders)
    labels = [[labels_of(task, rows) for task in experiment.tasks] for rows in sources]
    _check(experiment.tasks, sources, labels)
    return _join(experiment, sources, [joined(of_task) for of_task in zip(*labels, strict=True)]).checked()


def labels_of(task: Task, rows: Rows) -> Labels:
    """Labels of the rows by the kind of a task; all are missing where the rows lack its column."""
    if all(column in rows.cells for column in task.label_columns):
        if kind_of(task).reads_tokens and rows.pairs is not None:
            raise DataError(f"{rows.name}: task {task.name!r} of kind {task.kind} should be of single texts; found pairs")
        return kind_of(task).read_with_texts(task, rows.cells, rows.texts, rows.where)
    return Labels(codes=np.full(len(rows.ids), MISSING, dtype=np.int32))


def _check(tasks: Sequence[Task], sources: Sequence[Rows], labels: Sequence[Sequence[Labels]]) -> None:
    """Raise `DataError` for a task whose column no table has and for a table that labels no task."""
    columns = [column.strip() for rows in sources for column in rows.columns]
    for task in tasks:
        for column in task.label_columns:
            if column.strip() not in columns:
                where = ", ".join(rows.name for rows in sources)
                raise DataError(f"{where}: task {task.name!r} should have column {column!r}; {nearest(column, columns)}")
    for rows, own in zip(sources, labels, strict=True):
        if not any(of_task.known.any() for of_task in own):
            raise DataError(f"{rows.name}: table should label at least one task; found no label")


def _join(experiment: Experiment, sources: Sequence[Rows], of_tasks: Sequence[Labels]) -> Examples:
    """Rows of all sources with a label for some task, split, without those that had to be dropped."""
    labels = np.stack([of_task.codes for of_task in of_tasks], axis=1)
    spread = _to_spread(experiment.tasks, of_tasks)
    source = np.repeat(np.arange(len(sources), dtype=np.int16), [len(rows.ids) for rows in sources])
    texts, groups = _column(sources, "texts"), _column(sources, "groups")
    contents = TextColumn.joined([contents_of(rows.texts, rows.pairs) for rows in sources])
    only_test = np.concatenate([np.arange(len(rows.ids), 0, -1) <= rows.only_test for rows in sources])
    has_label = (labels != MISSING).any(axis=1)
    shared_out = np.flatnonzero(has_label & ~only_test)
    labelled = np.concatenate([shared_out, np.flatnonzero(has_label & only_test)])
    assignment = _assign(
        experiment.data.splits,
        sources,
        shared_out,
        texts=contents.take(shared_out).filled(),
        groups=groups.take(shared_out),
        source=source[shared_out],
        labels=spread[shared_out],
    )
    if only_test.any():
        assignment = add_test(assignment, contents.take(labelled).filled(), groups.take(labelled))
    placed = assignment.splits != DROPPED
    kept = labelled[placed]
    left_out = len(labels) - len(labelled)
    unlabelled = [f"rows left out, as no task has a label for them: {left_out:,}"] if left_out else []
    examples = Examples(
        tasks=experiment.tasks,
        ids=_unique_ids(sources).take(kept).filled(),
        texts=texts.take(kept).filled(),
        pairs=_pairs(sources, kept),
        labels=labels[kept],
        values=tuple(of_task.values for of_task in of_tasks),
        splits=assignment.splits[placed],
        folds=None if assignment.folds is None else assignment.folds.of(placed),
        groups=assignment.clusters[placed],
        sources=source[kept],
        notes=(
            *(note for rows in sources for note in rows.notes),
            *unlabelled,
            *contradictions(_classes(experiment.tasks, of_tasks, labelled), assignment.texts),
            *assignment.notes,
            *(
                line
                for task, own in zip(experiment.tasks, of_tasks, strict=True)
                for line in kind_of(task).remarks(task, own, texts.filled())
            ),
        ),
    )
    return replace(examples, notes=(*examples.notes, *untested_classes(examples)))


def _classes(tasks: Sequence[Task], labels: Sequence[Labels], rows: NDArray[np.int64]) -> list[tuple[Task, NDArray[np.int32]]]:
    """The tasks whose labels are classes, with the codes of some rows."""
    return [(task, own.codes[rows]) for task, own in zip(tasks, labels, strict=True) if own.values is None]


def _to_spread(tasks: Sequence[Task], labels: Sequence[Labels]) -> NDArray[np.int32]:
    """Columns by which the splits are stratified, `[n, columns]`: the classes of a task, or what its kind counts."""
    columns: list[NDArray[np.int32]] = []
    for task, of_task in zip(tasks, labels, strict=True):
        if of_task.values is None:
            columns.append(of_task.codes)
        else:
            members = kind_of(task).members(task, of_task).values()
            columns += [np.where(mask, 0, MISSING).astype(np.int32) for mask in members]
    return np.stack(columns, axis=1)


def _assign(
    sizes: Splits,
    sources: Sequence[Rows],
    rows: NDArray[np.int64],
    *,
    texts: Sequence[str],
    groups: Sequence[str | None],
    source: NDArray[np.int16],
    labels: NDArray[np.int32],
) -> Assignment:
    """Splits of some rows `[n]`, or their folds. rows: their places among those of all sources."""
    given: list[SplitName | None] = [split for own in sources for split in own.splits]
    splits = [given[row] for row in rows]
    if sizes.folds is None:
        return assign(texts=texts, groups=groups, given=splits, sources=source, labels=labels, sizes=sizes)
    cells = [cell for own in sources for cell in own.folds or ()]
    if cells:
        folds = numbered_folds([cells[row] for row in rows], sizes.folds, ", ".join(own.name for own in sources))
    else:
        folds = np.where([split == TEST for split in splits], sizes.folds, OPEN).astype(np.int8)
    return assign_folds(texts=texts, groups=groups, given=folds, labels=labels, sizes=sizes)


def _column(sources: Sequence[Rows], field: Literal["texts", "groups", "ids"]) -> TextColumn:
    """A field of all rows. Raises `DataError` where a source gives something else than text."""
    columns: list[TextColumn] = []
    for rows in sources:
        try:
            columns.append(TextColumn.of(getattr(rows, field)))
        except (pa.ArrowException, UnicodeEncodeError) as error:
            raise DataError(f"{rows.name}: {field} should be text; found: {error}") from None
    return TextColumn.joined(columns)


def _pairs(sources: Sequence[Rows], kept: NDArray[np.int64]) -> TextColumn | None:
    """The second text of each example, null where it has none; None where no example has."""
    if all(rows.pairs is None for rows in sources):
        return None
    columns = [TextColumn.nulls(len(rows.ids)) if rows.pairs is None else rows.pairs for rows in sources]
    return TextColumn.joined(columns).take(kept)


def _unique_ids(sources: Sequence[Rows]) -> TextColumn:
    """Ids that are unique across sources: with several tables, the file's stem goes before, or its path if need be."""
    ids = _column(sources, "ids")
    if len(sources) == 1:
        return ids
    stems = [Path(rows.name).stem for rows in sources]
    prefixes = stems if len(set(stems)) == len(stems) else [rows.name for rows in sources]
    before = pa.array(np.repeat(prefixes, [len(rows.ids) for rows in sources]), pa.large_string())
    return TextColumn(pc.binary_join_element_wise(pa.chunked_array([before]), ids.arrow, large(":")))
