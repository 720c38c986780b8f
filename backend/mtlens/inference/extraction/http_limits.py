"""Limits that hold before a request reaches the application: size of headers, time to send them, number of connections.

uvicorn itself has no time limit for headers and, with its faster parser, no size limit either. Refusals have the usual form,
`{"error": ...}`.
"""

import asyncio
import http
import json
import sys

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEADERS = 16_384  # bytes
MAX_CONNECTIONS = 256
SECONDS_FOR_HEADERS = 10.0


class LimitedHttp(H11Protocol):
    """One connection."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Refuse connections above the limit; set a deadline for the headers of the others."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(503, f"there should be at most {MAX_CONNECTIONS} connections; found another one")
        else:
            self._watch_headers()

    def data_received(self, data: bytes) -> None:
        """Parse the received bytes."""
        if not self.transport.is_closing():
            super().data_received(data)
            self._watch_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._stop_watching()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The next request may have begun to arrive meanwhile."""
        super().on_response_complete()
        if self.conn.trailing_data[0]:
            self._watch_headers()

    def send_400_response(self, msg: str) -> None:
        """Called for bytes that are not HTTP, and for headers that are too long."""
        error = sys.exception()
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        self._refuse(status, f"a request should be HTTP/1.1 with at most {MAX_HEADERS:,} bytes of headers")

    def _watch_headers(self) -> None:
        """A deadline for headers that have begun, or of a new connection; between requests, uvicorn closes one that is idle."""
        if self.conn.their_state is not h11.IDLE:
            self._stop_watching()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(SECONDS_FOR_HEADERS, self._expire)

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._refuse(408, f"headers should take at most {SECONDS_FOR_HEADERS:g} seconds to arrive; they took longer")

    def _refuse(self, status: int, message: str) -> None:
        """Answer without a request, and hang up."""
        self._stop_watching()
        if self.transport.is_closing():
            return
        body = json.dumps({"error": message}).encode()
        head = (
            f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
