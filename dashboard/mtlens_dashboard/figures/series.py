"""Series of points that belong to one data set or experiment: a colour and a symbol each, and the line that names them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mtlens_dashboard.figures.theme import Theme
from mtlens_dashboard.wording.formatting import label, shorten

_WIDTH = 44  # characters of a line of names on a phone
_MARKS = (("circle", "●"), ("square", "■"), ("diamond", "◆"), ("triangle-up", "▲"))
MOST = 12
"""Series that are told apart; further ones share the last look."""


@dataclass(frozen=True)
class Look:
    """How the points of a series are drawn."""

    colour: str
    symbol: str
    sign: str


def looks_of(names: Sequence[str], theme: Theme) -> dict[str, Look]:
    """A look for each name, in their order: colours without a meaning, and a further symbol where these are used up."""
    colours = (theme.better, theme.colours["purple"], theme.colours["amber"])
    looks: dict[str, Look] = {}
    for number, name in enumerate(names):
        place = min(number, MOST - 1)
        symbol, sign = _MARKS[(place + place // len(colours)) % len(_MARKS)]
        looks[name] = Look(colours[place % len(colours)], symbol, sign)
    return looks


def legend(looks: dict[str, Look]) -> str:
    """Names with their signs, broken into lines; of one series nothing, as there is nothing to tell apart."""
    if len(looks) < 2:
        return ""
    lines, used = [""], 0
    for name, look in list(looks.items())[: MOST - 1] if len(looks) > MOST else looks.items():
        lines, used = _add(
            lines, used, shorten(name, 20), f'<span style="color:{look.colour}">{look.sign}</span> {label(name, 20)}'
        )
    if len(looks) > MOST:
        look = list(looks.values())[-1]
        more = f"{len(looks) - MOST + 1} others"
        lines, used = _add(lines, used, more, f'<span style="color:{look.colour}">{look.sign}</span> {more}')
    return "<br>".join(lines)


def _add(lines: list[str], used: int, plain: str, text: str) -> tuple[list[str], int]:
    length = len(plain) + 5
    if used and used + length > _WIDTH:
        return [*lines, text], length
    return [*lines[:-1], f"{lines[-1]}{'&#160; ' if used else ''}{text}"], used + length
