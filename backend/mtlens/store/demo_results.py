"""A recorded workspace: the files of a real run of this software, without its weights, in one Parquet table.

`record` packs a workspace, `restore` unpacks the one that comes with mtlens, so that tables, SQL and dashboard can be seen in
seconds. Everything in it was measured; its experiments say in their notes that they were recorded, and when.
"""

from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from mtlens.errors import WorkspaceError
from mtlens.store.ingest import ingest
from mtlens.store.workspace.files import failed_to, now, to_json, write_atomic
from mtlens.store.workspace.manifest import Manifest
from mtlens.store.workspace.workspace import Workspace

RECORDING = Path(__file__).with_name("demo_results.parquet")
_KEPT = (".json", ".jsonl", ".parquet", "DONE")


def record(workspace: Workspace, path: Path) -> int:
    """Pack the small files of a workspace's experiments, runs and evidence into `path`; returns their number."""
    files: dict[str, bytes] = {}
    for folder in (workspace.experiments, workspace.runs, workspace.evidence):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.name.endswith(_KEPT):
                name = file.relative_to(workspace.root).as_posix()
                files[name] = _noted(file.read_bytes()) if _is_manifest(file, workspace) else file.read_bytes()
    table = pa.table({"path": list(files), "content": pa.array(list(files.values()), pa.binary())})
    pq.write_table(table, path, compression="zstd", compression_level=19)
    return len(files)


def restore(workspace: Workspace) -> None:
    """Unpack the recording into a workspace without runs and bring its database up to date.

    Raises `WorkspaceError` where there are runs: recorded runs have no weights but would count as finished.
    """
    if any(workspace.runs.iterdir()):
        raise WorkspaceError(f"{workspace.root} should be a new workspace for recorded results; found one with runs")
    for row in pq.read_table(RECORDING).to_pylist():
        path = workspace.root / PurePosixPath(row["path"])
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise failed_to("write", path, error) from error
        write_atomic(path, row["content"], durable=False)
    ingest(workspace, force=True)


def _is_manifest(file: Path, workspace: Workspace) -> bool:
    return file.parent == workspace.experiments and file.suffix == ".json"


def _noted(content: bytes) -> bytes:
    """The manifest with a note that its results were recorded."""
    manifest = Manifest.model_validate_json(content)
    note = f"recorded results of a real run, packed on {now()[:10]}; weights and hidden states are not included"
    return to_json(manifest.model_copy(update={"notes": (*manifest.notes, note)}).document())
