"""The table of arms: which single model matches the task-specific ones, and at what cost."""

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from mtlens.api.tables import number
from mtlens.cli.output import COLOURS, NARROW, out
from mtlens.statistics.shown import Unit

if TYPE_CHECKING:
    from mtlens.store.database.reader import Result

ARMS = """
    SELECT arm, tasks, verdicts, verdict, metric, difference, seconds, inference_seconds, peak_memory_bytes, conflict_rate, cka,
        single_seconds, single_inference_seconds, single_peak_memory_bytes, recommended, statement
    FROM arms WHERE experiment_id = ?
"""
SYMBOLS = {"matches": "=", "better": "+", "worse": "-", "inconclusive": "?", "not learnt": "x"}
_LEGEND = """\
  diff: mean over tasks, {unit}. train: seconds, with those of the models that it
  is made of; test: seconds to predict the test split; GB: largest memory.
  confl.: share of pairs of tasks and batches whose gradients pointed apart in
  training; CKA: with the task-specific models, last layer.
"""


def print_arms(result: "Result") -> None:
    """One row per arm; `result` answers ARMS. Nothing where the joint model is the only one."""
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    if len(rows) < 2:
        return
    tasks = rows[0]["tasks"]
    title = f"Which single model matches?\n({', '.join(f'{symbol} {verdict}' for verdict, symbol in SYMBOLS.items())})"
    table = Table(title=title, title_justify="left", title_style="bold", **NARROW)
    table.add_column("arm", no_wrap=True)
    for name in (*tasks, "mean"):
        table.add_column(escape(name), justify="center", overflow="fold", max_width=8)
    for name in ("diff", "train", "test", "GB", "confl.", "CKA"):
        table.add_column(name, justify="right", no_wrap=True)
    alone = (rows[0][f"single_{column}"] for column in ("seconds", "inference_seconds", "peak_memory_bytes"))
    table.add_row("task-specific", *[""] * (len(tasks) + 2), *_costs(*alone), "", "")
    for row in rows:
        verdicts = {**dict(zip(row["tasks"], row["verdicts"], strict=True)), None: row["verdict"]}
        difference = Unit(row["metric"]).difference(row["difference"])
        costs = _costs(row["seconds"], row["inference_seconds"], row["peak_memory_bytes"])
        evidence = (number(row["conflict_rate"], 2), number(row["cka"], 2))
        table.add_row(
            f"[bold]{escape(row['arm'])} *[/]" if row["recommended"] else escape(row["arm"]),
            *(_symbol(verdicts.get(task)) for task in (*tasks, None)),
            difference,
            *costs,
            *evidence,
        )
    out.print(table)
    unit = Unit(next((row["metric"] for row in rows if row["metric"]), None))
    out.print(_LEGEND.format(unit=unit.name), markup=False)
    for row in rows:
        if row["recommended"]:
            out.print(f"  * recommended, chosen on validation: {row['statement']}\n", markup=False)


def _symbol(verdict: str | None) -> str:
    return "" if verdict is None else f"[{COLOURS[verdict]}]{SYMBOLS[verdict]}[/]"


def _costs(seconds: float | None, inference: float | None, memory: float | None) -> tuple[str, ...]:
    return number(seconds, 1), number(inference, 2), number(None if memory is None else memory / 1e9, 2)
