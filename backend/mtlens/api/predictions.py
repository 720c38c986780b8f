"""From arrays of labels and predicted classes to what the equivalence tests compare."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtlens.api.arguments import as_array
from mtlens.data.label_columns import by_number
from mtlens.errors import DataError
from mtlens.statistics.task_predictions import TaskPredictions


def task_predictions(
    task: str, single: object, multi: object, labels: object, clusters: object | None, metric: str
) -> TaskPredictions:
    """The labelled examples of one task. labels, clusters: [n]; single, multi: [S, n]; a class is text or a whole number."""
    of_task = f" of task {task!r}"
    truth = as_array(labels, "labels" + of_task, ("examples",))
    predicted = [
        as_array(value, name + of_task, ("seeds", "examples")) for name, value in (("single", single), ("multi", multi))
    ]
    for name, array in zip(("single", "multi"), predicted, strict=True):
        wanted = (len(predicted[0]), len(truth))
        if array.shape != wanted:
            raise DataError(
                f"{name}{of_task} should be [seeds, examples] = {list(wanted)}, by single and labels; found {list(array.shape)}"
            )
    labelled = np.flatnonzero(~pd.isna(truth))
    names = [
        _class_names(array, what + of_task)
        for what, array in zip(
            ("labels", "single", "multi"), (truth[labelled], *(array[:, labelled] for array in predicted)), strict=True
        )
    ]
    classes = sorted(set(names[0].ravel()).union(*(array.ravel() for array in names[1:])), key=by_number)
    for what, array in zip(("single", "multi"), names[1:], strict=True):
        if array.size and not set(array.ravel()) & set(names[0]):
            found, known = (sorted(set(values.ravel()), key=by_number)[:5] for values in (array, names[0]))
            raise DataError(f"{what}{of_task} should predict classes of the labels, such as {known}; found {found}")
    place = {name: index for index, name in enumerate(classes)}
    indices = [np.array([place[name] for name in array.ravel()], dtype=np.int64).reshape(array.shape) for array in names]
    return TaskPredictions(
        task=task,
        num_classes=len(classes),
        class_names=tuple(classes),
        metric=metric,
        example=labelled,
        cluster=_clusters(clusters, len(truth))[labelled],
        labels=indices[0],
        baseline=indices[1],
        candidate=indices[2],
    )


def _class_names(array: NDArray[Any], what: str) -> NDArray[Any]:
    """Classes as text, as in experiment files: 1, 1.0 and True are "1"."""
    try:
        codes, values = pd.factorize(array.ravel(), use_na_sentinel=False)
    except TypeError:  # a list in place of a class
        raise DataError(f"{what} should be classes, as text or whole numbers; found others") from None
    names = np.array([_class_name(value, what) for value in values], dtype=object)
    return names[codes].reshape(array.shape)


def _class_name(value: object, what: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float) and value == value // 1:
        return str(int(value))
    raise DataError(f"{what} should be classes, as text or whole numbers; found {value!r}"[:200])


def _clusters(clusters: object | None, count: int) -> NDArray[Any]:
    """Number of the cluster of each example; without clusters each example is its own."""
    if clusters is None:
        return np.arange(count)
    array = as_array(clusters, "clusters", ("examples",))
    if len(array) != count:
        raise DataError(f"clusters should be one per example, {count}; found {len(array)}")
    codes = pd.factorize(array, sort=True)[0]
    if (codes < 0).any():
        raise DataError(f"clusters should name the cluster of every example; found an empty one at {(codes < 0).argmax()}")
    return codes
