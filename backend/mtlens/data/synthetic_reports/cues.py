"""The words that carry severity: for each task a register of its own, and one that all tasks share.

The own registers have no severity word in common: canal stenosis is mild, moderate or severe, foraminal stenosis has
grades (I to III, after Lee et al., AJR 194:1095, 2010), discs have millimetres, cord and root have verbs. In the shared
register one set of degrees, adverbs and verbs serves all tasks. A report keeps to one register for a task; the
relatedness is the probability of the shared one.
"""

from dataclasses import dataclass
from typing import Final

from mtlens.data.synthetic_reports.anatomy import Region

Graded = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Cues:
    """How one register says each class of a task, [class]; class 0 is the harmless one.

    A noun is a degree (or, for classes between two, a range) and a head; heads[0] are what a negation denies.
    Placeholders: {side}, {other} and {mm}, the last from `millimetres`[class], smallest and largest.
    """

    degrees: Graded
    ranges: Graded = ((), (), (), ())
    heads: Graded
    clauses: Graded
    millimetres: tuple[tuple[int, int], ...] = ()


_DEGREES = ((), ("mild", "slight", "minimal"), ("moderate",), ("severe", "marked", "high-grade"))
_RANGES = ((), ("minimal to mild",), ("mild to moderate",), ("moderate to severe",))
_ADVERBS = ((), ("mildly", "slightly"), ("moderately",), ("severely", "markedly"))
_NO_DEGREE = ((), ("",), ("",), ("",))


def _merged(graded: Graded) -> Graded:
    """Three abnormal classes to the two of the cord: contact is mild, compression is anything worse."""
    return (graded[0], graded[1], (*graded[2], *graded[3]))


def _with_adverbs(normal: tuple[str, ...], *templates: str) -> Graded:
    """Clauses by class: the normal ones, then each template with each adverb in place of {}."""
    return (normal, *(tuple(t.format(adverb) for t in templates for adverb in adverbs) for adverbs in _ADVERBS[1:]))


def _joined(*parts: Graded) -> Graded:
    """Phrases of all parts, class by class."""
    return tuple(tuple(phrase for group in groups for phrase in group) for groups in zip(*parts, strict=True))


OWN: Final[dict[str, Cues]] = {
    "canal": Cues(
        degrees=_DEGREES,
        ranges=_RANGES,
        heads=(
            ("canal stenosis", "central stenosis"),
            *((("canal stenosis", "central stenosis", "canal constriction", "central canal stenosis"),) * 3),
        ),
        clauses=(
            ("the canal is patent", "the canal is of ample width", "CSF surrounds the thecal sac on all sides"),
            ("the ventral CSF is effaced", "the CSF space is thinned ventrally"),
            ("CSF persists only behind the thecal sac", "about half of the CSF space is lost"),
            ("no CSF remains around the thecal sac", "the CSF space is obliterated"),
        ),
    ),
    "disc": Cues(
        degrees=((), ("{mm} mm",), ("{mm} mm",), ("{mm} mm",)),
        ranges=((), ("{mm} to {more} mm",), ("{mm} to {more} mm",), ("{mm} to {more} mm",)),
        heads=(
            ("disc herniation", "disc bulging"),
            ("disc bulge", "broad-based disc bulge", "circumferential bulge", "annular bulge"),
            ("disc protrusion", "{side} paracentral disc protrusion", "median protrusion", "focal disc protrusion"),
            ("disc extrusion", "{side} paracentral disc extrusion", "extruded fragment", "sequestered disc fragment"),
        ),
        clauses=(
            (
                "the disc contour is maintained",
                "the annulus ends flush with the endplates",
                "disc height and contour are preserved",
            ),
            ("the annulus extends evenly beyond the endplates", "the disc bulges by {mm} mm"),
            ("the disc protrudes by {mm} mm", "the annulus extends focally past the endplates"),
            ("disc material has migrated behind the endplates", "the disc extrudes by {mm} mm"),
        ),
        millimetres=((0, 0), (2, 4), (3, 7), (6, 12)),
    ),
    "foraminal": Cues(
        degrees=((), ("grade I",), ("grade II",), ("grade III",)),
        ranges=((), (), ("grade I to II",), ("grade II to III",)),
        heads=(("foraminal encroachment",), *((("foraminal encroachment", "encroachment on the {side} foramen"),) * 3)),
        clauses=(
            ("the foramina are clear", "both foramina are open", "perineural fat fills both foramina"),
            ("perineural fat has vanished in two directions in the {side} foramen",),
            ("perineural fat has vanished in all four directions in the {side} foramen",),
            ("the {side} foramen has collapsed on its contents",),
        ),
    ),
    "cord": Cues(
        degrees=_NO_DEGREE[:3],
        ranges=((), (), ()),
        heads=(
            ("cord contact", "cord flattening"),
            ("cord contact", "anterior cord flattening", "flattening of the cord"),
            ("cord compression", "compression of the cord", "cord squeezing"),
        ),
        clauses=(
            ("the cord is normal in calibre", "the cord keeps its calibre and lies free"),
            ("the cord is flattened", "the cord is touched anteriorly"),
            ("the cord is squeezed", "the cord is crushed"),
        ),
    ),
    "root": Cues(
        degrees=_NO_DEGREE,
        heads=(
            ("root contact", "root displacement"),
            ("root contact", "contact with the {side} traversing root"),
            ("root displacement", "deviation of the {side} traversing root"),
            ("root entrapment", "strangulation of the {side} traversing root"),
        ),
        clauses=(
            ("the traversing roots run freely", "the lateral recesses are roomy"),
            ("the {side} traversing root is touched", "the {side} traversing root is grazed"),
            ("the {side} traversing root is displaced", "the {side} traversing root is pushed away"),
            ("the {side} traversing root is trapped", "the {side} traversing root is strangled"),
        ),
    ),
}

SHARED: Final[dict[str, Cues]] = {
    "canal": Cues(
        degrees=_DEGREES,
        ranges=_RANGES,
        heads=(("canal narrowing", "canal stenosis", "canal compromise", "narrowing of the spinal canal"),) * 4,
        clauses=_joined(
            _with_adverbs(("the canal is patent", "the canal is not compromised"), "the canal is {} narrowed"),
            (
                ("the canal measures {mm} mm",),
                ("the thecal sac is abutted", "the canal measures {mm} mm"),
                ("the thecal sac is indented", "the canal measures {mm} mm"),
                ("the thecal sac is compressed", "the canal measures {mm} mm"),
            ),
        ),
        millimetres=((13, 16), (11, 12), (8, 10), (4, 7)),
    ),
    "disc": Cues(
        degrees=_DEGREES,
        ranges=_RANGES,
        heads=(
            ("disc herniation", "disc displacement", "disc bulge"),
            ("disc bulge", "disc displacement", "displacement of the disc"),
            ("disc protrusion", "disc herniation", "displacement of the disc"),
            ("disc extrusion", "disc herniation", "displacement of the disc"),
        ),
        clauses=_with_adverbs(("the disc is normal", "the disc is not displaced"), "the disc is {} displaced to the rear"),
    ),
    "foraminal": Cues(
        degrees=_DEGREES,
        ranges=_RANGES,
        heads=(("foraminal narrowing", "foraminal stenosis", "foraminal compromise", "neural foraminal narrowing"),) * 4,
        clauses=_with_adverbs(
            ("the foramina are patent", "the foramina are not compromised"),
            "the {{side}} foramen is {} narrowed",
            "the {{side}} foramen is {} compromised",
        ),
    ),
    "cord": Cues(
        degrees=_merged(_DEGREES),
        ranges=((), ("minimal to mild",), ("moderate to severe",)),
        heads=(("cord impingement", "cord compromise", "impingement on the cord"),) * 3,
        clauses=_joined(
            _merged(_with_adverbs(("the cord is normal", "the cord is not compromised"), "the cord is {} compromised")),
            ((), ("the cord is abutted",), ("the cord is indented", "the cord is compressed")),
        ),
    ),
    "root": Cues(
        degrees=_DEGREES,
        ranges=_RANGES,
        heads=(("root impingement", "root compromise", "lateral recess narrowing"),) * 4,
        clauses=_joined(
            _with_adverbs(("the roots are not compromised", "the roots are normal"), "the {{side}} root is {} compromised"),
            ((), ("the {side} root is abutted",), ("the {side} root is indented",), ("the {side} root is compressed",)),
        ),
    ),
}

HELD_OUT_HEADS: Final[dict[str, Graded]] = {
    "canal": ((), *((("canal attenuation",),) * 3)),
    "disc": ((), ("disc overhang",), ("disc prolapse",), ("disc rupture",)),
    "foraminal": ((), *((("foraminal tightness",),) * 3)),
    "cord": ((), ("cord grazing",), ("cord strangling",)),
    "root": ((), ("root grazing",), ("root shifting",), ("root pinching",)),
}
"""Heads that only the unseen practices use, in either register."""

OSTEOPHYTE_HEADS: Final[dict[Region, tuple[str, ...]]] = {"cervical": ("disc-osteophyte complex",), "lumbar": ()}
"""More heads for a bulge, of the neck only."""

JOINT_HEADS: Final = ("canal and foraminal narrowing", "canal and foraminal stenosis", "canal and foraminal compromise")
"""Heads of the shared register that grade two tasks with one word."""
