"""Fills `summary.claim`: the gain of each task in each group that was trained, beside each kind of evidence about it.

Gains are of the test split. Those of the group of all tasks are in table `comparison`, those of a search's groups in
`summary.group_gain`. They are in the unit of the experiment's tasks: divided by margins where tasks differ in metric or margin.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from mtlens.config.run_kinds import MULTI
from mtlens.config.sources import sources
from mtlens.statistics.claim.kinds import EVIDENCE_KINDS
from mtlens.store.analysis import group_gains
from mtlens.store.analysis.claim_evidence import Evidence, OfPairs, Scores, mean_of, of_pairs, task_mean, validation_scores
from mtlens.store.database import writer
from mtlens.store.tables.claim import ClaimRow

_GAINS = """
    WITH multi AS (
        SELECT list(task ORDER BY task) AS tasks FROM comparison
        WHERE experiment_id = $id AND kind = $multi AND task IS NOT NULL
        HAVING count(*) = (SELECT count(*) FROM task WHERE experiment_id = $id) AND count(*) > 1
    ),
    gain AS (
        SELECT tasks, task, difference, standard_error, low, high, verdict, seeds FROM summary.group_gain
        WHERE experiment_id = $id
        UNION ALL
        SELECT tasks, task, difference, standard_error, low95, high95, verdict, len(seeds) FROM comparison, multi
        WHERE experiment_id = $id AND kind = $multi AND task IS NOT NULL
    )
    SELECT tasks, gain.task, metric, margin / unit AS margin, difference / unit AS gain, standard_error / unit AS error,
        low / unit AS low, high / unit AS high, verdict, seeds
    FROM gain JOIN task ON task.experiment_id = $id AND task.task = gain.task
    WHERE isfinite(difference)
    ORDER BY len(tasks), tasks, gain.task
"""


@dataclass(frozen=True)
class _Known:
    """What is known of an experiment's tasks."""

    pairs: OfPairs
    scores: Scores

    def of(self, kind: str, tasks: tuple[str, ...], task: str) -> Evidence | None:
        """Evidence about a task in a group: the mean over its partners; None where one of them has none."""
        if kind == "task_mean":
            return task_mean(self.scores, tasks, task)
        found = [self.pairs.get(kind, {}).get((partner, task)) for partner in tasks if partner != task]
        known = [evidence for evidence in found if evidence is not None]
        if not known or len(known) < len(found):
            return None
        return known[0] if len(known) == 1 else mean_of(known)


def refresh(connection: writer.Connection, experiment_id: str) -> None:
    """Put gains and evidence of an experiment in place of the older ones."""
    connection.execute("DELETE FROM summary.claim WHERE experiment_id = ?", [experiment_id])
    about = connection.execute("SELECT specification FROM experiment WHERE experiment_id = ?", [experiment_id]).fetchone()
    if about is None:  # its manifest cannot be read
        return
    group_gains.refresh(connection, experiment_id)
    cursor = connection.execute(_GAINS, {"id": experiment_id, "multi": MULTI.name})
    names = [column[0] for column in cursor.description]
    gains = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if not gains:
        return
    specification = json.loads(about[0])
    known = _Known(of_pairs(connection, experiment_id, specification), validation_scores(connection, experiment_id))
    data, relatedness = texts_of(specification["data"])
    writer.insert_rows(connection, list(_rows(experiment_id, data, relatedness, gains, known)))


def _rows(
    experiment_id: str, data: str, relatedness: float | None, gains: list[dict[str, Any]], known: _Known
) -> Iterator[ClaimRow]:
    unit = "margin" if all(gain["margin"] == 1 for gain in gains) else "score"
    for gain in gains:
        tasks = tuple(gain["tasks"])
        for kind in EVIDENCE_KINDS:
            if (evidence := known.of(kind, tasks, gain["task"])) is not None:
                yield ClaimRow(
                    experiment_id=experiment_id, data=data, relatedness=relatedness, tasks=tasks, task=gain["task"],
                    metric=gain["metric"], unit=unit, margin=gain["margin"],
                    gain=gain["gain"], gain_error=gain["error"], gain_low=gain["low"], gain_high=gain["high"],
                    verdict=gain["verdict"], evidence=kind, value=evidence.value, error=evidence.error,
                    low=evidence.low, high=evidence.high, seeds=gain["seeds"],
                )  # fmt: skip


def texts_of(section: Mapping[str, Any]) -> tuple[str, float | None]:
    """The texts in a few words, without folders, and the relatedness of the tasks where the texts are synthetic."""
    key = next((key for key in sources() if section.get(key)), "unknown")
    content = section.get(key)
    if content and key == "spine":
        return f"synthetic {content['region']} reports", content["relatedness"]
    named = [table["path"] for table in content] if content and key == "tables" else [key]
    paths = [path for entry in named for path in (entry.values() if isinstance(entry, dict) else [entry])]
    return ", ".join(dict.fromkeys(PurePath(path).name if PurePath(path).is_absolute() else path for path in paths)), None
