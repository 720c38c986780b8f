"""Which line breaks of a report are those of a typewriter: the next word did not fit, and nothing ends or begins there."""

import re
from itertools import pairwise

WIDEST = 130  # characters of a line, in reports that are wrapped
FEWEST, SHARE = 3, 0.3  # of all line breaks within paragraphs
_BEGINS = re.compile(r"\s*(?:[-*\u2022\u00b7#]|\(?\d{1,2}[.)]\s)")


def wrapped_breaks(report: str) -> frozenset[int]:
    """Places of the line breaks at which a line is full: its next word would make it the longest of all lines.

    None in a report in which these are fewer than FEWEST, or than SHARE of the breaks within paragraphs: in any report some
    line is the longest.
    """
    lines = report.split("\n")
    widest = max(len(line.rstrip()) for line in lines)
    if len(lines) <= FEWEST or widest > WIDEST:
        return frozenset()
    full: list[int] = []
    breaks, at = 0, -1
    for line, following in pairwise(lines):
        at += len(line) + 1
        words = following.split(maxsplit=1)
        if line.strip() and words:
            breaks += 1
            if len(line.rstrip()) + 1 + len(words[0]) > widest and not _BEGINS.match(following):
                full.append(at)
    return frozenset(full) if len(full) >= max(FEWEST, SHARE * breaks) else frozenset()
