"""The queue of jobs; a job is done once, however often it is submitted.

A job is a training run or an evidence job, named by its content hash. It is queued, then in progress in one lane, then done
or failed. When a process dies, or a node joins or leaves, Ray Train restarts all lanes as a new worker group, perhaps with
fewer lanes. The first call of a new group queues again the jobs that the old group had in progress. The queue cannot see
which job caused a death. A job that was in progress at two deaths is therefore tried alone, and fails if its process dies
again. A restart because a node joined or left does not count as a death.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from mtlens.config.run import Outcome
from mtlens.evidence.jobs import Job

DEATHS_OF_A_SUSPECT = 2


class JobQueue:
    """Used as an asynchronous Ray actor; tests use it without Ray as an ordinary object."""

    def __init__(self, nodes: Callable[[], frozenset[str]] = frozenset) -> None:
        """nodes: the nodes that are alive now."""
        self._nodes = nodes
        self._group: tuple[str, frozenset[str]] = ("", frozenset())
        self._queue: deque[Job] = deque()
        self._outcomes: dict[str, asyncio.Future[Outcome]] = {}
        self._in_progress: dict[int, Job] = {}
        self._calls: dict[int, int] = {}
        self._deaths: dict[str, int] = {}
        self._groups: dict[str, list[Job]] = {}
        self._closed = False
        self._changed = asyncio.Condition()

    async def submit(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Queue the jobs, wait for them, and return their outcomes in order; a failed job is tried again."""
        async with self._changed:
            futures = [self._add(job) for job in jobs]
            self._changed.notify_all()
        return [await asyncio.shield(future) for future in futures]

    async def add_group(self, name: str, jobs: Sequence[Job]) -> None:
        """Keep jobs under a short name, for `submit_group`."""
        self._groups[name] = list(jobs)

    async def submit_group(self, name: str) -> list[Outcome]:
        """As `submit`, for the jobs that were added under a name."""
        return await self.submit(self._groups[name])

    async def close(self) -> None:
        """No more jobs will be submitted: when the queue is empty, the lanes end."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def next(self, lane: int, group: str) -> Job | None:
        """The next job for a lane of a worker group; waits until there is one, and is None when no more will come."""
        async with self._changed:
            call = self._calls[lane] = self._calls.get(lane, 0) + 1
            if group != self._group[0]:
                self._start_group(group)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._is_stale(lane, call, group) or self._next_startable() or self._over())
            job = self._next_startable()
            if self._is_stale(lane, call, group) or job is None:
                return None
            self._queue.remove(job)
            self._in_progress[lane] = job
            return job

    def _is_stale(self, lane: int, call: int, group: str) -> bool:
        """Whether a later call of this lane, or a later group, replaced this call: then its process is dead."""
        return self._calls[lane] != call or self._group[0] != group

    def _start_group(self, group: str) -> None:
        """Queue again what an earlier group had in progress; this counts as a death only if the nodes are the same."""
        nodes = self._nodes()
        died = nodes == self._group[1]
        self._group = (group, nodes)
        for job in reversed(self._in_progress.values()):
            self._requeue(job, died=died)
        self._in_progress.clear()

    async def complete(self, lane: int, outcome: Outcome) -> None:
        """A lane reports the outcome of its job."""
        async with self._changed:
            if lane in self._in_progress and self._in_progress[lane].job_id == outcome.job_id:
                del self._in_progress[lane]
            self._finish(outcome)
            self._changed.notify_all()

    def _over(self) -> bool:
        return self._closed and not self._queue

    def _next_startable(self) -> Job | None:
        """The first job that may start now. A suspect is done alone."""
        if any(self._is_suspect(job) for job in self._in_progress.values()):
            return None
        return next((job for job in self._queue if not self._is_suspect(job) or not self._in_progress), None)

    def _is_suspect(self, job: Job) -> bool:
        return self._deaths.get(job.job_id, 0) >= DEATHS_OF_A_SUSPECT

    def _add(self, job: Job) -> asyncio.Future[Outcome]:
        if job.job_id not in self._outcomes:
            self._outcomes[job.job_id] = asyncio.get_running_loop().create_future()
            self._queue.append(job)
        return self._outcomes[job.job_id]

    def _requeue(self, job: Job, *, died: bool) -> None:
        if died and self._is_suspect(job):
            times = DEATHS_OF_A_SUSPECT + 1
            self._finish(
                Outcome(job_id=job.job_id, reason=f"the process that worked on it died {times} times, the last time alone")
            )
        else:
            self._deaths[job.job_id] = self._deaths.get(job.job_id, 0) + died
            self._queue.appendleft(job)

    def _finish(self, outcome: Outcome) -> None:
        """Give the outcome to all who wait for it. A failure is not kept: a later submit tries again."""
        future = self._outcomes.get(outcome.job_id)
        if future is not None and not future.done():
            future.set_result(outcome)
        if outcome.reason:
            self._outcomes.pop(outcome.job_id, None)
