"""How many test examples an equivalence test needs."""

import math

from scipy import special

ALPHA = 0.05  # of each one-sided test


POWER = 0.9


def required_examples(margin: float, disagreement_rate: float, power: float = POWER) -> int:
    """Test examples that find two equal models equivalent within `margin` with probability `power`.

    disagreement_rate is the share p of examples that exactly one of the two gets right, so their accuracies differ with
    variance p/n, and two one-sided tests at 5 % ask for (z_0.95 + z_(1+power)/2)^2 p / margin^2: 10.8 p / margin^2 at 90 %.
    Examples are taken as independent, and macro-F1 as no noisier than accuracy: rare classes need more.
    """
    return math.ceil(_standard_errors(power) ** 2 * disagreement_rate / margin**2)


def detectable_margin(num_examples: int, disagreement_rate: float) -> float:
    """Smallest margin within which `num_examples` find two equal models equivalent with 90 % power."""
    return _standard_errors(POWER) * math.sqrt(disagreement_rate / num_examples)


def _standard_errors(power: float) -> float:
    """How many standard errors the margin must span at a true difference of 0."""
    return float(special.ndtri(1 - ALPHA) + special.ndtri((1 + power) / 2))
