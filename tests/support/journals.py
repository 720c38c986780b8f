"""What the journals of a run tell."""

import json
from typing import Any

from mtlens.store.workspace.run_folder import RunFolder


def events(folder: RunFolder) -> list[dict[str, Any]]:
    """Events of all journals, in their order."""
    return [json.loads(line) for path in sorted(folder.path.glob("journal-*")) for line in path.read_text().splitlines()]


def milestones(folder: RunFolder) -> list[str]:
    """Kinds of the events but progress, of which a slow machine reports more."""
    return [event["kind"] for event in events(folder) if event["kind"] != "progress"]
