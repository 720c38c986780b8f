"""Hands out runs to lanes and answers to askers: one training per content hash, whoever asks and however often.

A run is queued, then in the hands of one lane, then over. When a process dies, Ray Train restarts all lanes, and a lane that
asks for work while it still holds a run has been restarted: that is the moment to hand the run out again. Which run was to
blame cannot be seen then, so one that was in flight at two deaths is tried alone, and failed if it dies alone too.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from backend.spec import Outcome, Run

DEATHS_OF_A_SUSPECT = 2


class Broker:
    """Lives as an asynchronous Ray actor; without Ray it is an ordinary object for a test."""

    def __init__(self) -> None:
        self._queue: deque[Run] = deque()
        self._outcomes: dict[str, asyncio.Future[Outcome]] = {}
        self._held: dict[int, Run] = {}
        self._calls: dict[int, int] = {}
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
            async with self._changed:
                self._closed = True
                self._changed.notify_all()

    async def take(self, lane: int) -> Run | None:
        """The next run for a lane; waits for one, and is None when no more will come."""
        async with self._changed:
            call = self._calls[lane] = self._calls.get(lane, 0) + 1
            self._changed.notify_all()
            if (dropped := self._held.pop(lane, None)) is not None:
                self._requeue(dropped)
            await self._changed.wait_for(lambda: self._calls[lane] != call or self._next() or self._over())
            run = self._next()
            if self._calls[lane] != call or run is None:
                return None  # a later call of this lane waits too: this one's process is dead
            self._queue.remove(run)
            self._held[lane] = run
            return run

    async def give(self, lane: int, outcome: Outcome) -> None:
        """A lane's run is over."""
        async with self._changed:
            if lane in self._held and self._held[lane].run_id == outcome.run_id:
                del self._held[lane]
            self._settle(outcome)
            self._changed.notify_all()

    def _over(self) -> bool:
        return self._closed and not self._queue

    def _next(self) -> Run | None:
        """The first run that may start now: a suspect only when no other runs, and nothing beside a suspect."""
        if any(self._is_suspect(run) for run in self._held.values()):
            return None
        return next((run for run in self._queue if not self._is_suspect(run) or not self._held), None)

    def _is_suspect(self, run: Run) -> bool:
        return self._deaths.get(run.run_id, 0) >= DEATHS_OF_A_SUSPECT

    def _enlist(self, run: Run) -> asyncio.Future[Outcome]:
        if run.run_id not in self._outcomes:
            self._outcomes[run.run_id] = asyncio.get_running_loop().create_future()
            self._queue.append(run)
        return self._outcomes[run.run_id]

    def _requeue(self, run: Run) -> None:
        if self._is_suspect(run):
            times = DEATHS_OF_A_SUSPECT + 1
            self._settle(
                Outcome(run_id=run.run_id, reason=f"the process that trained it died {times} times, the last time alone")
            )
        else:
            self._deaths[run.run_id] = self._deaths.get(run.run_id, 0) + 1
            self._queue.appendleft(run)
        self._changed.notify_all()

    def _settle(self, outcome: Outcome) -> None:
        """Answer everybody who waits; a failure is forgotten, so that the next who asks has it tried again."""
        future = self._outcomes.get(outcome.run_id)
        if future is not None and not future.done():
            future.set_result(outcome)
        if outcome.reason:
            self._outcomes.pop(outcome.run_id, None)
