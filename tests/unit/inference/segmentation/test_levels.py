"""Motion segments of sentences: forms of levels, scopes, and what is carried to the next sentence."""

import pytest

from mtlens.inference.segmentation import Rules, find_levels, segment, split


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("C5-C6: mild stenosis", "C5-C6"),
        ("bulge at the L4-5 level", "L4-L5"),
        ("C5/6 and C6-7", "C5-C6 C6-C7"),
        ("C4-CS osteophyte", "C4-C5"),
        ("protrusion at L5-SI.", "L5-S1"),
        ("L5S1 disc", "L5-S1"),
        ("L4/L5& L5/S1levels", "L4-L5 L5-S1"),
        ("C3 through C7: spondylosis", "C3-C4 C4-C5 C5-C6 C6-C7"),
        ("C3-4 through C6-7", "C3-C4 C4-C5 C5-C6 C6-C7"),
        ("C3-4, 4-5 and 5-6 discs", "C3-C4 C4-C5 C5-C6"),
        ("C4-5, 5-6 mm protrusion", "C4-C5"),
        ("C4/C5 - 3 mm protrusion", "C4-C5"),
        ("L3/4/5", "L3-L4 L4-L5"),
        ("D12-L1", "T12-L1"),
        ("no stenosis at L2-3.", "L2-L3"),
        ("right C6 radiculopathy", ""),
        ("sagittal T1, T2 and STIR", ""),
        ("T1/T2 weighted images", ""),
        ("L3-4,4-5,5-1", "L3-L4 L4-L5 L5-S1"),
        ("L5-1 and L4-5-S1", "L4-L5 L5-S1"),
        ("C7-1", "C7-T1"),
        ("C5 6 disc", "C5-C6"),
        ("L4 5 mm from the root", ""),
        ("L45 disc", "L4-L5"),
        ("L45 mm", ""),
        ("C4-to-C6", "C4-C5 C5-C6"),
        ("L-4/5", "L4-L5"),
        ("the lumbosacral junction", "L5-S1"),
        ("the thoracolumbar junction", "T12-L1"),
        ("the craniocervical junction", ""),
    ],
)
def test_levels_are_read_in_all_their_forms(sentence, named):
    assert " ".join(find_levels(sentence).named) == named


@pytest.mark.parametrize(
    ("sentence", "scope", "excepted"),
    [
        ("no stenosis at any level", "all", ()),
        ("at the remaining levels, the canal is patent", "remaining", ()),
        ("no stenosis at any of the leels imaged", "all", ()),
        ("no stenosis at any levle", "all", ()),
        ("no contrast was given, enhancement unknown", "all", ()),
        ("unenhanced study", "all", ()),
        ("an enhancing lesion", "named", ()),
        ("for every other segment, nothing", "remaining", ()),
        ("apart from C5-6, the canal is patent", "all", ("C5-C6",)),
        ("the patient has had a fusion elsewhere in the neck", "named", ()),
    ],
)
def test_scopes_and_exceptions(sentence, scope, excepted):
    found = find_levels(sentence)
    assert (found.scope, found.excepted, found.named) == (scope, excepted, ())


def test_a_level_that_no_task_knows_is_named_in_a_note():
    (found,) = segment(["FINDINGS: T5-T6: small protrusion. C5-6 is normal."], Rules())
    assert found.notes == ("levels that mtlens does not know: T5-T6",)
    assert set(found.of_segment["C5-C6"]) == {1}


def test_levels_are_carried_on_a_line_and_not_beyond():
    report = (
        "FINDINGS:\nC5-6: broad bulge. The cord is free.\nAlignment is normal.\nIMPRESSION:\n1. Bulge at C5-6.\n2. No fracture."
    )
    (found,) = segment([report], Rules())
    assert [sorted(tags) for tags in found.tags] == [["C5-C6"], ["C5-C6"], ["general"], ["C5-C6"], ["general"]]
    assert found.text("C5-C6") == "C5-6: broad bulge. The cord is free. Bulge at C5-6."
    assert found.text("C2-C3") == ""


def test_a_line_of_levels_alone_heads_the_next_one():
    (found,) = segment(["L4-5 level:\nDiffuse disc bulge.\nNormal marrow."], Rules())
    assert [sorted(tags) for tags in found.tags] == [["L4-L5"], ["L4-L5"], ["general"]]


def test_sentences_stand_in_the_report_as_they_are():
    report = "HISTORY: Pain.\nFINDINGS:\n- C4-5: 2.5 mm bulge; cord is\nfree\n\nIMPRESSION:\n1. Bulge."
    sentences = split(report)
    assert [report[sentence.start : sentence.end] for sentence in sentences] == [sentence.text for sentence in sentences]
    assert [(sentence.section, sentence.text) for sentence in sentences] == [
        ("history", "Pain."), ("findings", "C4-5: 2.5 mm bulge;"), ("findings", "cord is\nfree"), ("impression", "Bulge."),
    ]  # fmt: skip
