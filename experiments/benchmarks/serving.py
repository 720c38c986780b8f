"""Latency of the server on loopback: python -m experiments.benchmarks.serving

A server with one multi-task model of four tasks answers 1, 8 and 32 clients at once, each of which sends one report after
another. Prints the 50th and 95th percentile of the time to an answer, answers a second, and how many were dropped.
"""

import argparse
import json
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import uvicorn

from experiments.benchmarks.inference import TASKS, make_family
from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports import generate
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.extraction.server import create


def ask(port: int, text: str) -> tuple[float, bool]:
    """Milliseconds to an answer, and whether it was one."""
    body = json.dumps({"reports": [text]}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/findings", body, {"content-type": "application/json"})
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            answered = len(json.load(response)["reports"]) == 1
    except OSError:
        answered = False
    return 1000 * (time.perf_counter() - started), answered


def main() -> None:
    """Start the server in a thread, load it, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=160)
    number = parser.parse_args().requests
    texts = [report.text for report in generate(Spine(region="cervical", reports=number, seed=6)).reports]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = create(Reader(make_family((TASKS,))))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    ask(port, texts[0])
    answer: dict[str, dict[str, float]] = {}
    for clients in (1, 8, 32):
        started = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            taken = list(pool.map(lambda text: ask(port, text), texts))
        times = np.array([milliseconds for milliseconds, _ in taken])
        answer[f"{clients} clients"] = {
            "p50_ms": round(float(np.percentile(times, 50)), 1),
            "p95_ms": round(float(np.percentile(times, 95)), 1),
            "reports_per_second": round(len(texts) / (time.perf_counter() - started), 1),
            "dropped": sum(not answered for _, answered in taken),
        }
    server.should_exit = True
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
