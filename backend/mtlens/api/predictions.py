"""From arrays of labels and predictions to the input of the equivalence tests."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtlens.api.arguments import as_array
from mtlens.data.label_columns import by_number
from mtlens.errors import DataError
from mtlens.statistics.metrics import find_metric, reads_of
from mtlens.statistics.task_predictions import TaskPredictions


def task_predictions(
    task: str, single: object, multi: object, labels: object, clusters: object | None, metric: str
) -> TaskPredictions:
    """The labelled examples of one task. labels, clusters: [n]; single, multi: [S, n], or [S, n, C] for probabilities.

    A class is text or a whole number.
    """
    of_task = f" of task {task!r}"
    reads = reads_of(metric)
    if reads == "spans":
        raise DataError(f"metric{of_task} should score classes, probabilities or numbers in arrays; found {metric}, of spans")
    truth = as_array(labels, "labels" + of_task, ("examples",))
    axes = ("seeds", "examples", "classes") if reads == "probabilities" else ("seeds", "examples")
    predicted = [as_array(value, name + of_task, axes) for name, value in (("single", single), ("multi", multi))]
    for name, array in zip(("single", "multi"), predicted, strict=True):
        wanted = (len(predicted[0]), len(truth), *predicted[0].shape[2:])
        if array.shape != wanted:
            raise DataError(
                f"{name}{of_task} should be [{', '.join(axes)}] = {list(wanted)}, by single and labels; "
                f"found {list(array.shape)}"
            )
    labelled, num_examples = np.flatnonzero(~pd.isna(truth)), len(truth)
    truth, (baseline, candidate) = truth[labelled], (array[:, labelled] for array in predicted)
    if reads == "numbers":
        classes: list[str] = []
        arrays = [_numbers(array, what + of_task) for what, array in _named(truth, baseline, candidate)]
    elif reads == "probabilities":
        names = _class_names(truth, "labels" + of_task)
        classes = _probable_classes(names, baseline.shape[2], of_task)
        arrays = [_indices(names, classes), *(_numbers(array, "probabilities" + of_task) for array in (baseline, candidate))]
    else:
        of_each = [_class_names(array, what + of_task) for what, array in _named(truth, baseline, candidate)]
        classes = _all_classes(of_each, of_task)
        arrays = [_indices(array, classes) for array in of_each]
    find_metric(metric, classes)
    return TaskPredictions(
        task=task,
        num_classes=len(classes),
        class_names=tuple(classes),
        metric=metric,
        example=labelled,
        cluster=_clusters(clusters, num_examples)[labelled],
        labels=arrays[0],
        baseline=arrays[1],
        candidate=arrays[2],
    )


def _named(labels: NDArray[Any], single: NDArray[Any], multi: NDArray[Any]) -> list[tuple[str, NDArray[Any]]]:
    return [("labels", labels), ("single", single), ("multi", multi)]


def _numbers(array: NDArray[Any], what: str) -> NDArray[np.float64]:
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{what} should be numbers; found others") from None
    if not np.isfinite(numbers).all():
        raise DataError(f"{what} should be finite numbers; found {numbers[~np.isfinite(numbers)][0]}")
    return numbers


def _probable_classes(names: NDArray[Any], count: int, of_task: str) -> list[str]:
    """The classes of the labels in their order, or whole numbers from 0 where labels are some of these."""
    classes = sorted(set(names), key=by_number)
    numbered = [str(number) for number in range(count)]
    if set(classes) <= set(numbered):
        return numbered
    if len(classes) != count:
        raise DataError(f"probabilities{of_task} should be of the {len(classes)} classes of the labels; found {count} of them")
    return classes


def _all_classes(names: Sequence[NDArray[Any]], of_task: str) -> list[str]:
    """The classes of labels, single and multi."""
    classes = sorted(set(names[0].ravel()).union(*(array.ravel() for array in names[1:])), key=by_number)
    for what, array in zip(("single", "multi"), names[1:], strict=True):
        if array.size and not set(array.ravel()) & set(names[0]):
            found, known = (sorted(set(values.ravel()), key=by_number)[:5] for values in (array, names[0]))
            raise DataError(f"{what}{of_task} should predict classes of the labels, such as {known}; found {found}")
    return classes


def _indices(names: NDArray[Any], classes: Sequence[str]) -> NDArray[np.int64]:
    place = {name: index for index, name in enumerate(classes)}
    return np.array([place[name] for name in names.ravel()], dtype=np.int64).reshape(names.shape)


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
