"""Everything in a report that grades nothing: frames, headings, level forms, general remarks, distractors.

In a `Pool`, the held-out templates belong to the unseen practices.
"""

from typing import Final

from mtlens.data.synthetic_reports.anatomy import Region
from mtlens.data.synthetic_reports.practice import Pool

FRAMES: Final = Pool(
    common=("{}", "there is {}", "note is made of {}", "images show {}", "{}", "imaging demonstrates {}"),
    held_out=("we observe {}", "the slices disclose {}"),
)
"""A sentence around a noun phrase."""

LEADS: Final = Pool(
    common=("{level}: {}", "{level} - {}", "at {level}, {}", "at the {level} level, {}", "{level} level: {}", "{} at {level}"),
    held_out=("[{level}] {}", "on segment {level} {}"),
)
"""The first sentence on a level."""

HEDGES: Final = Pool(
    common=("possible {}", "{} cannot be excluded", "appearances may represent {}", "{} is suspected", "questionable {}"),
    held_out=("{} is conceivable", "one may wonder about {}"),
)

LEVELS_LEADS: Final = Pool(
    common=("{levels}: {}", "{} at {levels}", "at {levels}, {}", "at the levels {levels}, {}"),
    held_out=("[{levels}] {}", "on segments {levels} {}"),
)
REMAINING: Final = Pool(
    common=("at the remaining levels, {}", "remaining levels: {}", "elsewhere {}", "at the other levels {}"),
    held_out=("for every other segment, {}",),
)
APART_FROM: Final = Pool(
    common=("apart from {level}, {}", "{} except at {level}", "other than at {level}, {}"),
    held_out=("leaving {level} aside, {}",),
)
NOWHERE: Final = Pool(
    common=("no {} at any level", "no {} throughout", "there is no {} at any of the levels imaged"),
    held_out=("no {} on any slice",),
)
BLANKET: Final = Pool(
    common=(
        "no significant abnormality",
        "no significant degenerative change",
        "unremarkable appearances of disc, canal and foramina",
    ),
    held_out=("nothing worth a remark",),
)
"""One remark that calls all tasks normal; it is a cue that tasks share."""

CAUSES: Final[dict[str, dict[Region, tuple[str, ...]]]] = {
    "canal": {
        "cervical": ("ligamentum flavum buckling", "posterior osteophytes"),
        "lumbar": ("ligamentum flavum thickening", "epidural lipomatosis"),
    },
    "foraminal": {
        "cervical": ("uncovertebral spurring", "uncovertebral and facet hypertrophy"),
        "lumbar": ("facet hypertrophy", "bony spurring"),
    },
}

T2_SIGNAL: Final = (
    "hyperintense T2 signal is present in the cord",
    "focal bright T2 signal in the cord",
    "T2 signal in the cord is raised",
)
"""Said of a compressed cord only."""
NO_T2_SIGNAL: Final = ("no abnormal cord signal", "cord signal is preserved")

HAEMANGIOMA: Final = (
    "a haemangioma lies in the {bone} body",
    "incidental {bone} haemangioma",
    "{bone} contains a small haemangioma",
)
CONTRAST: Final = Pool(
    common=(
        "after gadolinium, no abnormal enhancement at any level",
        "no pathological enhancement at any level following contrast",
        "contrast images show no enhancing lesion at any level",
    ),
    held_out=("after gadolinium, no abnormal enhancement in any segment",),
)
NO_CONTRAST: Final = Pool(
    common=(
        "no contrast was given, enhancement unknown",
        "unenhanced study at all levels",
    ),
    held_out=("unenhanced study in all segments, no contrast",),
)

FILLERS: Final[dict[Region, tuple[str, ...]]] = {
    "cervical": (
        "disc desiccation with loss of height",
        "the disc is desiccated",
        "facet arthropathy on both sides",
        "uncovertebral hypertrophy",
        "anterior osteophytes",
        "endplate irregularity with Modic type II change",
        "grade I anterolisthesis",
        "2 mm retrolisthesis",
        "anterior fusion hardware causes artefact",
        "a small Schmorl node indents the endplate",
        "facet joints are intact",
    ),
    "lumbar": (
        "disc desiccation with loss of height",
        "the disc is desiccated",
        "facet arthropathy on both sides",
        "ligamentum flavum thickening",
        "endplate irregularity with Modic type II change",
        "grade I anterolisthesis",
        "3 mm retrolisthesis",
        "status post left laminectomy",
        "an annular fissure is seen",
        "a small Schmorl node indents the endplate",
        "facet joints are intact",
    ),
}
"""Remarks on a level that no task asks about; some use a task's words."""
