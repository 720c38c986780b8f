"""The table of each chart: the same numbers as rows, for pages, CSV and LaTeX."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from mtlens.config.run_kinds import SINGLE, label_of
from mtlens.statistics.metrics import unit_of
from mtlens.statistics.shown import Unit
from mtlens.store.plain_text import csv_cell
from mtlens_dashboard.queries import (
    AlignmentInfo,
    ConfusionInfo,
    CostInfo,
    CurveInfo,
    ExplanationInfo,
    GroupingInfo,
    GroupScoreInfo,
    LayerMatrixInfo,
    LookInfo,
    LooksInfo,
    MatchInfo,
    MatchingInfo,
    ProfileInfo,
    RunInfo,
    ScoreInfo,
    SettingInfo,
    SimilarityInfo,
    TrialInfo,
)
from mtlens_dashboard.wording.formatting import EVERY_TASK, MISSING, POOLED, minus, model_names, score_of

Cell = str | int | float | bool | datetime | None
_LATEX = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\N{MINUS SIGN}": "$-$", "±": r"$\pm$",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Table:
    """Names of the columns and rows of as many cells. Scores are in the unit of their metric, as in the store."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def to_csv(table: Table) -> str:
    """CSV with a header. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([csv_cell(column) for column in table.columns])
    writer.writerows([csv_cell(cell) for cell in row] for row in table.rows)
    return buffer.getvalue()


def to_latex(table: Table) -> str:
    """A `tabular` with the rules of package booktabs, ready to paste."""
    lines = [_latex_line([_latex(column) for column in table.columns]), r"\midrule"]
    lines += [_latex_line([_latex(shown(cell)) for cell in row]) for row in table.rows]
    columns = "l" + "r" * (len(table.columns) - 1)
    return "\n".join([rf"\begin{{tabular}}{{{columns}}}", r"\toprule", *lines, r"\bottomrule", r"\end{tabular}", ""])


def to_markdown(table: Table) -> str:
    """A Markdown table, ready to paste; a vertical bar in a cell is escaped."""
    rows = [table.columns, ["---"] * len(table.columns), *([shown(cell) for cell in row] for row in table.rows)]
    lines = [[" ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(cell: Cell) -> str:
    """A cell as text: numbers to four digits, None as a dash."""
    if cell is None:
        return MISSING
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M:%S}"
    return minus(f"{cell:.4g}") if isinstance(cell, float) else str(cell)


def of_matching(matching: MatchingInfo) -> Table:
    """One row per task, the mean of all last."""
    columns = (
        "task", "metric", "margin", "single_mean", "multi_mean", "difference", "low90", "high90", "low95", "high95",
        "examples", "verdict", "p_equivalence", "p_difference", "needed", "not_learnt", "still_improving",
    )  # fmt: skip
    rows = _of([replace(match, task=match.task or POOLED) for match in matching.rows], columns).rows
    more = [
        (len(match.seeds), *(", ".join(map(str, seeds)) for seeds in (match.single_collapsed, match.multi_collapsed)))
        for match in matching.rows
    ]
    return Table(
        columns=(*columns, "seeds", "single_collapsed", "multi_collapsed"),
        rows=tuple((*row, *cells) for row, cells in zip(rows, more, strict=True)),
    )


def of_looks(looks: LooksInfo) -> Table:
    """One row per look and task, the mean of all last in each look."""
    return _of([replace(row, task=row.task or POOLED) for row in looks.rows], _fields(LookInfo))


def of_explanations(explanations: Sequence[ExplanationInfo]) -> Table:
    """Measured outcome beside the evidence, for the group, each task and each pair."""
    named = [replace(line, tasks=(EVERY_TASK,)) if line.scope == "group" else line for line in explanations]
    return _of(named, _fields(ExplanationInfo, "method"))


def of_curves(curves: Sequence[CurveInfo]) -> Table:
    """One row per run and epoch."""
    rows = [
        (label_of(curve.role), ", ".join(curve.tasks), curve.seed, curve.candidate, *values)
        for curve in curves
        for values in zip(curve.epochs, curve.validation, curve.validation_loss, curve.training_loss, strict=True)
    ]
    columns = ("model", "tasks", "seed", "candidate", "epoch", "validation", "validation_loss", "training_loss")
    return Table(columns=columns, rows=tuple(rows))


def score_grid(scores: Sequence[ScoreInfo], metric: str) -> Table:
    """Models x tasks: mean ± standard deviation over seeds, shares x 100."""
    chosen = [score for score in scores if score.metric == metric]
    tasks = list(dict.fromkeys(score.task for score in chosen))
    factor, _ = unit_of(metric)
    names = model_names((score.role, score.tasks) for score in chosen)
    rows: dict[str, dict[str, str | None]] = {}
    for score in chosen:
        cells = rows.setdefault(names[score.role, score.tasks], {})
        cells[score.task] = _mean_and_deviation(score, factor)
    return Table(columns=("model", *tasks), rows=tuple((name, *map(cells.get, tasks)) for name, cells in rows.items()))


def verdict_grid(comparisons: Sequence[MatchingInfo]) -> Table:
    """Models x tasks, the mean last: the score, below the first row with the interval of the difference and the verdict."""
    names = [POOLED if match.task is None else match.task for match in comparisons[0].rows]
    rows: list[tuple[Cell, ...]] = [
        (label_of(SINGLE.name), *(score_of(match.single_mean, Unit(match.metric)) for match in comparisons[0].rows))
    ]
    for comparison in comparisons:
        cells = {POOLED if match.task is None else match.task: _compared(match) for match in comparison.rows}
        rows.append((label_of(comparison.kind), *map(cells.get, names)))
    return Table(columns=("model", *names), rows=tuple(rows))


def _compared(match: MatchInfo) -> str:
    unit = Unit(match.metric)
    interval = "" if match.low90 is None else f" [{unit.difference(match.low90)}, {unit.difference(match.high90)}]"
    return minus(f"{score_of(match.multi_mean, unit)}{interval} {match.verdict}")


def of_confusion(matrices: Sequence[ConfusionInfo]) -> Table:
    """One row per model, true and predicted class."""
    names = model_names((info.role, info.tasks) for info in matrices)
    rows = [
        (names[info.role, info.tasks], info.task, info.classes[i], info.classes[j], count, info.seeds)
        for info in matrices
        for i, row in enumerate(info.counts)
        for j, count in enumerate(row)
    ]
    return Table(columns=("model", "task", "true", "predicted", "number", "seeds"), rows=tuple(rows))


def of_costs(costs: Sequence[CostInfo]) -> Table:
    """One row per kind of model."""
    return _of(costs, _fields(CostInfo))


def of_profiles(profiles: Sequence[ProfileInfo]) -> Table:
    """One row per pair of models and layer."""
    return _of(
        [layer for profile in profiles for layer in profile.layers],
        _fields(SimilarityInfo, "pretrained", "untrained", "permuted", "margin", "method"),
    )


def of_matrices(matrices: Sequence[LayerMatrixInfo]) -> Table:
    """One row per pair of models and pair of layers."""
    rows = [
        (info.kind, info.task_a, info.task_b, a, b, info.values[i][j], info.reference[i][j] if info.reference else None)
        for info in matrices
        for i, a in enumerate(info.layers)
        for j, b in enumerate(info.layers)
    ]
    columns = ("kind", "task_a", "task_b", "layer_a", "layer_b", "cka", "cka_with_pretrained")
    return Table(columns=columns, rows=tuple(rows))


def of_alignments(alignments: Sequence[AlignmentInfo]) -> Table:
    """One row per pair of tasks and layer; no layer: the whole encoder."""
    return _of(alignments, _fields(AlignmentInfo, "threshold", "method"))


def of_groupings(groupings: Sequence[GroupingInfo]) -> Table:
    """One row per candidate."""
    columns = _fields(GroupingInfo, "groups")
    groups = ["; ".join(", ".join(group) for group in info.groups) for info in groupings]
    rows = zip(groups, _of(groupings, columns).rows, strict=True)
    return Table(columns=("groups", *columns), rows=tuple((group, *row) for group, row in rows))


def of_trial(trial: TrialInfo) -> Table:
    """One row per method, group and task."""
    return _of(trial.scores, _fields(GroupScoreInfo))


def of_methods(trial: TrialInfo) -> Table:
    """One row per method on trial and budget."""
    rows = [
        (info.method, budget, regret, permuted, info.discovery_seconds)
        for info in trial.methods
        for budget, regret, permuted in zip(info.budgets, info.regret, info.permuted_regret, strict=True)
    ]
    return Table(columns=("method", "budget", "regret", "permuted_regret", "discovery_seconds"), rows=tuple(rows))


def of_runs(runs: Sequence[RunInfo]) -> Table:
    """One row per run."""
    return _of(runs, _fields(RunInfo, "experiment", "experiment_id", "begun", "begun_fraction"))


def of_settings(settings: Sequence[SettingInfo], names: Sequence[str]) -> Table:
    """One row per setting that differs, a column per experiment or run."""
    return Table(
        columns=("setting", *names),
        rows=tuple((info.path, *("not set" if value is None else value for value in info.values)) for info in settings),
    )


def _fields(info: type[Any], *without: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(info) if field.name not in without)


def _of(infos: Sequence[Any], columns: tuple[str, ...]) -> Table:
    return Table(columns=columns, rows=tuple(tuple(_cell(getattr(info, name)) for name in columns) for info in infos))


def _cell(value: Any) -> Cell:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _mean_and_deviation(score: ScoreInfo, factor: float) -> str | None:
    if score.mean is None:
        return None
    digits = 1 if factor > 1 else 3
    spread = "" if score.deviation is None else f" ± {factor * score.deviation:.{digits}f}"
    return f"{factor * score.mean:.{digits}f}{spread}"


def _latex(text: str) -> str:
    return " ".join(text.split()).translate(_LATEX)


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
