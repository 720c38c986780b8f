"""Rows of a table, as functions that assign splits or folds receive them."""

from dataclasses import dataclass

import numpy as np

from mtlens.tasks import MISSING


@dataclass(frozen=True)
class Row:
    """given: the split that a column names. labels: class of each task."""

    text: str
    group: str | None = None
    given: str | None = None
    source: int = 0
    labels: tuple[int, ...] = (0,)


def reports(seed, num=300, classes=3):
    """One to four reports of each patient; among them are stock texts, other spellings and unlabelled rows."""
    generator = np.random.default_rng(seed)
    rows = []
    for patient in range(num // 2):
        for _ in range(generator.integers(1, 5)):
            stock = generator.random() < 0.05
            text = f"Finding {generator.integers(20) if stock else 1000 + len(rows)}"
            text = [text, text.upper(), f"{text}.", f"  {text} !"][generator.integers(4)]
            labels = tuple(int(label) for label in generator.integers(MISSING, classes, size=2))
            rows.append(Row(text, f"p{patient}", labels=labels))
    return rows
