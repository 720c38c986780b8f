"""One figure as a file: SVG or PNG through a browser that is on this machine, HTML without one."""

import json
from pathlib import Path

import plotly.graph_objects as go

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.files import write_atomic
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures
from mtlens_dashboard.catalog import find, find_experiment
from mtlens_dashboard.export.report import exhibit, provenance, render
from mtlens_dashboard.figures.theme import DARK, LIGHT, Theme
from mtlens_dashboard.queries import matching

WIDTH = 960  # pixels
_PIXELS_PER_POINT = 2  # of a PNG, so that it is sharp in print
_KINDS = (".svg", ".png", ".html")


def export(workspace: Workspace, name: str, path: Path, *, experiment: str | None = None, dark: bool = False) -> Path:
    """Draw figure `name` of an experiment, by id or name, or of the newest, to `path`; its suffix is the format.

    HTML follows the reader's light or dark mode. Raises `WorkspaceError` for an unknown name or format, and for SVG and PNG
    where no browser is found.
    """
    entry = find(name)
    if path.suffix.lower() not in _KINDS:
        raise WorkspaceError(f"{path} should end in {', '.join(_KINDS)}")
    about = find_experiment(workspace, experiment)
    if path.suffix.lower() == ".html":
        drawn = exhibit(workspace, about.experiment_id, entry)
        facts = provenance(workspace, about, matching(workspace, about.experiment_id))
        content = render(f"mtlens: {about.name}", figures.title_of(drawn.light), [(name, [drawn])], facts).encode()
    else:
        theme = DARK if dark else LIGHT
        figure = entry.draw(entry.read(workspace, about.experiment_id), theme=theme)
        content = image(figure, theme, path.suffix.lower()[1:])
    write_atomic(path, content, durable=False)
    return path


def image(figure: go.Figure, theme: Theme, kind: str) -> bytes:
    """A figure with its title and background as svg or png, by Kaleido in a local browser, without fetching MathJax.

    Raises `WorkspaceError` where no browser is found.
    """
    import kaleido  # it takes a second to import, which HTML does not need
    from kaleido.errors import ChromeNotFoundError

    whole = figures.titled(figure, theme)
    options = {
        "format": kind,
        "width": WIDTH,
        "height": figures.height_of(whole),
        "scale": _PIXELS_PER_POINT if kind == "png" else 1,
    }
    try:
        return kaleido.calc_fig_sync(json.loads(whole.to_json() or ""), opts=options, kopts={"mathjax": False})
    except (ChromeNotFoundError, OSError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise WorkspaceError(
            f"no {kind.upper()} without a browser: install Chrome or Chromium, or write .html instead ({reason})"
        ) from error
