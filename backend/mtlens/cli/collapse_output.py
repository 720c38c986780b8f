"""What the command line says of runs that predict one class only for a task."""

from typing import TYPE_CHECKING

from mtlens.cli.output import out

if TYPE_CHECKING:
    from mtlens.store.database.reader import Result

COLLAPSED = """
    SELECT role, tasks, seed, coalesce(retries, 0) AS retries, coalesce(collapsed, []) AS collapsed
    FROM runs
    WHERE experiment_id = ? AND selected AND state = 'done' AND (retries > 0 OR len(collapsed) > 0)
"""


def print_collapsed(result: "Result") -> None:
    """A line per run that was trained anew, or that predicts one class only on validation; `result` answers COLLAPSED."""
    for role, tasks, seed, retries, collapsed in result.rows:
        name = f"{role} {tasks} s{seed}"
        if retries:
            times = "once" if retries == 1 else f"{retries} times"
            out.print(f"{name}: trained anew {times}, as it predicted one class only for a task", markup=False)
        if collapsed:
            out.print(f"{name}: predicts one class only for {', '.join(collapsed)} on validation", markup=False)
    if any(collapsed for *_, collapsed in result.rows):
        out.print(
            "Under training, retries may prevent this, and class_weights: balanced where classes have no weights.", markup=False
        )
    if result.rows:
        out.print()
