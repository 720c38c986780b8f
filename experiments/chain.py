"""The whole chain against true segments, on reports of practices that no training saw.

    mtlens run experiments/cervical.yaml && mtlens export experiments/cervical.yaml family/ --tagger learned
    python -m experiments.chain family/

Synthetic reports of a seed that training did not use go through tagger and models. Prints macro-F1 of every task, and what the
same models reach on the true segments, for the rules, and for the learned tagger if the family has one. A segment without
a sentence counts as the first, harmless class. Also printed: how good each tagger is and where it errs, and how often the
sentence named for a finding is one that speaks of its task.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports import Report, generate
from mtlens.data.synthetic_reports.anatomy import LEVELS
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.model.family import Family, load
from mtlens.inference.segmentation import Rules, cleaned, segment
from mtlens.inference.segmentation.scoring import score_tagger
from mtlens.statistics.metrics.confusion import confusion
from mtlens.statistics.metrics.macro_f1 import macro_f1

SHOWN = 8  # errors of a tagger


def score(family: Family, reports: list[Report], texts: list[str]) -> dict[str, float]:
    """Macro-F1 by task; texts: one for each report and level, empty where nothing is said."""
    said = [text for text in texts if text]
    probabilities = family.classify(said)
    scores: dict[str, float] = {}
    for task in family.config.tasks:
        predicted = np.zeros(len(texts), dtype=np.int64)
        predicted[[bool(text) for text in texts]] = probabilities[task.name].argmax(axis=1)
        truth = np.array([task.classes.index(one.clean[task.column]) for report in reports for one in report.segments])
        scores[task.name] = round(float(macro_f1(confusion(truth, predicted, len(task.classes)))), 3)
    return scores


def right_sentences(family: Family, reports: list[Report]) -> float:
    """Share of abnormal findings, rightly read, whose sentence speaks of the task."""
    hits: list[bool] = []
    for report, found in zip(reports, Reader(family, 0.0).read([(one.id, one.text) for one in reports]), strict=True):
        mentions = {sentence.text: sentence.mentions for sentence in report.sentences}
        clean = {one.level: one.clean for one in report.segments}
        for finding in found.findings:
            task = next(task for task in family.config.tasks if task.name == finding.task)
            if finding.label not in (None, task.classes[0]) and clean[finding.segment][task.column] == finding.label:
                hits.append(task.column in mentions.get(finding.sentence or "", ()))
    return round(float(np.mean(hits)), 3)


def through(family: Family, reports: list[Report], levels: tuple[str, ...]) -> dict[str, object]:
    """The whole chain with the family's tagger."""
    tags = score_tagger(family.tagger, reports)
    tagged = segment([cleaned(report.text) for report in reports], family.tagger)
    return {
        "precision": round(tags.precision, 4),
        "recall": round(tags.recall, 4),
        "sentences_tagged_right": round(tags.exact, 4),
        "wrong_tags": [vars(error) for error in tags.errors[:SHOWN]],
        "macro_f1": score(family, reports, [one.text(level) for one in tagged for level in levels]),
        "sentence_speaks_of_the_task": right_sentences(family, reports),
    }


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", type=Path)
    parser.add_argument("--reports", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1000)
    arguments = parser.parse_args()
    family = load(arguments.family)
    if not family.config.levels:
        parser.error(f"{arguments.family} should read motion segments; found a family that was trained on whole texts")
    region = "cervical" if family.config.levels == LEVELS["cervical"] else "lumbar"
    corpus = generate(Spine(region=region, reports=arguments.reports, seed=arguments.seed))
    reports = [report for report in corpus.reports if report.unseen]
    answer = {
        "region": region,
        "reports_of_unseen_practices": len(reports),
        "macro_f1_on_true_segments": score(family, reports, [one.text for report in reports for one in report.segments]),
        "rules": through(replace(family, tagger=Rules()), reports, LEVELS[region]),
    }
    if family.config.tagger is not None:
        answer["learned"] = through(family, reports, LEVELS[region])
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
