"""Chromium, and servers of the dashboard, for all tests in a browser."""

import subprocess
from collections.abc import Callable, Generator

import pytest
from playwright.sync_api import Browser, sync_playwright

from mtlens.store.workspace.workspace import Workspace
from tests.support import dashboard_servers, fake_stores
from tests.support.browser_pages import CHROMIUM


@pytest.fixture(scope="module")  # for a session, Playwright's event loop would keep other tests from running theirs
def browser() -> Generator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def serve() -> Generator[Callable[[Workspace], str]]:
    """Starts a server on a workspace; returns its address."""
    processes: list[subprocess.Popen[str]] = []

    def serve(workspace: Workspace) -> str:
        processes.append(dashboard_servers.start(workspace.root, dashboard_servers.free_port()))
        return dashboard_servers.url_of(processes[-1])

    yield serve
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def full(serve, stores: fake_stores.Stores) -> str:
    """Address of a dashboard on a full store."""
    return serve(stores["full"])
