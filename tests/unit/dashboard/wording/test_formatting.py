"""Names, numbers and lists in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlens.statistics.shown import Unit
from mtlens_dashboard.wording import formatting


@given(st.text(max_size=300), st.integers(5, 60))
def test_labels_are_short_and_cannot_be_markup(name: str, length: int) -> None:
    assert len(formatting.shorten(name, length)) <= length
    assert not set("<>$\n") & set(formatting.label(name, length))
    assert "\u202e" not in formatting.label(name, length)


def test_long_names_keep_both_ends() -> None:
    assert formatting.shorten("stenosis of the spinal canal at the level L4-L5", 20) == "stenosis of t…L4-L5"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (formatting.signed_points(-0.0123), "\N{MINUS SIGN}1.2"),
        (formatting.signed_points(0.0001), "0.0"),
        (formatting.bounds(None, 0.1, Unit("macro_f1")), "unbounded"),
        (formatting.bounds(-0.01, 0.026, Unit("accuracy")), "\N{MINUS SIGN}1.0 to +2.6"),
        (formatting.difference(-0.0123, Unit("mean_absolute_error")), "\N{MINUS SIGN}0.012"),
        (formatting.difference(0.25, Unit(None)), "+0.25"),
        (Unit("macro_f1").margin(0.025), "2.5"),
        (formatting.duration(45), "45 s"),
        (formatting.duration(150), "2.5 min"),
        (formatting.quantity(11_672_074), "11.7 M"),
        (formatting.listing(["a", "b", "c", "d"]), "a, b and 2 others"),
        (formatting.listing(["a"]), "a"),
    ],
)
def test_numbers_and_lists_in_words(found: str, expected: str) -> None:
    assert found == expected
