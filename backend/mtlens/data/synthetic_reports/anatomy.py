"""The motion segments of the neck and the lower back, and the classification tasks on each of them."""

from itertools import pairwise
from typing import Final, Literal, get_args

Region = Literal["cervical", "lumbar"]
REGIONS: Final[tuple[Region, ...]] = get_args(Region)

GENERAL: Final = "general"
"""Tag of a sentence that is about no motion segment."""

VERTEBRAE: Final[dict[Region, tuple[str, ...]]] = {
    "cervical": ("C2", "C3", "C4", "C5", "C6", "C7", "T1"),
    "lumbar": ("T12", "L1", "L2", "L3", "L4", "L5", "S1"),
}
LEVELS: Final[dict[Region, tuple[str, ...]]] = {
    region: tuple(f"{upper}-{lower}" for upper, lower in pairwise(bones)) for region, bones in VERTEBRAE.items()
}

_STENOSIS = ("none", "mild", "moderate", "severe")
_DISC = ("none", "bulge", "protrusion", "extrusion")

PATHOLOGIES: Final[dict[Region, dict[str, tuple[str, ...]]]] = {
    "cervical": {"canal": _STENOSIS, "disc": _DISC, "cord": ("normal", "contact", "compression"), "foraminal": _STENOSIS},
    "lumbar": {
        "canal": _STENOSIS,
        "disc": _DISC,
        "foraminal": _STENOSIS,
        "root": ("none", "contact", "displaced", "compressed"),
    },
}
"""Graded tasks, classes from harmless to grave. Foraminal stenosis is graded on the worse side."""

CONTROLS: Final[dict[str, tuple[str, ...]]] = {"haemangioma": ("absent", "present"), "contrast": ("without", "with")}
"""Tasks that the text answers and that have nothing to do with the graded ones: negative controls."""

TASKS: Final[dict[Region, dict[str, tuple[str, ...]]]] = {region: PATHOLOGIES[region] | CONTROLS for region in REGIONS}
"""Label columns of each region and their classes, in order.

Two more controls need no column of their own: a task with `shuffle_labels`, which must be found unrelated to all
others, and a second task on the same column, which must be found to belong to the first.
"""


def level_name(region: Region, index: int, form: int) -> str:
    """Name of the index-th motion segment in one of four written forms: C5-C6, C5-6, C5/C6, C5/6.

    The short forms need both vertebrae to share a letter: L5-S1 stays L5-S1.
    """
    upper, lower = VERTEBRAE[region][index : index + 2]
    separator = "-" if form < 2 else "/"
    short = form % 2 == 1 and upper[0] == lower[0]
    return f"{upper}{separator}{lower[1:] if short else lower}"
