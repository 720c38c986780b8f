"""Users' annotations of experiments: tags, a note, and whether lists hide them. Results are never changed or deleted."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.files import write_atomic
from mtlens.store.workspace.workspace import Workspace

_FILE = "annotations.json"


class Annotation(BaseModel):
    """Annotation of one experiment."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tags: tuple[str, ...] = ()
    note: str = ""
    hidden: bool = False


_ALL = TypeAdapter(dict[str, Annotation])


def load(workspace: Workspace) -> Mapping[str, Annotation]:
    """Annotations by experiment id; empty where there are none. `WorkspaceError` where the file cannot be read."""
    path = workspace.root / _FILE
    try:
        return _ALL.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        reason = str(error).partition("\n")[0]
        raise WorkspaceError(f"{path} should be JSON as the dashboard writes it; found {reason}") from error


def save(workspace: Workspace, experiment_id: str, annotation: Annotation) -> None:
    """Replace the annotation of one experiment."""
    noted = {**load(workspace), experiment_id: annotation}
    write_atomic(workspace.root / _FILE, _ALL.dump_json(noted, indent=1))
