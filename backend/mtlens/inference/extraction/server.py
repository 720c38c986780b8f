"""An exported family over HTTP: POST /findings reads reports, GET /health answers, /docs and /openapi.json describe both.

Requests that arrive together are read in one batch. Connections, headers, a body and the time for an answer have limits. It
listens on loopback and answers only requests whose Host is a name of this machine, which refuses pages of other sites whose
names point here (DNS rebinding). On another address it requires a token in MTLENS_TOKEN, which every request must carry as
`Authorization: Bearer ...`. Every refusal is `{"error": ...}`. Nothing is stored, and no report text is logged or repeated in
an error. `extraction.ray_serve` runs the same application on a cluster, behind the connections of Ray Serve.
"""

import asyncio
import ipaddress
import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from mtlens.errors import DataError, MtlensError
from mtlens.inference.extraction.batching import Batcher
from mtlens.inference.extraction.findings import ReportFindings
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.model.family import load
from mtlens.inference.model.onnx_model import Runtime
from mtlens.inference.segmentation import cleaned

MAX_BODY = 1_000_000
SECONDS = 30.0
TOKEN = "MTLENS_TOKEN"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>mtlens</title><h1>mtlens</h1><pre id="api"></pre>
<script>fetch("openapi.json").then(r => r.json()).then(d => api.textContent = JSON.stringify(d, null, 1))</script></html>"""


class Asked(BaseModel):
    """Reports to read, as plain text or HTML."""

    model_config = ConfigDict(extra="forbid")
    reports: Annotated[list[str], Field(min_length=1, max_length=64)]


class Answered(BaseModel):
    """Findings of each report, in the order in which they were sent."""

    reports: list[ReportFindings]


class Health(BaseModel):
    """status is "ok" once models are loaded."""

    status: str
    model: str


def create(reader: Reader, token: str | None = None) -> FastAPI:
    """The application. token: token that requests must carry; None if none is needed."""
    batcher = Batcher(reader.read)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with batcher:
            yield

    app = FastAPI(
        title="mtlens", lifespan=lifespan, docs_url=None, redoc_url=None,
        exception_handlers={
            RequestValidationError: _invalid, TimeoutError: _late, DataError: _unusable, MtlensError: _failed,
            HTTPException: _refused,
        },
    )  # fmt: skip

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if token is None and not _is_of_this_machine(request):
            return _problem(421, "without a token, requests should come from this machine; found a foreign Host or Origin")
        given = request.headers.get("authorization", "")
        if token is not None and not secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return _problem(401, f"requests should carry the token of {TOKEN}")
        try:
            async with asyncio.timeout(SECONDS):
                is_too_long = await _is_too_long(request)
        except TimeoutError:
            return _problem(408, f"a request should take at most {SECONDS:g} seconds to arrive; it took longer")
        except ClientDisconnect:
            return _problem(400, "a request should arrive whole; its sender left")
        if is_too_long:
            return _problem(413, f"body should have at most {MAX_BODY:,} bytes")
        return await call_next(request)

    @app.post("/findings")
    async def findings(asked: Asked) -> Answered:
        """Read reports: every task, of every motion segment or of the whole report, with probability and sentence."""
        texts = [(str(number), cleaned(text)) for number, text in enumerate(asked.reports)]
        async with asyncio.timeout(SECONDS):  # here and not in `guard`, so that the wait itself is cancelled
            return Answered(reports=await batcher.read(texts))

    @app.get("/health")
    async def health() -> Health:
        """Whether models are loaded."""
        return Health(status="ok", model=reader.family.config.name)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    return app


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]  # its input is report text, which stays out of the answer
    return _problem(422, f"{'.'.join(str(part) for part in first['loc'])}: {first['type']}")


async def _refused(_: Request, error: HTTPException) -> Response:
    return _problem(error.status_code, str(error.detail), error.headers)


async def _late(_: Request, error: TimeoutError) -> Response:
    return _problem(503, f"an answer should take at most {SECONDS:g} seconds; it took longer")


async def _unusable(_: Request, error: DataError) -> Response:
    return _problem(422, str(error))


async def _failed(_: Request, error: MtlensError) -> Response:
    return _problem(500, str(error))


async def _is_too_long(request: Request) -> bool:
    """Read the body as far as it may go; what was read is kept for the request."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > MAX_BODY:
        return True
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            return True
    request._body = bytes(body)
    return False


def _is_of_this_machine(request: Request) -> bool:
    """Whether Host is a name of this machine, and Origin, where a browser gives one, the same."""
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    try:
        return urlsplit(f"//{host}").hostname in _LOOPBACK and (origin is None or urlsplit(origin).netloc == host)
    except ValueError:
        return False


def _problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status_code=status, headers=headers)


def serve(folder: Path, host: str, port: int, threshold: float, runtime: Runtime | None = None) -> None:
    """Serve until Ctrl-C; MtlensError where `host` is not this machine and there is no token."""
    import uvicorn

    from mtlens.inference.extraction.http_limits import MAX_HEADERS, LimitedHttp

    token = token_for(host)
    reader = Reader(load(folder, runtime=runtime), threshold)
    print(f"Serving {reader.family.config.name} at http://{host}:{port} (docs at /docs; Ctrl-C ends it)", flush=True)
    uvicorn.run(
        create(reader, token),
        host=host,
        port=port,
        http=LimitedHttp,
        ws="none",
        h11_max_incomplete_event_size=MAX_HEADERS,
        log_level="error",
        access_log=False,
        timeout_keep_alive=30,
    )


def token_for(host: str) -> str | None:
    """The token that requests must carry, from the environment. MtlensError where there is none and others can reach `host`."""
    token = os.environ.get(TOKEN) or None
    if not _is_loopback(host) and token is None:
        raise MtlensError(f"{TOKEN} should hold a token where --host is not this machine; found none for {host}")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
