"""What spine reports say and how: vocabularies, negation, levels, practices, slips."""

import re
from itertools import combinations

import numpy as np
import pytest

from mtlens.data.synthetic_reports import TASKS, background, phrases, summarise
from mtlens.data.synthetic_reports.anatomy import GENERAL, LEVELS, PATHOLOGIES, REGIONS, level_name
from mtlens.data.synthetic_reports.cues import HELD_OUT_HEADS, OSTEOPHYTE_HEADS, OWN, SHARED
from mtlens.data.synthetic_reports.noise import SLIP, with_slips
from mtlens.data.synthetic_reports.practice import NUM_SEEN, NUM_UNSEEN, Pool, volumes
from tests.support.spine_corpora import NUM_REPORTS, RELATEDNESS, assert_share, corpus, segments

NEUTRAL = frozenset(
    {"a", "about", "all", "and", "are", "around", "away", "behind", "beyond", "both", "by", "directions", "disc", "ends"}
    | {"foramen", "foramina", "four", "from", "has", "in", "is", "its", "left", "lies", "no", "of", "on", "or", "past"}
    | {"right", "root", "roots", "side", "sides", "the", "to", "two", "with"}
)
"""Words of the own registers that say nothing of severity, or name the organ."""


def words_of(*phrase_groups: object) -> set[str]:
    found: set[str] = set()
    for phrase in phrase_groups:
        found |= words_of(*phrase) if isinstance(phrase, tuple) else set(re.sub(r"\{\w+\}", " ", str(phrase)).lower().split())
    return found


def cue_words(cues: object) -> set[str]:
    return words_of(*(getattr(cues, field) for field in ("degrees", "ranges", "heads", "clauses")))


# Language


@pytest.mark.parametrize("region", REGIONS)
def test_own_vocabularies_of_a_regions_tasks_are_disjoint(region):
    words = {
        task: (
            cue_words(OWN[task])
            | words_of(HELD_OUT_HEADS[task], phrases.CAUSES.get(task, {}).get(region, ()))
            | (words_of(OSTEOPHYTE_HEADS[region]) if task == "disc" else set())
        )
        - NEUTRAL
        for task in PATHOLOGIES[region]
    }
    for a, b in combinations(words, 2):
        assert not words[a] & words[b], (a, b)


@pytest.mark.parametrize("region", REGIONS)
def test_shared_vocabularies_share_all_degrees(region):
    for a, b in combinations(PATHOLOGIES[region], 2):
        common = cue_words(SHARED[a]) & cue_words(SHARED[b])
        assert {"mild", "moderate", "severe"} <= common
    assert {"mildly", "moderately", "severely"} <= cue_words(SHARED["disc"]) & cue_words(SHARED["foraminal"])


@pytest.mark.parametrize("region", REGIONS)
def test_relatedness_is_the_share_of_shared_cues(region):
    """Words that only one register has, over the texts of three relatednesses."""
    tasks = PATHOLOGIES[region]
    own, shared = (set[str]().union(*(cue_words(register[task]) for task in tasks)) for register in (OWN, SHARED))
    asides = words_of(phrases.FILLERS[region], phrases.T2_SIGNAL, phrases.NO_T2_SIGNAL, phrases.CAUSES["canal"][region])
    own, shared = own - shared - asides - NEUTRAL - {"mm"}, shared - own - asides - NEUTRAL
    counts = {}
    for relatedness in RELATEDNESS:
        words = [word for s in segments(region, relatedness) for word in re.findall(r"[a-z-]+", s.text.lower())]
        counts[relatedness] = (sum(word in own for word in words), sum(word in shared for word in words))
    assert counts[0.0][1] == counts[1.0][0] == 0
    assert counts[0.0][0] > counts[0.5][0] > 0
    assert counts[1.0][1] > counts[0.5][1] > 0


@pytest.mark.parametrize("relatedness", RELATEDNESS)
@pytest.mark.parametrize("region", REGIONS)
def test_unmentioned_means_the_first_class_and_normal_findings_are_mentioned_at_times(region, relatedness):
    for task, classes in TASKS[region].items():
        unmentioned = [segment for segment in segments(region, relatedness) if task not in segment.mentions]
        assert {segment.clean[task] for segment in unmentioned} == {classes[0]}
    for task, classes in PATHOLOGIES[region].items():
        mentioned = [segment for segment in segments(region, relatedness) if task in segment.mentions]
        assert {segment.clean[task] for segment in mentioned} == set(classes)


def test_raised_t2_signal_stands_with_a_compressed_cord_only():
    found = [s for s in segments("cervical", 1.0) if any(phrase.lower() in s.text.lower() for phrase in phrases.T2_SIGNAL)]
    assert len(found) > 10
    assert {segment.clean["cord"] for segment in found} == {"compression"}
    compressed = [segment for segment in segments("cervical", 1.0) if segment.clean["cord"] == "compression"]
    assert len(found) < len(compressed)


@pytest.mark.parametrize("region", REGIONS)
def test_mixed_scope_ranges_and_asymmetry_occur_and_take_the_higher_class(region):
    found = segments(region, 1.0)
    assert sum(bool(re.search(r" (without|but no) ", segment.text)) for segment in found) > 100
    ranged = [s for s in found if re.search(r"mild to moderate (left |right |bilateral )?(neural )?foraminal", s.text)]
    sided = [s for s in found if re.search(r"(severe|marked|high-grade) (left|right) and \w+ (left|right)", s.text)]
    assert {segment.clean["foraminal"] for segment in ranged} == {"moderate"}
    assert {segment.clean["foraminal"] for segment in sided} == {"severe"}


@pytest.mark.parametrize("region", REGIONS)
def test_hedged_segments_are_few_and_hold_a_hedge(region):
    found = [segment for segment in segments(region, 0.5) if segment.hedged]
    hedge = re.compile("possible|cannot be excluded|may represent|suspected|questionable|conceivable|wonder", re.IGNORECASE)
    assert 0.02 < len(found) / (6 * NUM_REPORTS) < 0.08
    assert np.mean([bool(hedge.search(segment.text)) for segment in found]) > 0.95  # slips garble a few


# Reports


@pytest.mark.parametrize("relatedness", RELATEDNESS)
@pytest.mark.parametrize("region", REGIONS)
def test_segment_texts_are_the_tagged_sentences_and_stand_in_the_report(region, relatedness):
    for report in corpus(region, relatedness).reports:
        assert [segment.level for segment in report.segments] == list(LEVELS[region])
        for sentence in report.sentences:
            assert sentence.text in report.text
            assert sentence.segments
            assert sentence.segments <= {*LEVELS[region], GENERAL}
        for segment in report.segments:
            here = [sentence for sentence in report.sentences if segment.level in sentence.segments]
            assert segment.text == " ".join(sentence.text for sentence in here) != ""
            assert segment.hedged == any(sentence.hedged for sentence in here)


@pytest.mark.parametrize("region", REGIONS)
def test_a_sentence_on_one_level_names_no_other(region):
    names = {level_name(region, i, form): level for i, level in enumerate(LEVELS[region]) for form in range(4)}
    pattern = re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True)))
    named = 0
    for report in corpus(region, 0.5).reports:
        for sentence in report.sentences:
            tagged = sentence.segments - {GENERAL}
            if len(tagged) == 1:
                found = {names[name] for name in pattern.findall(sentence.text)}
                assert found <= tagged or re.search("apart|except|other than|aside", sentence.text.lower())
                named += bool(found)
    assert named > 3 * NUM_REPORTS


@pytest.mark.parametrize("region", REGIONS)
def test_practices_of_the_test_split_write_as_no_other(region):
    reports = corpus(region, 0.5).reports
    pools = [value for module in (phrases, background) for value in vars(module).values() if isinstance(value, Pool)]
    pools += [*background.HEADINGS.values(), *background.TECHNIQUE.values()]
    prints = {part.strip().lower() for pool in pools for t in pool.held_out for part in re.split(r"\{\w*\}", t) if part.strip()}
    common = {part.strip().lower() for pool in pools for t in pool.common for part in re.split(r"\{\w*\}", t)}
    prints -= {part for part in prints if any(part in other for other in common)}
    prints |= {head for heads in HELD_OUT_HEADS.values() for group in heads for head in group}
    seen = "\n".join(report.text.lower() for report in reports if not report.unseen)
    assert not [part for part in prints if part in seen]
    for report in reports:
        if report.unseen:
            assert any(heading.lower() in report.text.lower() for heading in background.HEADINGS["findings"].held_out)
            assert not any(heading in report.text for heading in background.HEADINGS["findings"].common)


@pytest.mark.parametrize("region", REGIONS)
def test_practices_are_many_and_few_reports_are_unseen(region):
    summary = summarise(corpus(region, 0.5))
    assert summary.num_practices == NUM_SEEN + NUM_UNSEEN >= 20
    assert summary.num_unseen_practices == NUM_UNSEEN
    assert_share(summary.num_unseen_reports / NUM_REPORTS, volumes()[NUM_SEEN:].sum(), NUM_REPORTS // 2)


@pytest.mark.parametrize(
    ("region", "index", "names"),
    [
        ("cervical", 3, ["C5-C6", "C5-6", "C5/C6", "C5/6"]),
        ("cervical", 5, ["C7-T1", "C7-T1", "C7/T1", "C7/T1"]),
        ("lumbar", 0, ["T12-L1", "T12-L1", "T12/L1", "T12/L1"]),
    ],
)
def test_level_names(region, index, names):
    assert [level_name(region, index, form) for form in range(4)] == names


def test_slips_garble_one_word_and_never_a_level_or_a_number():
    text = "at C5-C6, there is a 3 mm posterior bulge without cord flattening"
    rng = np.random.default_rng(0)
    written = [with_slips(text, rng) for _ in range(5000)]
    slipped = [line for line in written if line != text]
    assert_share(len(slipped) / 5000, SLIP, 5000)
    for line in slipped:
        assert sum(a != b for a, b in zip(line.split(), text.split(), strict=True)) == 1
        assert "C5-C6," in line
        assert "3 mm" in line
