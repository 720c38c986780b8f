"""Fills table `comparison`: each kind of model against the task-specific ones, on the same test examples and seeds.

Only experiments whose paired runs have changed are computed again.
"""

import math
from collections.abc import Sequence
from typing import Any

from mtlens.config.hashing import content_hash
from mtlens.config.run_kinds import RUN_KINDS
from mtlens.data.splits import VALIDATION
from mtlens.statistics.comparison import Comparison
from mtlens.statistics.equivalence import compare
from mtlens.store.analysis.model_selection import Pairs, Selection, TrainedRun, pair, select, select_of_looks
from mtlens.store.analysis.paired_predictions import read_predictions, read_tasks
from mtlens.store.analysis.training_end import improving_kinds
from mtlens.store.database import writer
from mtlens.store.tables.bookkeeping import ComparisonSeenRow
from mtlens.store.tables.comparisons import ComparisonRow

_NAMES = {
    "baseline_mean": "single_mean",
    "candidate_mean": "multi_mean",
    "baseline_per_seed": "single_per_seed",
    "candidate_per_seed": "multi_per_seed",
    "baseline_collapsed": "single_collapsed",
    "candidate_collapsed": "multi_collapsed",
    "num_examples": "examples",
    "num_clusters": "clusters",
}
"""Columns of table `comparison` that are called otherwise in `Comparison`."""
_NOT_STORED = ("num_seeds", "shares", "chances")


def refresh(connection: writer.Connection, experiment_id: str) -> None:
    """Choose among the grid's points, and recompute the comparisons of an experiment whose paired runs have changed.

    For experiments with several looks, `mtlens.store.analysis.looks` does this.
    """
    about = connection.execute("SELECT seeds, looks FROM experiment WHERE experiment_id = ?", [experiment_id]).fetchone()
    if about is None:  # its manifest cannot be read
        return
    seeds, looks = about
    margins = {task.task: task.margin for task in read_tasks(connection, experiment_id)}
    runs = read_runs(connection, experiment_id)
    selection = select(runs, len(seeds)) if len(looks) == 1 else select_of_looks(runs, seeds[: looks[0]])
    _store_selection(connection, experiment_id, selection)
    if len(looks) > 1:
        return
    seen = compared_pairs(connection, experiment_id)
    for kind in [kind.name for kind in RUN_KINDS.values() if kind.compared and kind.trained]:
        pairs = pair(runs, selection, kind)
        if hash_of(pairs) != seen.get(kind):
            tasks = read_predictions(connection, experiment_id, pairs) if pairs else []
            found = compare(tasks, margin=margins) if tasks else ()
            store_comparisons(connection, experiment_id, kind, pairs, found)


def compared_pairs(connection: writer.Connection, experiment_id: str) -> dict[str, str]:
    """Kind -> hash of the pairs of runs that its comparisons were computed from."""
    query = "SELECT kind, pairs FROM bookkeeping.comparison_seen WHERE experiment_id = ?"
    return dict(connection.execute(query, [experiment_id]).fetchall())


def hash_of(pairs: Pairs) -> str | None:
    """Hash of the pairs of one kind of run; None where nothing can be compared."""
    return content_hash(pairs) if pairs else None


def read_runs(connection: writer.Connection, experiment_id: str) -> list[TrainedRun]:
    """The runs that an experiment has asked for."""
    rows = connection.execute(
        """
        SELECT run_id, role, candidate, coalesce(seed, -1), coalesce(tasks, []), coalesce(state, 'waiting'),
            coalesce(validation, '-inf')
        FROM experiment_run
        LEFT JOIN run USING (run_id)
        LEFT JOIN (
            SELECT run_id, avg(score) AS validation
            FROM score
            WHERE experiment_id = $experiment_id AND split = $validation AND isfinite(score)
            GROUP BY run_id
        ) USING (run_id)
        WHERE experiment_id = $experiment_id
        ORDER BY role, candidate, run_id
        """,
        {"experiment_id": experiment_id, "validation": VALIDATION},
    ).fetchall()
    return [
        TrainedRun(run_id=id_, role=role, candidate=candidate, seed=seed, tasks=tuple(tasks), state=state, validation=score)
        for id_, role, candidate, seed, tasks, state, score in rows
    ]


def _store_selection(connection: writer.Connection, experiment_id: str, selection: Selection) -> None:
    connection.execute(
        """
        UPDATE experiment_run
        SET selected = chosen.selected
        FROM (
            SELECT unnest($roles::VARCHAR[]) AS role, unnest($ids::VARCHAR[]) AS run_id, unnest($chosen::BOOLEAN[]) AS selected
        ) AS chosen
        WHERE experiment_id = $experiment_id
            AND experiment_run.role = chosen.role
            AND experiment_run.run_id = chosen.run_id
            AND experiment_run.selected IS DISTINCT FROM chosen.selected
        """,
        {
            "experiment_id": experiment_id,
            "roles": [role for role, _ in selection],
            "ids": [run_id for _, run_id in selection],
            "chosen": list(selection.values()),
        },
    )


def store_comparisons(
    connection: writer.Connection, experiment_id: str, kind: str, pairs: Pairs, found: Sequence[Comparison]
) -> None:
    """Replace the comparisons of one kind; that of the mean over tasks is stored only where no task is missing."""
    for table in ("comparison", "bookkeeping.comparison_seen"):
        connection.execute(f"DELETE FROM {table} WHERE experiment_id = ? AND kind = ?", [experiment_id, kind])
    if (pairs_hash := hash_of(pairs)) is None:
        return
    writer.insert_rows(connection, [ComparisonSeenRow(experiment_id=experiment_id, kind=kind, pairs=pairs_hash)])
    complete = len(found) > len(read_tasks(connection, experiment_id))
    seeds = max(map(list, pairs.values()), key=len, default=[])
    improving = _improving(connection, kind, pairs)
    rows = [
        ComparisonRow(
            experiment_id=experiment_id,
            kind=kind,
            seeds=seeds[: comparison.num_seeds],
            still_improving=improving[comparison.task],
            **_columns(comparison, seeds),
        )
        for comparison in found
        if complete or comparison.task is not None
    ]
    writer.insert_rows(connection, rows)


def _improving(connection: writer.Connection, kind: str, pairs: Pairs) -> dict[str | None, list[str]]:
    """Kinds of models that were still improving, by task; None: in any of the tasks."""
    runs = dict(connection.execute("SELECT run_id, still_improving FROM run").fetchall())
    of_tasks: dict[str | None, list[str]] = {task: improving_kinds(kind, of_task, runs) for task, of_task in pairs.items()}
    return {**of_tasks, None: sorted({name for kinds in of_tasks.values() for name in kinds})}


def _columns(comparison: Comparison, seeds: Sequence[int]) -> dict[str, Any]:
    """Columns of table `comparison`; what is not finite has no value there."""
    columns: dict[str, Any] = {
        _NAMES.get(name, name): finite(value) if isinstance(value, float) else value
        for name, value in vars(comparison).items()
        if name not in _NOT_STORED
    }
    for collapsed in ("single_collapsed", "multi_collapsed"):
        columns[collapsed] = [seeds[place] for place in columns[collapsed]]
    return columns


def finite(value: float) -> float | None:
    """A number, or None for one that is not finite."""
    return value if math.isfinite(value) else None
