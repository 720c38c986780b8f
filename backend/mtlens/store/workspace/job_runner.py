"""How jobs of every kind are done: claimed by one process, logged in a journal, ended with DONE or FAILED.

    with claimed(folder):
        if folder.state != "done":
            error = attempt(folder, start, work)

Training and evidence give `start`, which begins the folder and returns its journal, and `work`, which computes, writes the
results and marks the folder as done. A failure is recorded in the folder and returned; it does not affect other jobs.
"""

import time
import traceback
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager

from mtlens.config.run import Outcome
from mtlens.errors import MtlensError
from mtlens.store.workspace.job_folder import JobClaimed, JobFolder
from mtlens.store.workspace.journal import Journal

SECONDS_BETWEEN_CLAIMS = 0.5


@contextmanager
def claimed(folder: JobFolder) -> Generator[None]:
    """Hold a job for this process; a job that another process works on is waited for."""
    with ExitStack() as claim:
        while True:
            try:
                claim.enter_context(folder.claim())
                break
            except JobClaimed:
                time.sleep(SECONDS_BETWEEN_CLAIMS)
        yield


def attempt(folder: JobFolder, start: Callable[[], Journal], work: Callable[[Journal], None]) -> Exception | None:
    """Do a claimed job; returns the exception that it raised, which is then in the journal and FAILED, or None."""
    try:
        journal = start()
        try:
            work(journal)
        except Exception as error:
            journal.write("failed", reason=reason_of(error), traceback=traceback.format_exc())
            folder.fail(reason_of(error))
            return error
        finally:
            journal.close()
    except Exception as error:  # the folder could not be written: there is nowhere to record it
        return error
    return None


def outcome_of(job_id: str, error: Exception | None) -> Outcome:
    """How a job ended: done where there is no error."""
    return Outcome(job_id=job_id, reason="" if error is None else reason_of(error))


def reason_of(error: Exception) -> str:
    """One line; an error that is not of mtlens is named by its type."""
    text = str(error) if isinstance(error, MtlensError) else f"{type(error).__name__}: {error}"
    return text.split("\n")[0]
