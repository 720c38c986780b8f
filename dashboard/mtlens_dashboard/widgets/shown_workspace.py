"""Which workspace the dashboard shows: the server sets it once, the pages read it."""

import os
from pathlib import Path

from mtlens.store.workspace.workspace import Workspace

VARIABLE = "MTLENS_WORKSPACE"
"""Environment variable that names its folder."""


def show(workspace: Workspace) -> None:
    """Let all pages of this process show `workspace`."""
    os.environ[VARIABLE] = str(workspace.root)


def workspace() -> Workspace:
    """The workspace that is shown."""
    return Workspace(Path(os.environ[VARIABLE]))
