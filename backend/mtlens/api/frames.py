"""An experiment on a DataFrame: its columns are written as a table that mtlens reads, and the classes are taken from it."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mtlens.api.arguments import as_path
from mtlens.config.experiment import Experiment
from mtlens.config.loading import experiments_from
from mtlens.data.columns import nearest
from mtlens.data.label_columns import read_label_columns
from mtlens.errors import DataError, ExperimentError
from mtlens.store.workspace.files import failed_to, write_atomic


def experiment(
    frame: pd.DataFrame,
    *,
    text: str,
    tasks: Sequence[str] | Mapping[str, Mapping[str, Any]],
    margin: float,
    group: str | None = None,
    split: str | None = None,
    fold: str | None = None,
    splits: Mapping[str, Any] | None = None,
    name: str = "experiment",
    folder: str | Path = "tables",
    **settings: Any,
) -> Experiment:
    """An experiment on a DataFrame of labelled texts, whose columns are written to a Parquet file in `folder`.

    text: column of the texts. tasks: label columns, whose classes are read from the frame, or settings by task as in an
    experiment file. margin: largest difference of scores that counts as a match. group: column whose rows stay in one
    split, such as the patient. split, fold: column that gives each row's split or fold; splits: sizes of the splits that
    mtlens makes, or `{"folds": 5}`.
    settings: other keys of an experiment file, such as `seeds=[0, 1, 2]` or `training={"epochs": 3}`.

    The file's name ends in a hash of its content: equal frames share a file, and no other file is overwritten.

    >>> import pandas
    >>> import mtlens
    >>> notes = pandas.read_csv("reports.csv")
    >>> experiment = mtlens.experiment(notes, text="note", tasks=["disc", "canal"], group="patient", margin=0.02)
    >>> [task.classes for task in experiment.tasks]
    [('bulge', 'none'), ('normal', 'stenosis')]

    Raises DataError for a frame that does not fit, and ExperimentError for settings that do not.
    """
    by_settings = isinstance(tasks, Mapping)
    if isinstance(tasks, str) or not (by_settings or isinstance(tasks, Sequence)):
        raise ExperimentError(f"tasks should be a list of columns or a mapping from tasks to settings; found {tasks!r}"[:200])
    if "data" in settings:
        raise ExperimentError("settings should leave out `data`, which is the frame; use group, split, fold and splits")
    labels = _columns(tasks) if by_settings else list(tasks)
    wanted = [text, *labels, *(column for column in (group, split, fold) if column is not None)]
    table = _write(frame, list(dict.fromkeys(wanted)), as_path(folder, "folder", DataError))
    if not by_settings:
        read = read_label_columns(table, text=text, columns=labels, group=group)
        tasks = {label.column: label.settings for label in read}
    columns = {"path": table.resolve(), "text": text, "group": group, "split": split, "fold": fold}
    data = {"tables": [{key: value for key, value in columns.items() if value is not None}]}
    content = {
        "name": name,
        "data": data if splits is None else {**data, "splits": splits},
        "tasks": tasks,
        "margin": margin,
        **settings,
    }
    read = experiments_from(content)
    if len(read) > 1:
        raise ExperimentError(f"settings should be of one experiment; found a sweep of {len(read)}")
    return read[0]


def _columns(tasks: Mapping[str, Any]) -> list[str]:
    """The column of each task, which is its name where its settings do not say."""
    return [str(own.get("column", task)) if isinstance(own, Mapping) else task for task, own in tasks.items()]


def _write(frame: object, columns: Sequence[str], folder: Path) -> Path:
    """Write some columns of a frame, with whole numbers as such also in columns with gaps."""
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"frame should be a pandas DataFrame; found {type(frame).__name__}")
    for column in columns:
        if column not in frame.columns:
            raise DataError(f"frame: column {column!r} should exist; {nearest(column, [str(name) for name in frame.columns])}")
    content = io.BytesIO()
    try:
        frame[list(columns)].convert_dtypes().to_parquet(content, index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"frame should have columns of text or numbers; found: {str(error).splitlines()[0]}") from None
    path = folder / f"table-{hashlib.sha256(content.getvalue()).hexdigest()[:12]}.parquet"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_atomic(path, content.getvalue())
    except OSError as error:
        raise failed_to("write", path, error) from error
    return path
