"""Arrow files that are mapped into memory. What was read of them counts as memory of the process until it is dropped."""

import mmap
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

import pyarrow as pa

_MAPS: WeakSet[mmap.mmap] = WeakSet()


def table_in(file: IO[bytes]) -> Any:
    """The table of an open Arrow file, whose columns stay in the file."""
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    _MAPS.add(mapped)
    return pa.ipc.open_file(pa.py_buffer(mapped)).read_all()


def read_mapped(path: Path) -> Any:
    """As `table_in`."""
    with path.open("rb") as file:
        return table_in(file)


def drop_read() -> None:
    """Let go of what was read of mapped files, which is read again when needed, and of Arrow's unused memory."""
    for mapped in list(_MAPS):
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            mapped.madvise(mmap.MADV_DONTNEED)
    pa.default_memory_pool().release_unused()
