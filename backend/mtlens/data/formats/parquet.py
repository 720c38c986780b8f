"""Reads Parquet files and Arrow files (Feather), a group of rows at a time."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mtlens.data.formats.arrow_text import class_names, decoded_bytes, named_classes, strings
from mtlens.data.formats.base import BATCH, MOST_DECODED, Batch, Reader
from mtlens.data.formats.form import Form
from mtlens.errors import DataError

_DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError, KeyError)


class ArrowBatches(Reader):
    """Record batches of Arrow, whatever they come from."""

    kind = "Arrow"
    schema: Any

    def record_batches(self, columns: list[str]) -> Iterator[Any]:
        """Batches with these columns."""
        raise NotImplementedError

    def batches(self, places: Mapping[str, int]) -> Iterator[Batch]:
        """Cells as strings. Raises `DataError` where they would take more memory than a table may."""
        nested = (
            {field.name for field in self.schema if pa.types.is_struct(field.type) or pa.types.is_map(field.type)}
            if self.leaves_out
            else set[str]()
        )
        names = {column: self.columns[place] for column, place in places.items() if self.columns[place] not in nested}
        self.lists = {column: 1 for column, name in names.items() if _is_list(self.schema.field(name).type)}
        row, wanted = 1, list(dict.fromkeys(names.values()))
        self._check_size(wanted)
        for batch in self._sound_batches(wanted):
            with self._sound():
                classes = class_names(batch.schema)
                cells = {
                    column: named_classes(batch.column(name), classes[name])
                    if name in classes
                    else strings(batch.column(name), column, self.where(row))
                    for column, name in names.items()
                }
            empty = pa.nulls(len(batch), pa.large_string())
            yield Batch(lines=range(row, row + len(batch)), cells={column: cells.get(column, empty) for column in places})
            row += len(batch)

    def _sound_batches(self, columns: list[str]) -> Iterator[Any]:
        with self._sound():
            batches = self.record_batches(columns)
        while True:
            with self._sound():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _check_size(self, columns: list[str]) -> None:
        """Raise `DataError` before anything is decoded: a small file of repeated texts may decode to very much."""
        decoded = sum(decoded_bytes(array) for batch in self._sound_batches(columns) for array in batch.columns)
        if decoded > MOST_DECODED:
            limit, found = MOST_DECODED >> 30, decoded / (1 << 30)
            raise DataError(f"{self.name}: columns {columns} should decode to at most {limit} GB of text; found {found:.1f} GB")

    @contextmanager
    def _sound(self) -> Generator[None]:
        try:
            yield
        except _DAMAGED as error:
            raise DataError(
                f"{self.name}: table should be a sound {self.kind} file; found: {str(error).splitlines()[0]}"
            ) from None


class Parquet(ArrowBatches):
    """A Parquet file; columns of repeated texts stay dictionaries until their rows are read."""

    kind = "Parquet"

    def __init__(self, path: Path, name: str, form: Form) -> None:
        super().__init__(path, name, form)
        with self._sound():
            self.schema = pq.ParquetFile(path).schema_arrow
        self.columns = tuple(self.schema.names)

    def record_batches(self, columns: list[str]) -> Iterator[Any]:
        """Batches of each group of rows."""
        texts = [column for column in columns if _is_text(self.schema.field(column).type)]
        file = pq.ParquetFile(self.path, read_dictionary=texts)
        return file.iter_batches(batch_size=BATCH, columns=columns)


def _is_list(kind: Any) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _is_text(kind: Any) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


class Arrow(ArrowBatches):
    """A file in Arrow's own format, of record batches or a stream of them."""

    def __init__(self, path: Path, name: str, form: Form) -> None:
        super().__init__(path, name, form)
        with self._sound():
            self._table = self._open()
        self.schema = self._table.schema
        self.columns = tuple(self.schema.names)

    def record_batches(self, columns: list[str]) -> Iterator[Any]:
        """Batches of the file, which is mapped into memory."""
        return iter(self._table.select(columns).to_batches(max_chunksize=BATCH))

    def _open(self) -> Any:
        source = pa.memory_map(str(self.path))
        try:
            return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            return pa.ipc.open_stream(pa.memory_map(str(self.path))).read_all()
