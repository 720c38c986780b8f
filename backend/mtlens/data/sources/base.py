"""Interface of sources of data. Registered sources are in `mtlens.data.sources`.

A source is the model of its section in the experiment file, and reads rows: texts with the cells of label columns, and
where it knows them the group and the split of each row. `mtlens.data.dataset` makes labels of cells and splits the rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mtlens.config.sections import Data
from mtlens.data.splits import SplitName
from mtlens.data.text_column import Cell


@dataclass(frozen=True, kw_only=True)
class Rows:
    """n rows of one table, or of whatever else a source reads."""

    name: str  # for errors, and before ids where a source has several tables
    ids: Sequence[str]  # n, unique
    texts: Sequence[str]  # n, not empty
    pairs: Sequence[str] | None = None  # n, where each example is a pair of texts: the second of each
    cells: Mapping[str, Sequence[Cell]]  # n cells of each column that was asked for and exists
    groups: Sequence[Cell]  # n: rows of one group, such as a patient, stay in one split; None: a group of its own
    splits: Sequence[SplitName | None]  # n; None: mtlens decides
    columns: tuple[str, ...]  # all that there are
    folds: Sequence[Cell] | None = None  # n, where the source gives them; empty: kept out of all folds
    where: Callable[[int], str]  # place of a row, such as file and line, for errors
    only_test: int = 0  # so many rows at the end only test: the others are split as if these did not exist
    notes: tuple[str, ...] = ()  # how the rows were read, for the user


class Source(Data, ABC):
    """One kind of data, and its settings."""

    key: ClassVar[str]
    """The key under `data:` that names it, which is a field of the model."""

    @abstractmethod
    def read(self, columns: frozenset[str], folders: Sequence[Path]) -> list[Rows]:
        """Read all rows, with the cells of these columns. Files are looked for in each folder in turn.

        Raises `DataError` in one line that names the place of what cannot be used.
        """

    def digest(self, folders: Sequence[Path]) -> str | None:
        """Digest of what the rows depend on besides the section, such as the content of files; None: they are not cached."""
        return None

    def levels(self) -> tuple[str, ...]:
        """Motion segments that the texts are about, one per text; empty where a text is a whole document."""
        return ()

    def summary(self) -> list[str]:
        """Lines for `mtlens plan` about what the source holds."""
        return []
