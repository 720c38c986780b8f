"""All tables of an experiment, or its synthetic reports, as `Examples`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mtlens.config.experiment import Experiment
from mtlens.config.sections import Spine, SplitName, Table, Task
from mtlens.data.examples import Examples
from mtlens.data.splits import DROPPED, assign
from mtlens.data.table import Rows, nearest, read_table
from mtlens.errors import DataError
from mtlens.tasks import MISSING, kind_of


def load_examples(experiment: Experiment, directories: Sequence[Path]) -> Examples:
    """Read, check and split the data; tables are looked for in each directory in turn.

    Raises `DataError` in one line that names file, line and column, or task and split.
    """
    data = experiment.data
    if data.spine is not None:
        sources = [_read_spine(data.spine, experiment.tasks)]
    else:
        sources = [read_table(table, _find(table, directories), experiment.tasks) for table in data.tables]
    _check_columns(experiment, sources)
    return _join(experiment, sources).checked()


def _find(table: Table, directories: Sequence[Path]) -> Path:
    candidates = [directory / table.path for directory in directories]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        places = ", ".join(str(directory) for directory in directories)
        raise DataError(f"{table.path}: table should be a file in one of [{places}]; found none there")
    return found


def _read_spine(spine: Spine, tasks: Sequence[Task]) -> Rows:
    """Synthetic reports as one source; those of unseen practices are given to the test split."""
    from mtlens.data.synthetic_reports.rows import spine_rows  # the generator is large, and tables have no use for it

    rows = spine_rows(spine)
    columns = tuple(rows[0].labels)
    labels = np.full((len(rows), len(tasks)), MISSING, dtype=np.int16)
    for index, task in enumerate(tasks):
        if task.column in columns:
            values = [row.labels[task.column] for row in rows]
            labels[:, index] = kind_of(task).read(task, values, lambda row: f"report {rows[row].id}")
    return Rows(
        ids=[row.id for row in rows],
        texts=[row.text for row in rows],
        labels=labels,
        groups=[row.patient for row in rows],
        splits=["test" if row.unseen else None for row in rows],
        columns=columns,
    )


def _check_columns(experiment: Experiment, sources: Sequence[Rows]) -> None:
    """Raise `DataError` for a task that no source labels and for a table that labels no task."""
    columns = [column for rows in sources for column in rows.columns]
    for task in experiment.tasks:
        if task.column not in columns:
            where = ", ".join(table.path for table in experiment.data.tables) or "the synthetic reports"
            raise DataError(f"{where}: task {task.name!r} should have column {task.column!r}; {nearest(task.column, columns)}")
    for table, rows in zip(experiment.data.tables, sources, strict=False):
        if (rows.labels == MISSING).all():
            raise DataError(f"{table.path}: table should label at least one task; found no label")


def _join(experiment: Experiment, sources: Sequence[Rows]) -> Examples:
    """Rows of all sources with a label for some task, split, without those that had to be dropped."""
    labels = np.concatenate([rows.labels for rows in sources])
    source = np.repeat(np.arange(len(sources), dtype=np.int16), [len(rows.ids) for rows in sources])
    ids = _unique_ids(experiment.data.tables, sources)
    texts = [text for rows in sources for text in rows.texts]
    groups = [group for rows in sources for group in rows.groups]
    given: list[SplitName | None] = [split for rows in sources for split in rows.splits]
    labelled = np.flatnonzero((labels != MISSING).any(axis=1))
    assignment = assign(
        texts=[texts[row] for row in labelled],
        groups=[groups[row] for row in labelled],
        given=[given[row] for row in labelled],
        sources=source[labelled],
        labels=labels[labelled],
        sizes=experiment.data.splits,
    )
    placed = assignment.splits != DROPPED
    kept = labelled[placed]
    left_out = len(labels) - len(labelled)
    notes = (f"rows left out, as no task has a label for them: {left_out:,}",) if left_out else ()
    return Examples(
        tasks=experiment.tasks,
        ids=tuple(ids[row] for row in kept),
        texts=tuple(texts[row] for row in kept),
        labels=labels[kept],
        splits=assignment.splits[placed],
        groups=assignment.clusters[placed],
        sources=source[kept],
        notes=notes + assignment.notes,
    )


def _unique_ids(tables: Sequence[Table], sources: Sequence[Rows]) -> list[str]:
    """Ids that are unique across sources: with several tables, the file's stem goes before, or its path if need be."""
    if len(sources) == 1:
        return sources[0].ids
    stems = [Path(table.path).stem for table in tables]
    prefixes = stems if len(set(stems)) == len(stems) else [table.path for table in tables]
    return [f"{prefix}:{name}" for prefix, rows in zip(prefixes, sources, strict=True) for name in rows.ids]
