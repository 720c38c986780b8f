"""Fills table `look`, and `comparison` with it, for experiments that train seeds until their verdicts are settled.

A look is computed when all runs that it asked for have finished; between looks, nothing is compared. Whenever a further look
can be computed, all looks are computed again, one after the other: their results depend only on the runs, the experiment file,
and the runs that each look asked for, which are in the manifest. So the verdict of an earlier look does not change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtlens.config.run_kinds import RUN_KINDS
from mtlens.statistics.comparison import Comparison, Scope
from mtlens.statistics.looks import hold_look
from mtlens.statistics.power import ALPHA
from mtlens.statistics.sequential import Look, Spending
from mtlens.store.analysis.comparisons import compared_pairs, finite, hash_of, read_runs, store_comparisons
from mtlens.store.analysis.model_selection import Pairs, pair_each, select_of_looks
from mtlens.store.analysis.paired_predictions import read_predictions, read_tasks
from mtlens.store.database import writer
from mtlens.store.tables.comparisons import LookRow


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A look that an experiment has asked for. pairs: of its seeds, as far as their runs have finished."""

    look: Look
    pairs: Pairs

    @property
    def is_held(self) -> bool:
        return all(len(seeds) == self.look.num_seeds for seeds in self.pairs.values())


def refresh(connection: writer.Connection, experiment_id: str) -> None:
    """Compute the looks of an experiment whose paired runs have changed."""
    query = "SELECT seeds, looks FROM experiment WHERE experiment_id = ? AND len(looks) > 1"
    about = connection.execute(query, [experiment_id]).fetchone()
    if about is None:
        return
    seeds, schedule = about
    margins = {task.task: task.margin for task in read_tasks(connection, experiment_id)}
    runs = read_runs(connection, experiment_id)
    selection = select_of_looks(runs, seeds[: schedule[0]])
    seen = compared_pairs(connection, experiment_id)
    for kind in [kind.name for kind in RUN_KINDS.values() if kind.compared and kind.trained]:
        pairs = pair_each(runs, selection, kind)
        held = _held(connection, experiment_id, kind, pairs, tuple(schedule), seeds)
        paired = {task: of_task for asked in held for task, of_task in asked.pairs.items()}
        if hash_of(paired) != seen.get(kind):
            _hold(connection, experiment_id, kind, held, paired, margins)


def _held(
    connection: writer.Connection, experiment_id: str, kind: str, pairs: Pairs, schedule: tuple[int, ...], seeds: Sequence[int]
) -> list[_Asked]:
    """The looks that can be held, in order."""
    query = "SELECT look, seeds, tasks FROM bookkeeping.look_asked WHERE experiment_id = ? AND kind = ? ORDER BY look"
    held: list[_Asked] = []
    for number, count, tasks in connection.execute(query, [experiment_id, kind]).fetchall():
        of_look = {
            task: {seed: pairs[task][seed] for seed in seeds[:count] if task in pairs and seed in pairs[task]} for task in tasks
        }
        asked = _Asked(look=Look(schedule, number - 1), pairs=of_look)
        if not asked.is_held:
            break
        held.append(asked)
    return held


def _hold(
    connection: writer.Connection,
    experiment_id: str,
    kind: str,
    held: Sequence[_Asked],
    paired: Pairs,
    margins: Mapping[str, float],
) -> None:
    """Put the looks of one kind, and the comparisons that they end with, in place of the older ones."""
    ((num_tasks,),) = connection.execute("SELECT count(*) FROM task WHERE experiment_id = ?", [experiment_id]).fetchall()
    newest: dict[Scope, Comparison] = {}
    rows: list[LookRow] = []
    for asked in held:
        tasks = read_predictions(connection, experiment_id, asked.pairs)
        found = hold_look(tasks, asked.look, newest, margin=margins)
        has_mean = None in newest or len(tasks) == num_tasks  # later looks leave out tasks that were not learnt
        newest |= {comparison.task: comparison for comparison in found if comparison.task or has_mean}
        rows += [
            _row(experiment_id, kind, asked.look, newest[comparison.task]) for comparison in found if comparison.task in newest
        ]
    connection.execute("DELETE FROM look WHERE experiment_id = ? AND kind = ?", [experiment_id, kind])
    writer.insert_rows(connection, rows)
    in_order = [comparison for scope, comparison in newest.items() if scope is not None]
    store_comparisons(
        connection, experiment_id, kind, paired, [*in_order, *(newest[scope] for scope in newest if scope is None)]
    )


def _row(experiment_id: str, kind: str, look: Look, comparison: Comparison) -> LookRow:
    return LookRow(
        experiment_id=experiment_id,
        kind=kind,
        look=look.number + 1,
        seeds=look.num_seeds,
        task=comparison.task,
        difference=finite(comparison.difference),
        low90=finite(comparison.low90),
        high90=finite(comparison.high90),
        information=comparison.shares[-1],
        level=Spending(comparison.shares).level(ALPHA),
        p_equivalence=comparison.adjusted_p_equivalence,
        p_better=comparison.adjusted_p_better,
        p_worse=comparison.adjusted_p_worse,
        verdict=comparison.verdict,
        chances=comparison.chances,
    )
