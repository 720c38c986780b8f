"""Whom the dashboard's server answers: browsers that ask for it by a name of this machine, for pages of its own.

A foreign Host is a name that was made to point here (DNS rebinding). A foreign Origin is a page of another site, or of another
program on this machine, that asks for a page or opens the WebSocket. No page may stand in a frame of another one.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_HEADERS = [
    (b"content-security-policy", b"frame-ancestors 'self'"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
]
_REFUSAL = b"The dashboard answers browsers that ask for it at 127.0.0.1 or localhost."


class Guard:
    """ASGI middleware."""

    def __init__(self, app: Application, names: tuple[str, ...]):
        self._app, self._names = app, names

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Refuse what is foreign with status 403; add headers to all other answers."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif self._is_foreign(dict(scope["headers"])):
            await _refuse(scope, receive, send)
        else:
            await self._app(scope, receive, lambda message: send(_with_headers(message)))

    def _is_foreign(self, headers: dict[bytes, bytes]) -> bool:
        host, origin = (headers.get(name, b"").decode("latin-1") for name in (b"host", b"origin"))
        try:
            return urlsplit(f"//{host}").hostname not in self._names or (bool(origin) and urlsplit(origin).netloc != host)
        except ValueError:
            return True


async def _refuse(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # before it is accepted: status 403
        return
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain"), *_HEADERS]})
    await send({"type": "http.response.body", "body": _REFUSAL})


def _with_headers(message: Message) -> Message:
    if message["type"] == "http.response.start":
        message["headers"] = [*message.get("headers", ()), *_HEADERS]
    return message
