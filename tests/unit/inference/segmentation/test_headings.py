"""Sections and lines: reports of any layout are told apart by headings and by the ends of their lines."""

import textwrap

import pytest

from mtlens.inference.segmentation import Rules, cleaned, segment


def tagged(report):
    """Section, motion segments and text of each sentence."""
    (found,) = segment([cleaned(report)], Rules())
    return [
        (one.section, " ".join(sorted(tags - {"general"})), one.text)
        for one, tags in zip(found.sentences, found.tags, strict=True)
    ]


def test_a_report_on_one_line_is_read_by_its_headings():
    report = (
        "CLINICAL HISTORY: Neck pain. FINDINGS: C3-C4: No significant abnormality. C4/5: Small disc bulge without contact. "
        "Mild canal narrowing. C5-6: 4 mm central disc protrusion; moderate central stenosis. At the remaining levels the "
        "canal and foramina are patent. IMPRESSION: 1. C5-C6 protrusion with moderate stenosis."
    )
    assert [(section, levels) for section, levels, _ in tagged(report)] == [
        ("history", ""), ("findings", "C3-C4"), ("findings", "C4-C5"), ("findings", "C4-C5"), ("findings", "C5-C6"),
        ("findings", "C5-C6"), ("findings", "C2-C3 C6-C7 C7-T1"), ("impression", "C5-C6"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("report", "sections"),
    [
        (
            "EXAM: MRI SPINE HISTORY: Back pain TECHNIQUE: Sagittal T1 COMPARISON: None FINDINGS: L4-5: bulge IMPRESSION: X",
            "technique history technique comparison findings impression",
        ),
        ("INDICATION- back pain FINDINGS- L4-5 bulge, L5-S1 normal.", "history findings"),
        ("Indication \u2013 back pain. Findings \u2014 L4-5 bulge. Opinion - bulge.", "history findings impression"),
        ("HISTORY Back pain. FINDINGS L4-5 bulge. CONCLUSION Bulge.", "history findings impression"),
        ("History back pain. Findings L4-5 bulge. Impression bulge at L4-5.", "history findings impression"),
        ("history: back pain findings: l4-5 bulge conclusion: bulge", "history findings impression"),
        ("PROCEDURE: MRI REPORT: L4-5 bulge. SUMMARY: bulge.", "technique findings impression"),
        ("**FINDINGS:** L4-5 bulge.\n**IMPRESSION:** bulge.", "findings impression"),
        ("Findings\nL4-5 bulge.\nImpression\nBulge.", "findings impression"),
        ("Clinical details: pain. Report: L4-5 bulge. Diagnosis: bulge.", "history findings impression"),
        ("Reason for exam: pain. Prior studies: none. Observations: L4-5 bulge.", "history comparison findings"),
        ("L4-5 bulge. L5-S1 is normal.", "findings"),
        ("Bulge at L4-5. Findings are consistent with degeneration. History of surgery is noted.", "findings"),
        ("No impression on the thecal sac. Comparison is made with nothing. L4-5 bulge.", "findings"),
    ],
)
def test_headings_are_found_anywhere_in_any_case_with_colon_dash_or_neither(report, sections):
    assert " ".join(dict.fromkeys(section for section, *_ in tagged(report))) == " ".join(dict.fromkeys(sections.split()))
    assert any(levels for _, levels, _ in tagged(report))


@pytest.mark.parametrize(
    "report",
    [
        "Comparison: none. At L4-5, bulge.",
        "Clinical history: neck pain. C4/5: Small disc bulge. C5-6: disc protrusion flattens the cord.",
        "HISTORY: Pain.\nC4-5: bulge.\nIMPRESSION: Bulge.",
        "EXAM: MRI cervical spine. There is a bulge at C4-5.",
    ],
)
def test_a_history_ends_where_a_report_without_findings_tells_of_levels(report):
    sections = [section for section, *_ in tagged(report)]
    assert sections[0] not in ("findings", "impression")
    assert sections[1] == "findings"
    (found,) = segment([report], Rules())
    assert found.notes == ()


@pytest.mark.parametrize(
    ("report", "note"),
    [
        ("HISTORY: Bulge at L4-5 in 2019.", "motion segments are named in the history only: L4-L5"),
        (
            "HISTORY: Surgery at L4-5. COMPARISON: MRI of L5-S1. FINDINGS: Normal alignment.",
            "motion segments are named in the history and comparison only: L4-L5, L5-S1",
        ),
        ("FINDINGS: Normal alignment.", "no motion segment is mentioned"),
    ],
)
def test_the_note_says_where_levels_are_named(report, note):
    (found,) = segment([report], Rules())
    assert found.notes == (note,)


def test_lines_that_are_only_full_end_nothing():
    """Each line is as long as its next word allows: "The cord" begins a line and still speaks of C5-C6."""
    paragraph = (
        "FINDINGS: C3-C4: small disc bulge, mild canal stenosis. Both foramina are open. C5-C6: moderate canal stenosis, "
        "C6 root contact on the right side, disc protrusion. The cord is flattened. C6-C7: broad bulge, no canal stenosis."
    )
    report = textwrap.fill(paragraph, 43)
    assert "\nThe cord" in report
    levels = [levels for _, levels, _ in tagged(report)]
    assert levels == ["C3-C4", "C3-C4", "C5-C6", "C5-C6", "C6-C7"]


def test_lines_of_their_own_stay_apart_though_some_line_is_the_longest():
    report = "FINDINGS:\nC5-C6: broad disc bulge with mild canal stenosis.\nAlignment is normal.\nC6-C7: normal.\nNo fracture."
    assert [levels for _, levels, _ in tagged(report)] == ["C5-C6", "", "C6-C7", ""]
