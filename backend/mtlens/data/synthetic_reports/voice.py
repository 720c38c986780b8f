"""How one radiologist writes one report: picks templates by habit, and puts severities into nouns and clauses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from mtlens.data.synthetic_reports.anatomy import VERTEBRAE, Region, level_name
from mtlens.data.synthetic_reports.cues import HELD_OUT_HEADS, JOINT_HEADS, OSTEOPHYTE_HEADS, OWN, SHARED, Cues
from mtlens.data.synthetic_reports.phrases import CAUSES, HEDGES
from mtlens.data.synthetic_reports.practice import Pool, Practice

RANGE: Final = 0.15
"""Probability that a severity is written as a range; its label is the higher end."""
CAUSE: Final = 0.12
"""Probability that a cause follows canal or foraminal stenosis."""
HEDGE: Final = 0.06
"""Probability that a noun is put in doubt; its label counts it as present."""
UNSIDED: Final = 0.15
"""Probability that foraminal stenosis or a root finding has no side."""
HELD_OUT_HEAD: Final = 0.4
"""Probability that an unseen practice uses a head of its own."""
OTHER_LEVEL_FORM: Final = 0.1
"""Probability that a level is not written in the practice's usual form."""


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Practice and region that shape the words; `rng` draws them. shared: tasks written in the shared register.

    Within a report, sides and sizes do not contradict each other: `side` is the worse one, `bilateral` whether the
    other is affected too, `size` in [0, 1) places each measure between the smallest and largest of its class.
    """

    practice: Practice
    region: Region
    shared: frozenset[str]
    rng: np.random.Generator
    side: Literal["left", "right"]
    bilateral: bool
    size: float

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.rng.random() < probability

    def any_of(self, options: Sequence[str]) -> str:
        """One of the options, all equally likely."""
        return options[int(self.rng.random() * len(options))]

    def habitual(self, options: Sequence[str]) -> str:
        """One of the options; the practice's favourite is the likeliest, with probability 1/√n of n options."""
        shift = int(self.rng.random() ** 2 * len(options))
        return options[(self.practice.habit + shift) % len(options)]

    def template(self, pool: Pool) -> str:
        """One of the templates that the practice draws from, by habit."""
        return self.habitual(self.practice.templates(pool))

    def favourite(self, pool: Pool) -> str:
        """The one template that the practice always uses, such as a heading."""
        templates = self.practice.templates(pool)
        return templates[self.practice.habit % len(templates)]

    def level(self, index: int) -> str:
        """A level's name in the practice's form, now and then in another."""
        form = int(self.rng.random() * 4) if self.chance(OTHER_LEVEL_FORM) else self.practice.level_form
        return level_name(self.region, index, form)

    def levels(self, indices: Sequence[int]) -> str:
        """Several levels: "C3-C4 and C4-C5", or "C3 through C6" where three or more follow each other."""
        run = indices[-1] - indices[0] + 1 == len(indices)
        if run and len(indices) > 2:
            bones = VERTEBRAE[self.region]
            return f"{bones[indices[0]]} {self.any_of(('through', 'to'))} {bones[indices[-1] + 1]}"
        return listed([self.level(index) for index in indices], "and")

    def noun(self, task: str, severity: int) -> str:
        """Noun phrase for an abnormal finding, such as "mild to moderate canal stenosis"."""
        cues = self.register(task)
        degree = self.degree(cues, severity)
        head = self.head(task, severity, cues)
        noun = self._sided(task, severity, degree, head, cues) if task in ("foraminal", "root") else f"{degree} {head}"
        if task in CAUSES and self.chance(CAUSE):
            noun += f" {self.any_of(('from', 'due to'))} {self.any_of(CAUSES[task][self.region])}"
        return self._filled(noun.strip(), cues, severity)

    def noun_with_article(self, task: str, severity: int) -> str:
        """The same, and "a" or "an" before a disc where the practice writes articles; numbers are read aloud."""
        noun = self.noun(task, severity)
        if task != "disc" or not self.practice.articles:
            return noun
        return f"{'an' if noun[0] in 'aeiou' or noun.startswith(('8', '11')) else 'a'} {noun}"

    def coarse(self, task: str, severity: int) -> str:
        """Noun phrase without degree and side; of some tasks the head alone tells the class."""
        cues = self.register(task)
        return self._filled(self.head(task, severity, cues), cues, severity)

    def joint_noun(self, severity: int) -> str:
        """Noun phrase of the shared register that grades canal and foramina with one word."""
        return f"{self.degree(SHARED['canal'], severity)} {self.habitual(JOINT_HEADS)}"

    def clause(self, task: str, severity: int) -> str:
        """Clause for any class, such as "the ventral CSF is effaced"."""
        cues = self.register(task)
        return self._filled(self.habitual(cues.clauses[severity]), cues, severity)

    def denied(self, task: str) -> str:
        """What a negation says is not there."""
        return self.habitual(self.register(task).heads[0])

    def hedge(self, noun: str) -> str:
        """The noun in doubt."""
        return self.template(HEDGES).format(noun)

    def register(self, task: str) -> Cues:
        """The register that this report keeps to for the task."""
        return (SHARED if task in self.shared else OWN)[task]

    def degree(self, cues: Cues, severity: int) -> str:
        """A degree, or a range that ends at it."""
        ranged = cues.ranges[severity] and self.chance(RANGE)
        return self.habitual(cues.ranges[severity] if ranged else cues.degrees[severity])

    def head(self, task: str, severity: int, cues: Cues) -> str:
        """The noun itself; the unseen practices have some of their own."""
        if self.practice.unseen and self.chance(HELD_OUT_HEAD):
            return self.habitual(HELD_OUT_HEADS[task][severity])
        extra = OSTEOPHYTE_HEADS[self.region] if task == "disc" and severity == 1 else ()
        return self.habitual(cues.heads[severity] + extra)

    def _sided(self, task: str, severity: int, degree: str, head: str, cues: Cues) -> str:
        """Degree, side and head; foramina may be described side by side, and the label is that of the worse one."""
        if "{side}" in head or self.chance(UNSIDED):
            return f"{degree} {head}"
        if not self.bilateral:
            return f"{degree} {{side}} {head}"
        if task == "root" or self.chance(0.4):
            return f"{degree} bilateral {head}"
        if severity == 1 or self.chance(0.5):
            return f"{degree} {head} ({{side}} greater than {{other}})"
        lesser = self.habitual(cues.degrees[1 + int(self.rng.random() * (severity - 1))])
        return f"{degree} {{side}} and {lesser} {{other}} {head}"

    def _filled(self, phrase: str, cues: Cues, severity: int) -> str:
        smallest, largest = cues.millimetres[severity] if cues.millimetres else (0, 0)
        size = smallest + int(self.size * (largest - smallest + 1))
        other = "right" if self.side == "left" else "left"
        return phrase.format(side=self.side, other=other, mm=size, more=size + 1)


def listed(items: Sequence[str], conjunction: str) -> str:
    """`a`, "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {conjunction} {items[-1]}"
