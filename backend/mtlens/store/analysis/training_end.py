"""Which models were still improving when their training ended, and the warning for verdicts on them.

A model was still improving if its score on validation was higher after its last epoch than after every epoch before: the upper
bound `epochs` ended its training, not patience. If E epochs score alike, this happens by chance with probability 1 / E, so a
kind of models counts as still improving only if most of its seeds were.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mtlens.config.run_kinds import RUN_KINDS, SINGLE, label_of


def was_improving(history: Any) -> bool | None:
    """Whether the last epoch in a run's facts has the best score; None where the scores are not known."""
    try:
        scores = [float(epoch["validation"]) for epoch in history]
    except (TypeError, KeyError, ValueError):
        return None
    return scores[-1] > max(scores[:-1]) if len(scores) > 1 else None


def improving_kinds(kind: str, pairs: Mapping[int, tuple[str, str]], improving: Mapping[str, bool | None]) -> list[str]:
    """Kinds of which most seeds were still improving: of the task-specific models and the `kind` compared with them.

    pairs: seed -> the two runs of one task. improving: of each run.
    """
    sides = zip((SINGLE.name, kind), zip(*pairs.values(), strict=True), strict=True)
    return [name for name, runs in sides if 2 * sum(improving.get(run) is True for run in runs) > len(runs)]


def warning(kinds: Sequence[str]) -> str:
    """The warning in words, empty where no kind was still improving.

    >>> warning(["multi"])
    'multi-task models were still improving at their last epoch: more epochs may change this'
    """
    if not kinds:
        return ""
    names = " and ".join(label_of(name) for name in sorted(kinds, key=list(RUN_KINDS).index))
    return f"{names} models were still improving at their last epoch: more epochs may change this"
