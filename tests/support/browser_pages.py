"""Pages of the dashboard in a real browser: opened, awaited, and asked what they complain of."""

import shutil
from importlib.resources import files

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECONDS = 60_000
expect.set_options(timeout=SECONDS)  # machines that do other work too take long to load the first chart
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: nothing was looked at in a browser"),
]


class Complaints(list[str]):
    """What a page complains of: errors in the console, requests that fail, requests to other machines."""

    def __init__(self, page: Page, url: str) -> None:
        page.on("pageerror", lambda error: self.append(f"exception: {error}"))
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("response", lambda response: self._answer(response.status, response.url))
        page.on("request", lambda request: self._ask(request.url, url))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith("Failed to load resource"):  # which ones, `response` tells
            self.append(f"console: {text}")

    def _answer(self, status: int, url: str) -> None:
        if status >= 400:
            self.append(f"{status}: {url}")

    def _ask(self, url: str, own: str) -> None:
        if not url.startswith((own, own.replace("http", "ws"), "data:", "blob:")):
            self.append(f"asked outside: {url}")


def visit(browser: Browser, url: str, *, width: int = 1440, scheme: str = "light") -> tuple[Page, Complaints]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    complaints = Complaints(page, url.split("/", 3)[0] + "//" + url.split("/", 3)[2])
    page.goto(url)
    settle(page)
    return page, complaints


def settle(page: Page) -> None:
    """Until the page is drawn and nothing runs."""
    page.wait_for_selector("h1")
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_function("!document.querySelector('[data-stale=true]')")


def barriers(page: Page) -> list[tuple[str, str]]:
    """Serious findings of axe-core (Deque Systems), which checks against WCAG 2."""
    page.evaluate((files(axe_playwright_python) / "axe.min.js").read_text())
    found = page.evaluate("axe.run(document)")["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
