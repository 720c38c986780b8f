"""How far the jobs of an experiment are, on a terminal, or in a notebook or a log."""

import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mtlens.execution.progress import JobProgress
from mtlens.store.plain_text import printable


@contextmanager
def live_progress() -> Generator[Callable[[Sequence[JobProgress]], None]]:
    """Yields the function that `Monitor` calls: it moves bars on a terminal, and else writes a line per finished run."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _LogLines()
        return
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"), console=console, transient=True,
    )  # fmt: skip
    with bar:
        whole = bar.add_task("starting", total=None, left="")
        bars: dict[str, TaskID] = {}

        def show(progress: Sequence[JobProgress]) -> None:
            done = sum(run.fraction * run.weight for run in progress)
            left = _whole_left(progress)
            bar.update(
                whole, total=sum(run.weight for run in progress), completed=done, description=_whole(progress), left=left
            )
            for run in progress:
                if run.state == "running" and run.job.job_id not in bars:
                    bars[run.job.job_id] = bar.add_task("  " + escape(printable(run.job.label)), total=1.0, left="")
                elif run.job.job_id in bars:
                    running = run.state == "running"
                    bar.update(bars[run.job.job_id], completed=run.fraction, left=_left(run.seconds_left()), visible=running)

        yield show


class _LogLines:
    """One line whenever another run is over."""

    _last = ""

    def __call__(self, progress: Sequence[JobProgress]) -> None:
        line = _whole(progress)
        if line != self._last and any(run.state in ("done", "failed") for run in progress):
            self._last = line
            print(" ".join([line, _whole_left(progress)]).rstrip(), file=sys.stderr, flush=True)


def _whole(progress: Sequence[JobProgress]) -> str:
    """How many runs and how many evidence jobs are over."""
    parts: list[str] = []
    for name, is_evidence in (("runs", False), ("evidence jobs", True)):
        jobs = [job for job in progress if job.is_evidence == is_evidence]
        over = sum(job.state in ("done", "failed") for job in jobs)
        failed = sum(job.state == "failed" for job in jobs)
        if jobs:
            parts.append(f"{over} of {len(jobs)} {name}" + (f", {failed} failed" if failed else ""))
    return ", ".join(parts)


def _whole_left(progress: Sequence[JobProgress]) -> str:
    """Time left over all, at the pace of everything since the first run began."""
    begun = [run.began for run in progress if run.began is not None]
    done = sum((run.fraction - run.began[1]) * run.weight for run in progress if run.began is not None)
    left = sum((1 - run.fraction) * run.weight for run in progress if run.state in ("queued", "running"))
    return _left(left * (time.time() - min(at for at, _ in begun)) / done) if done > 0 else ""


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"
