"""Remarks on a comparison besides its numbers: what is needed, what was not learnt, which seeds collapsed."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtlens.config.run_kinds import MULTI, SINGLE, label_of
from mtlens.store.analysis.training_end import warning

_OF_SPANS = ("span_f1",)


def remarks(row: Mapping[str, Any]) -> list[str]:
    """Lines of plain text about a row with the columns of view `matching`; none where there is nothing to say."""
    task = row["task"] or "mean"
    lines: list[str] = []
    if row["not_learnt"] or row["needed"]:
        lines.append(f"{task}: {'; '.join(filter(None, (row['verdict'], row['not_learnt'], row['needed'])))}")
    kind = row.get("kind", MULTI.name)
    for role, seeds in ((SINGLE.name, row["single_collapsed"]), (kind, row["multi_collapsed"])):
        if len(seeds):
            under = f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"
            what = "says the same of every text" if row.get("metric") in _OF_SPANS else "predicts one class only"
            lines.append(f"{task}: the {label_of(role)} model {what} under {under}")
    return lines


def warnings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines about models that were still improving, one for all tasks that share it; rows of one kind in view `matching`."""
    tasks_of: dict[str, list[str]] = {}
    for row in rows:
        if row["still_improving"] and (row["task"] or "mean") != "mean":
            tasks_of.setdefault(warning(row["still_improving"]), []).append(row["task"])
    return [f"{', '.join(tasks)}: warning: {text}" for text, tasks in tasks_of.items()]
