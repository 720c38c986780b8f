"""What is true of one spine, and a statement about it that has words but no place in a report yet."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """One imaged spine. severities[level][task] is a class index; haemangioma[level] is in the upper vertebra."""

    severities: tuple[dict[str, int], ...]
    haemangioma: tuple[bool, ...]
    contrast: bool
    follow_up: bool

    def is_normal(self, level: int) -> bool:
        """Whether every graded task is of its first class at this level."""
        return not any(self.severities[level].values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """Words without capital and full stop, the levels they are about (none: the spine as a whole), and what they say."""

    words: str
    levels: tuple[int, ...] = ()
    general: bool = False
    mentions: frozenset[str] = field(default=frozenset())
    hedged: bool = False
