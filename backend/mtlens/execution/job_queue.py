"""Hands out jobs to lanes and answers to askers: each content hash is worked on once, whoever asks and however often.

A job is a run to train or a piece of evidence to compute. It is queued, then in the hands of one lane, then over. When a
process dies, or a node comes or goes, Ray Train starts all lanes anew, as another group and perhaps fewer of them: the
first call of a new group hands out again whatever the old one held. Which job was to blame for a death cannot be seen
then, so one that was in flight at two deaths is tried alone, and failed if it dies alone too. A node that came or went
is nobody's fault.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from mtlens.config.run import Outcome
from mtlens.evidence.jobs import Job

DEATHS_OF_A_SUSPECT = 2


class Broker:
    """Lives as an asynchronous Ray actor; without Ray it is an ordinary object for a test."""

    def __init__(self, nodes: Callable[[], frozenset[str]] = frozenset) -> None:
        """nodes: the nodes that are alive now."""
        self._nodes = nodes
        self._group: tuple[str, frozenset[str]] = ("", frozenset())
        self._queue: deque[Job] = deque()
        self._outcomes: dict[str, asyncio.Future[Outcome]] = {}
        self._held: dict[int, Job] = {}
        self._calls: dict[int, int] = {}
        self._deaths: dict[str, int] = {}
        self._offered: dict[str, list[Job]] = {}
        self._closed = False
        self._changed = asyncio.Condition()

    async def ask(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Outcomes of the jobs, in their order. A job in flight is joined; one that failed is tried again when asked again."""
        async with self._changed:
            futures = [self._enlist(job) for job in jobs]
            self._changed.notify_all()
        return [await asyncio.shield(future) for future in futures]

    async def offer(self, name: str, jobs: Sequence[Job]) -> None:
        """Keep jobs under a short name, by which they may be asked for."""
        self._offered[name] = list(jobs)

    async def ask_for(self, name: str) -> list[Outcome]:
        """Outcomes of the jobs that were offered under a name."""
        return await self.ask(self._offered[name])

    async def close(self) -> None:
        """No more will be asked for: when the queue is empty, the lanes may go."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def take(self, lane: int, group: str) -> Job | None:
        """The next job for a lane of a worker group; waits for one, and is None when no more will come."""
        async with self._changed:
            call = self._calls[lane] = self._calls.get(lane, 0) + 1
            if group != self._group[0]:
                self._start_group(group)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._is_stale(lane, call, group) or self._next() or self._over())
            job = self._next()
            if self._is_stale(lane, call, group) or job is None:
                return None
            self._queue.remove(job)
            self._held[lane] = job
            return job

    def _is_stale(self, lane: int, call: int, group: str) -> bool:
        """A later call of this lane, or of a later group, waits too: this one's process is dead."""
        return self._calls[lane] != call or self._group[0] != group

    def _start_group(self, group: str) -> None:
        """Hand out again what an earlier group held; it counts as a death only among the same nodes."""
        nodes = self._nodes()
        died = nodes == self._group[1]
        self._group = (group, nodes)
        for job in reversed(self._held.values()):
            self._requeue(job, died=died)
        self._held.clear()

    async def give(self, lane: int, outcome: Outcome) -> None:
        """A lane's job is over."""
        async with self._changed:
            if lane in self._held and self._held[lane].job_id == outcome.job_id:
                del self._held[lane]
            self._settle(outcome)
            self._changed.notify_all()

    def _over(self) -> bool:
        return self._closed and not self._queue

    def _next(self) -> Job | None:
        """The first job that may start now: a suspect only when no other is in flight, and nothing beside a suspect."""
        if any(self._is_suspect(job) for job in self._held.values()):
            return None
        return next((job for job in self._queue if not self._is_suspect(job) or not self._held), None)

    def _is_suspect(self, job: Job) -> bool:
        return self._deaths.get(job.job_id, 0) >= DEATHS_OF_A_SUSPECT

    def _enlist(self, job: Job) -> asyncio.Future[Outcome]:
        if job.job_id not in self._outcomes:
            self._outcomes[job.job_id] = asyncio.get_running_loop().create_future()
            self._queue.append(job)
        return self._outcomes[job.job_id]

    def _requeue(self, job: Job, *, died: bool) -> None:
        if died and self._is_suspect(job):
            times = DEATHS_OF_A_SUSPECT + 1
            self._settle(
                Outcome(job_id=job.job_id, reason=f"the process that worked on it died {times} times, the last time alone")
            )
        else:
            self._deaths[job.job_id] = self._deaths.get(job.job_id, 0) + died
            self._queue.appendleft(job)

    def _settle(self, outcome: Outcome) -> None:
        """Answer everybody who waits; a failure is forgotten, so that the next who asks has it tried again."""
        future = self._outcomes.get(outcome.job_id)
        if future is not None and not future.done():
            future.set_result(outcome)
        if outcome.reason:
            self._outcomes.pop(outcome.job_id, None)
