"""Requests that arrive while models are busy are read together in one batch."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from mtlens.inference.extraction.findings import ReportFindings

Reports = Sequence[tuple[str, str]]
MOST = 64  # reports read together


class Batcher:
    """One worker thread that reads all waiting reports at once; it never waits for a batch to fill."""

    def __init__(self, read: Callable[[Reports], list[ReportFindings]]):
        self._read = read

    async def __aenter__(self) -> Self:
        self._queue: asyncio.Queue[tuple[Reports, asyncio.Future[list[ReportFindings]]]] = asyncio.Queue()
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)

    async def read(self, reports: Reports) -> list[ReportFindings]:
        """Findings of reports, in their order."""
        answer: asyncio.Future[list[ReportFindings]] = asyncio.get_running_loop().create_future()
        await self._queue.put((reports, answer))
        return await answer

    async def _work(self) -> None:
        while True:
            waiting = [await self._queue.get()]
            while not self._queue.empty() and sum(len(reports) for reports, _ in waiting) < MOST:
                waiting.append(self._queue.get_nowait())
            waiting = [(reports, answer) for reports, answer in waiting if not answer.done()]
            try:
                found = await asyncio.to_thread(self._read, [report for reports, _ in waiting for report in reports])
            except Exception as error:
                for _, answer in waiting:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for reports, answer in waiting:
                if not answer.done():
                    answer.set_result(found[: len(reports)])
                found = found[len(reports) :]
