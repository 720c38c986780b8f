"""Starts the dashboard's server: on this machine only, silent towards the outside, ended by Ctrl-C.

It listens on 127.0.0.1, answers browsers that ask for it by that name, and keeps the details of errors in the terminal. To
share it with a team, put a proxy that authenticates before it, and let that set the header `Host: 127.0.0.1`.
"""

import importlib
import socket
from pathlib import Path
from threading import Thread
from typing import Any

from streamlit import net_util
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import bootstrap
from streamlit.web.server.starlette import starlette_app

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.figures.theme import DARK, LIGHT, Theme
from mtlens_dashboard.guard import Guard
from mtlens_dashboard.page_base import PageBase
from mtlens_dashboard.widgets.shown_workspace import show

ADDRESS = "127.0.0.1"
PORT = 8501
_TRIED = 100
_NEEDED = (
    "mtlens_dashboard.figures",
    "mtlens_dashboard.queries.inference_client",
    "pandas",
)  # half a second that the first page would wait for
_SETTINGS: dict[str, Any] = {
    "server.address": ADDRESS,
    "server.headless": True,
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.allowedHosts": [ADDRESS, "localhost"],
    "server.fileWatcherType": "none",
    "server.maxUploadSize": 100,  # MB, of a table on page Examples
    "browser.serverAddress": ADDRESS,
    "browser.gatherUsageStats": False,
    "client.allowedOrigins": [f"http://{ADDRESS}"],
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.toolbarMode": "minimal",
    "logger.hideWelcomeMessage": True,
    "logger.level": "warning",
    "runner.magicEnabled": False,
    "theme.headingFontSizes": ["1.7rem", "1.2rem", "1.05rem"],
    "theme.headingFontWeights": [650, 600, 600],
}


def serve(directory: Path, port: int | None = None) -> None:
    """Show the workspace in `directory` until Ctrl-C; results that do not exist yet are waited for.

    Without `port`, the first free one from 8501 on. Raises `WorkspaceError` where `port` is taken, or where `directory` is a
    file or belongs to a newer mtlens.
    """
    workspace = Workspace(directory.absolute())
    if workspace.marker.exists() or directory.is_file():
        Workspace.open(directory, create=False)
    port = _free_port() if port is None else port
    if refusal := _refusal(port):
        raise WorkspaceError(f"port {port} should be free: {refusal}; name another --port, or none")
    show(workspace)
    print(f"The dashboard shows {workspace.root} at http://{ADDRESS}:{port} (Ctrl-C ends it)", flush=True)
    _run(port)


def _run(port: int) -> None:
    # else a link to a page, if it comes first, runs that file without app.py
    PagesManager.uses_pages_directory = False  # pyrefly: ignore[instance-var-assign] - Streamlit itself sets it on the class
    _add_middleware()
    net_util.get_external_ip = lambda: None  # else a request of a foreign origin makes the server ask the internet for its IP
    settings = {**_SETTINGS, **_colours("light", LIGHT), **_colours("dark", DARK), "server.port": port}
    Thread(target=lambda: [importlib.import_module(name) for name in _NEEDED], daemon=True).start()
    bootstrap.load_config_options(settings)
    bootstrap.run(str(Path(__file__).with_name("app.py")), False, [], settings)


def _add_middleware() -> None:
    """Streamlit has no setting for middleware around a script: `server.allowedHosts` is asked for WebSockets alone."""
    from starlette.middleware import Middleware

    inner = starlette_app.create_streamlit_middleware
    own = [Middleware(Guard, names=(ADDRESS, "localhost")), Middleware(PageBase)]
    starlette_app.create_streamlit_middleware = lambda: [*own, *inner()]


def _colours(name: str, theme: Theme) -> dict[str, str]:
    """The theme of the figures for all that surrounds them."""
    return {
        f"theme.{name}.backgroundColor": theme.paper,
        f"theme.{name}.secondaryBackgroundColor": theme.faint,
        f"theme.{name}.textColor": theme.ink,
        f"theme.{name}.codeTextColor": theme.ink,
        f"theme.{name}.primaryColor": theme.better,
        f"theme.{name}.linkColor": theme.better,
        f"theme.{name}.borderColor": theme.line,
        f"theme.{name}.greenTextColor": theme.good,
        f"theme.{name}.blueTextColor": theme.better,
        f"theme.{name}.orangeTextColor": theme.bad,
        f"theme.{name}.yellowTextColor": theme.weak,
        f"theme.{name}.grayTextColor": theme.open,
    }


def _free_port() -> int:
    """The first free port from 8501 on."""
    for port in range(PORT, PORT + _TRIED):
        if not _refusal(port):
            return port
    raise WorkspaceError(f"one of the ports {PORT} to {PORT + _TRIED - 1} should be free; none is")


def _refusal(port: int) -> str | None:
    """Why nothing can listen on `port`; None where it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: a port just left counts as free
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            return error.strerror
    return None
