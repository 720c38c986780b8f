"""Hands out runs to lanes and answers to askers: one training per content hash, whoever asks and however often.

A run is queued, then in the hands of one lane, then over. A lane that asks for work while it still holds a run has died
and been restarted: that is the moment to hand the run out again. A run that takes three lanes down with it is failed.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from backend.spec import Outcome, Run

MAX_DEATHS = 3


class Broker:
    """Lives as an asynchronous Ray actor; without Ray it is an ordinary object for a test."""

    def __init__(self) -> None:
        self._queue: deque[Run] = deque()
        self._outcomes: dict[str, asyncio.Future[Outcome]] = {}
        self._held: dict[int, Run] = {}
        self._deaths: dict[str, int] = {}
        self._closed = False
        self._changed = asyncio.Condition()

    async def ask(self, runs: Sequence[Run]) -> list[Outcome]:
        """Outcomes of the runs, in their order. A run in flight is joined; one that failed is tried again when asked again."""
        async with self._changed:
            futures = [self._enlist(run) for run in runs]
            self._changed.notify_all()
        return [await asyncio.shield(future) for future in futures]

    async def ask_last(self, runs: Sequence[Run]) -> list[Outcome]:
        """The same, and when these are over the lanes may go."""
        try:
            return await self.ask(runs)
        finally:
            await self.close()

    async def take(self, lane: int) -> Run | None:
        """The next run for a lane; waits for one, and is None when no more will come."""
        async with self._changed:
            if (dropped := self._held.pop(lane, None)) is not None:
                self._requeue(dropped)
            await self._changed.wait_for(lambda: self._queue or self._closed)
            if not self._queue:
                return None
            self._held[lane] = self._queue.popleft()
            return self._held[lane]

    async def give(self, lane: int, outcome: Outcome) -> None:
        """A lane's run is over."""
        async with self._changed:
            self._held.pop(lane, None)
            self._settle(outcome)
            self._changed.notify_all()

    async def close(self) -> None:
        """No more runs will be asked for: lanes that wait may go."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _enlist(self, run: Run) -> asyncio.Future[Outcome]:
        if run.run_id not in self._outcomes:
            self._outcomes[run.run_id] = asyncio.get_running_loop().create_future()
            self._queue.append(run)
        return self._outcomes[run.run_id]

    def _requeue(self, run: Run) -> None:
        self._deaths[run.run_id] = self._deaths.get(run.run_id, 0) + 1
        if self._deaths[run.run_id] < MAX_DEATHS:
            self._queue.appendleft(run)
            self._changed.notify_all()
        else:
            self._settle(Outcome(run_id=run.run_id, reason=f"the process that trained it died {MAX_DEATHS} times"))

    def _settle(self, outcome: Outcome) -> None:
        """Answer everybody who waits; a failure is forgotten, so that the next who asks has it tried again."""
        future = self._outcomes[outcome.run_id]
        if not future.done():
            future.set_result(outcome)
        if outcome.reason:
            del self._outcomes[outcome.run_id]
