"""Under which seeds an experiment repeats its runs: those of a list, or as many as it takes until its questions are settled.

    seeds: [0, 1, 2]
    seeds: {at_least: 3, at_most: 20, until: settled}

The second form tests the verdicts after 3, 5, 8, 12 and 20 seeds (the looks), with the chance of an error spent over them
(`mtlens.statistics.sequential`). `mtlens.execution.seeds_until_settled` decides after each look what is trained next.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from mtlens.config.sections import Amount, Seed, Spec

MOST_SEEDS = 100
_USUAL_LOOKS = (3, 5, 8, 12, 20, 32, 50, 80)


class UntilSettled(Spec):
    """Seeds 0, 1, 2, ... until every verdict is settled, or cannot be."""

    at_least: int = Field(default=3, ge=3, le=MOST_SEEDS, description="seeds of the first look")
    at_most: int = Field(default=20, ge=3, le=MOST_SEEDS, description="seeds of the last look")
    until: Literal["settled"]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_least > self.at_most:
            raise ValueError(f"at_least should be at most at_most; found {self.at_least} and {self.at_most}")
        return self

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of seeds after which verdicts are tested.

        >>> UntilSettled(at_least=4, at_most=20, until="settled").looks
        (4, 5, 8, 12, 20)
        """
        between = (seeds for seeds in _USUAL_LOOKS if self.at_least < seeds < self.at_most)
        return tuple(dict.fromkeys((self.at_least, *between, self.at_most)))


def _form(section: object) -> str:
    return "mapping" if isinstance(section, (Mapping, UntilSettled)) else "list"


SeedsSection = Annotated[
    Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MOST_SEEDS), Tag("list")]
    | Annotated[UntilSettled, Tag("mapping")],
    Discriminator(_form),
]
"""The section `seeds:` of an experiment file."""


class Budget(Spec):
    """What the runs of an experiment may cost, counted over every start of it; no look begins that would exceed it."""

    minutes: Amount | None = Field(default=None, description="most wall time in which its runs train")
    gpu_hours: Amount | None = Field(default=None, description="most training time over all lanes, in hours")

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.minutes is None and self.gpu_hours is None:
            raise ValueError("a budget should limit minutes or gpu_hours; found neither")
        return self
