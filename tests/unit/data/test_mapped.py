"""Pages of mapped files are dropped, and read again."""

import gc
import re
from pathlib import Path

import pyarrow as pa
import pytest

from mtlens.data import mapped
from mtlens.data.mapped import drop_read, read_mapped


def resident(path):
    """Kilobytes of a file that are in the memory of this process."""
    sizes, own = [], False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            own = line.endswith(str(path))
        elif own and line.startswith("Rss:"):
            sizes.append(int(line.split()[1]))
    return sum(sizes)


@pytest.fixture
def path(tmp_path):
    table = pa.table({"text": pa.array([f"text {i}" for i in range(100_000)], pa.large_string())})
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema) as writer:
        writer.write_table(table)
    return tmp_path / "t.arrow"


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="the system does not tell what is in memory")
def test_what_was_read_is_dropped_and_read_again(path):
    column = read_mapped(path).column("text")
    texts = column.to_pylist()
    assert resident(path) > 1000
    drop_read()
    assert resident(path) < 100
    assert column.to_pylist() == texts


def test_a_table_that_is_gone_is_not_kept(path):
    before = len(mapped._MAPS)
    table = read_mapped(path)
    assert len(mapped._MAPS) == before + 1
    del table
    gc.collect()
    assert len(mapped._MAPS) == before
