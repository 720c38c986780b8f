"""Asks a running `mtlens serve` on this machine for a report's findings, so that the dashboard needs no torch.

The report travels to loopback and nowhere else, and is kept by neither side.
"""

import json
import os
import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from mtlens.errors import DataError, MtlensError
from mtlens.inference.extraction.findings import ReportFindings

VARIABLE = "MTLENS_SERVER"
"""Environment variable with the address of `mtlens serve`, where it is not ADDRESS."""
ADDRESS = "http://127.0.0.1:8600"
_SECONDS = 35


def address() -> str:
    """Address of `mtlens serve`; MtlensError where it is not on this machine."""
    response = os.environ.get(VARIABLE, ADDRESS)
    if urlsplit(response).hostname not in ("127.0.0.1", "localhost", "::1") or urlsplit(response).scheme != "http":
        raise MtlensError(f"{VARIABLE} should be an address of this machine, such as {ADDRESS}; found another")
    return response.rstrip("/")


def is_served() -> bool:
    """Whether anything listens at the address; no request is sent."""
    parts = urlsplit(address())
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=0.3):
            return True
    except OSError:
        return False


def read(report: str) -> ReportFindings:
    """Findings of one report. DataError for a report that the server refuses, MtlensError where none answers as it should."""
    body = json.dumps({"reports": [report]}).encode()
    request = urllib.request.Request(f"{address()}/findings", body, {"content-type": "application/json"})
    if token := os.environ.get("MTLENS_TOKEN"):
        request.add_header("authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            return ReportFindings.model_validate(json.load(response)["reports"][0])
    except urllib.error.HTTPError as error:
        with error:
            raise DataError(str(json.load(error).get("error", f"the server answered {error.code}"))) from None
    except OSError:
        raise MtlensError(f"a model should be served at {address()}; none answers: mtlens serve MODEL") from None
    except (ValueError, LookupError, TypeError):
        raise MtlensError(f"findings should come from {address()}; found another answer: is it `mtlens serve`?") from None
