"""Tells the page of the dashboard where its server is.

Streamlit's page looks for the server below its own address first, as it may stand below a prefix: a link to `/cka` asks for
`/cka/_stcore/health`, which the browser logs as not found. A setting of that page, which Streamlit has for hosts, names the
folder of the address instead.
"""

from mtlens_dashboard.guard import Application, Message, Receive, Scope, Send

_SETTING = b'<script>window.__streamlit = {BACKEND_BASE_URL: new URL(".", location).href}</script>'
_BEFORE = b"<meta charset"


class PageBase:
    """ASGI middleware."""

    def __init__(self, app: Application):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the setting to the page; leave everything else as it is."""
        path: str = scope.get("path", "")
        if scope["type"] != "http" or "." in path or "/_stcore" in path:
            await self._app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self._app({**scope, "headers": plain}, receive, _Page(send).answer)


class _Page:
    """Holds back the page until all of it has arrived."""

    def __init__(self, send: Send):
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def answer(self, message: Message) -> None:
        """One message of the server."""
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = self._body.replace(_BEFORE, _SETTING + _BEFORE, 1)
        size = (b"content-length", str(len(body)).encode())
        if body:
            start["headers"] = [header for header in start["headers"] if header[0].lower() != size[0]] + [size]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _is_page(start: Message) -> bool:
    headers = {name.lower(): value for name, value in start.get("headers", ())}
    return start["status"] == 200 and headers.get(b"content-type", b"").startswith(b"text/html")
