"""Fills `arm_choice`: which single model to take, chosen on validation, and its verdicts on test.

Table `comparison` has tests of every arm, and the best of several verdicts is biased upwards. The recommended arm is chosen
without the test split, so its verdict is not biased by the choice.
"""

from dataclasses import dataclass, replace

from mtlens.config.run_kinds import RUN_KINDS, SINGLE, label_of
from mtlens.data.splits import VALIDATION
from mtlens.grouping.recommendation import SHARE
from mtlens.statistics.comparison import AT_LEAST_AS_GOOD
from mtlens.store.database import writer
from mtlens.store.tables.arms import ArmChoiceRow

_METHOD = (
    "chosen on validation: of the models in which no task falls short of its task-specific model by more than half of the "
    "margin, the one with the least training time (of several within a tenth, the first); where there is none, the one with "
    "the smallest shortfall; judged on test by the tests of table comparison"
)
ALIKE = 1.1  # ratio of training times that the clock does not tell apart
_WAITING = """
    SELECT count(*) FROM experiment_run LEFT JOIN run USING (run_id)
    WHERE experiment_id = $1 AND list_contains($2, role) AND coalesce(state, 'waiting') IN ('waiting', 'unfinished')
"""
_VALIDATED = """
    SELECT role, task, avg(score * unit / margin)
    FROM experiment_run JOIN score USING (experiment_id, run_id) JOIN task USING (experiment_id, task)
    WHERE experiment_id = $1 AND list_contains($2, role) AND coalesce(selected, false) AND split = $3 AND isfinite(value)
    GROUP BY role, task
"""
_SECONDS = "SELECT role, seconds FROM model_costs WHERE experiment_id = $1 AND list_contains($2, role) AND seconds IS NOT NULL"
_VERDICTS = """
    SELECT task, verdict FROM comparison JOIN task USING (experiment_id, task)
    WHERE experiment_id = ? AND kind = ? ORDER BY position
"""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to make a single model. shortfall: largest over its tasks on validation, in margins; seconds: training time."""

    kind: str
    shortfall: float
    seconds: float


def choose(arms: list[Arm]) -> Arm:
    """The cheapest arm whose shortfall is at most half of the margin; if there is none, the arm with the smallest shortfall.

    Training times within a tenth count as equal, as measurements are no better than that; the first of equals is chosen.
    """
    adequate = [arm for arm in arms if arm.shortfall <= SHARE]
    if not adequate:
        return min(arms, key=lambda arm: arm.shortfall)
    least = min(arm.seconds for arm in adequate)
    return next(arm for arm in adequate if arm.seconds <= ALIKE * least)


def refresh(connection: writer.Connection, experiment_id: str) -> None:
    """Choose among the arms of an experiment once all of their runs have ended; nothing where there is one arm only."""
    connection.execute("DELETE FROM arm_choice WHERE experiment_id = ?", [experiment_id])
    kinds = [kind.name for kind in RUN_KINDS.values() if kind.arm is not None]
    waiting = connection.execute(_WAITING, [experiment_id, [SINGLE.name, *kinds]]).fetchone()
    arms = _arms(connection, experiment_id, kinds)
    if waiting != (0,) or len(arms) < 2:
        return
    best = choose(arms)
    rows = [
        ArmChoiceRow(
            experiment_id=experiment_id,
            kind=arm.kind,
            shortfall=arm.shortfall,
            recommended=arm == best,
            statement="",
            method=_METHOD,
        )
        for arm in arms
    ]
    statement = _statement(best, connection.execute(_VERDICTS, [experiment_id, best.kind]).fetchall())
    writer.insert_rows(connection, [replace(row, statement=statement) if row.recommended else row for row in rows])


def _arms(connection: writer.Connection, experiment_id: str, kinds: list[str]) -> list[Arm]:
    """The arms with validation scores of every task and with costs, in the order of the registry."""
    rows = connection.execute(_VALIDATED, [experiment_id, [SINGLE.name, *kinds], VALIDATION]).fetchall()
    scores = {(role, task): score for role, task, score in rows}
    seconds: dict[str, float] = dict(connection.execute(_SECONDS, [experiment_id, kinds]).fetchall())
    tasks = [task for role, task in scores if role == SINGLE.name]
    return [
        Arm(
            kind=kind,
            shortfall=max(scores[SINGLE.name, task] - scores[kind, task] for task in tasks),
            seconds=seconds[kind],
        )
        for kind in kinds
        if kind in seconds and tasks and all((kind, task) in scores for task in tasks)
    ]


def _statement(arm: Arm, verdicts: list[tuple[str, str]]) -> str:
    """The choice and its verdicts in words.

    >>> _statement(Arm(kind="multi", shortfall=0.2, seconds=1.0), [("a", "matches"), ("b", "worse")])
    'multi-task: falls short by at most 0.2 margins on validation; on test it matches or is better on 1 of 2 tasks (b: worse)'
    """
    good = [task for task, verdict in verdicts if verdict in AT_LEAST_AS_GOOD]
    others = "; ".join(f"{task}: {verdict}" for task, verdict in verdicts if task not in good)
    near = "falls short by at most" if arm.shortfall <= SHARE else "comes nearest, and falls short by up to"
    found = f"on test it matches or is better on {len(good)} of {len(verdicts)} tasks{f' ({others})' if others else ''}"
    return f"{label_of(arm.kind)}: {near} {max(arm.shortfall, 0.0):.1f} margins on validation; {found}"
