"""The rules against two kinds of truth: tags that synthetic reports were written from, and weak labels of notes."""

import csv
import os
from functools import cache
from pathlib import Path

import pytest

from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports import generate
from mtlens.data.synthetic_reports.layouts import LAYOUTS
from mtlens.inference.segmentation import Rules, cleaned, segment
from mtlens.inference.segmentation.scoring import score_tagger


@cache
def reports_of(region):
    """Reports of every practice, those that no development saw among them."""
    return generate(Spine(region=region, reports=300, seed=7)).reports


@pytest.mark.parametrize("region", ["cervical", "lumbar"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_rules_find_the_levels_in_every_layout(layout, region):
    """Sentences are told apart as they were written."""
    printed = [LAYOUTS[layout](report) for report in reports_of(region)[:200]]
    score = score_tagger(Rules(), printed)
    assert score.recall >= 0.97
    assert score.precision >= (0.85 if layout == "no headings" else 0.90)  # without headings the technique reads as a finding
    assert score.split > 0.97


def test_layouts_print_what_they_say():
    report = generate(Spine(region="lumbar", reports=1, seed=1)).reports[0]
    text = {name: LAYOUTS[name](report).text for name in LAYOUTS}
    assert len(LAYOUTS) == 10
    assert all("\n" not in text[name] for name in ("one line", "dashes", "bare headings", "small letters", "HTML"))
    assert "Findings" not in text["no headings"]
    assert text["capitals"].isupper()
    assert text["small letters"].islower()
    assert max(map(len, text["60 columns"].splitlines())) <= 60
    assert "FINDINGS- " in text["dashes"]
    assert ":" not in text["bare headings"].partition("FINDINGS")[0]
    for name in LAYOUTS:
        plain = cleaned(text[name])
        assert all(sentence.text in plain for sentence in LAYOUTS[name](report).sentences)


@pytest.mark.parametrize("unseen", [False, True])
@pytest.mark.parametrize("region", ["cervical", "lumbar"])
def test_rules_agree_with_the_tags_that_reports_were_written_from(region, unseen):
    reports = [report for report in reports_of(region) if report.unseen == unseen]
    score = score_tagger(Rules(), reports)
    assert score.precision > 0.98
    assert score.recall > 0.92
    assert score.split > 0.98


def test_wrong_tags_lower_the_score():
    class Nothing:
        def tag(self, reports):
            return [[frozenset({"general"}) for _ in report] for report in reports]

    score = score_tagger(Nothing(), generate(Spine(region="cervical", reports=5)).reports)
    assert score.recall == 0
    assert score.errors[0].missing


def test_rules_find_the_levels_of_the_lumbar_notes():
    """Against weak labels by level: a level with any finding must be spoken of; the table was made by rules too."""
    folder = os.environ.get("MTLENS_DATA")
    if not folder or not (Path(folder) / "lumbar_notes/segment_tasks.csv").exists():
        pytest.skip("MTLENS_DATA names no folder with lumbar_notes/segment_tasks.csv")
    with (Path(folder) / "lumbar_notes/segment_tasks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    notes = list(dict.fromkeys(row["note"] for row in rows))
    found = dict(zip(notes, segment([cleaned(note) for note in notes], Rules()), strict=True))
    weak = ("weak_disc", "weak_thecal", "weak_nerve")
    affected = [row for row in rows if any(int(row[task]) > 0 for task in weak)]
    spoken = [row for row in rows if found[row["note"]].text(row["level"])]
    hits = [row for row in affected if found[row["note"]].text(row["level"])]
    assert len(hits) / len(affected) > 0.9
    assert len(hits) / len(spoken) > 0.7
