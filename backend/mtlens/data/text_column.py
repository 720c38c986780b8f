"""A column of text in Arrow memory that reads like a list: many rows cost no Python objects until they are asked for."""

import typing
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

pc: Any = pyarrow.compute  # its functions are made when it is imported, so that no type checker knows them
Cell = str | None
"""Content of a cell; None: null, or a key that a JSON object lacks."""
_PART = 10_000  # cells that are Python objects at the same time


def large(text: str) -> Any:
    """A text as Arrow joins it with cells: a function on large strings takes no other ones."""
    return pa.scalar(text, pa.large_string())


class TextColumn(Sequence[Cell]):
    """n cells of an Arrow column of strings: all of them, or those of some rows, which are not copied."""

    def __init__(self, column: Any, rows: NDArray[np.int64] | None = None) -> None:
        """column: a ChunkedArray of strings. rows: `[n]`, which of its cells."""
        self._column = column
        self._rows = rows

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> "TextColumn":
        """A column of these cells."""
        return cells if isinstance(cells, cls) else cls(pa.chunked_array([pa.array(cells, pa.large_string())]))

    @classmethod
    def nulls(cls, length: int) -> "TextColumn":
        """A column without texts."""
        return cls(pa.chunked_array([pa.nulls(length, pa.large_string())]))

    @classmethod
    def joined(cls, parts: Sequence[Sequence[Cell]]) -> "TextColumn":
        """The cells of several columns one after another."""
        if len(parts) == 1:
            return cls.of(parts[0])
        empty = pa.array([], pa.large_string())
        return cls(pa.chunked_array([empty, *(chunk for part in parts for chunk in cls.of(part).chunks())]))

    def chunks(self) -> Iterator[Any]:
        """Arrow arrays of the cells one after another."""
        if self._rows is None:
            yield from self._column.chunks
            return
        for start in range(0, len(self), _PART):
            yield from self._taken(start, start + _PART).chunks

    @property
    def arrow(self) -> Any:
        """The cells as a ChunkedArray."""
        return self._column if self._rows is None else pa.chunked_array(self.chunks(), pa.large_string())

    def _taken(self, start: int, stop: int) -> Any:
        """A part of the cells of some rows, from the part of the column that they are in."""
        assert self._rows is not None
        rows = self._rows[start:stop]
        first = int(rows.min())
        return self._column.slice(first, int(rows.max()) - first + 1).take(pa.array(rows - first))

    def __len__(self) -> int:
        return len(self._column) if self._rows is None else len(self._rows)

    @typing.overload
    def __getitem__(self, index: int) -> Cell: ...
    @typing.overload
    def __getitem__(self, index: slice) -> "TextColumn": ...
    def __getitem__(self, index: int | slice) -> "Cell | TextColumn":
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if self._rows is None and step == 1:
                return TextColumn(self._column.slice(start, max(0, stop - start)))
            return self.take(np.arange(start, stop, step))
        return self._column[index if self._rows is None else int(self._rows[index])].as_py()

    def __iter__(self) -> Iterator[Cell]:
        for chunk in self.chunks():
            for start in range(0, len(chunk), _PART):
                yield from chunk.slice(start, _PART).to_pylist()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(typing.cast("Sequence[object]", other))

    __hash__: typing.ClassVar[None] = None

    def __repr__(self) -> str:
        return f"TextColumn of {len(self):,} cells"

    def filled(self) -> Sequence[str]:
        """The column, which holds no null."""
        return typing.cast("Sequence[str]", self)

    def counts(self) -> Counter[str]:
        """How often each value occurs, without blanks around it; of cells that are not empty, the first value first."""
        found: Counter[str] = Counter()
        values, counts = pc.value_counts(self.arrow).flatten()
        for value, count in zip(values.to_pylist(), counts.to_pylist(), strict=True):
            if value and (name := value.strip()):
                found[name] += count
        return found

    def take(self, rows: NDArray[np.int64]) -> "TextColumn":
        """The cells of some rows, in the order of `rows`."""
        return TextColumn(self._column, rows if self._rows is None else self._rows[rows])
