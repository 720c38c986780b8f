"""Opens pages of the dashboard in this process, without a browser."""

import json
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.widgets import shown_workspace

ENTRY = (
    "from mtlens_dashboard import app\napp.main()"  # not app.py itself: AppTest takes a folder `pages` beside it for its own
)


def open_page(monkeypatch: pytest.MonkeyPatch, workspace: Workspace, page: str = "answer", **query: str | list[str]) -> AppTest:
    """A page on a workspace with some query parameters, drawn without an exception."""
    monkeypatch.setenv(shown_workspace.VARIABLE, str(workspace.root))
    app = AppTest.from_string(ENTRY, default_timeout=250)
    app.query_params = dict(query)
    app._page_hash = "" if page == "answer" else calc_hash(page)
    return draw(app)


def draw(app: AppTest) -> AppTest:
    """Draw the page once more. Streamlit would look for components in all installed packages: that takes longer than a page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", list)
        app.run()
    assert not app.exception, [(exception.message, exception.stack_trace) for exception in app.exception]
    return app


def turn(app: AppTest, page: str) -> None:
    """Follow a link to another page."""
    app._page_hash = calc_hash(page)
    draw(app)


def charts(app: AppTest) -> list[dict[str, Any]]:
    """Plotly's specification of each figure on the page."""
    return [json.loads(element.proto.spec) for element in app.get("plotly_chart")]


def said(app: AppTest) -> str:
    """The sentences on the page."""
    return " ".join(element.value for kind in ("title", "markdown", "caption") for element in app.get(kind))
