"""Every error that mtlens raises on purpose, in one tree.

An error is one line: what should be, what was found, and where. The command line prints it and exits with code 2;
a traceback reaches a user only with ``--debug``. Each error carries a single message, so it survives pickling between
Ray workers. `reading` makes one of whatever a library raises while it reads a user's input.
"""

from collections.abc import Generator
from contextlib import contextmanager


class MtlensError(Exception):
    """Root of the tree: catch this to catch everything that mtlens itself reports."""


class ExperimentError(MtlensError):
    """An experiment file that cannot be used; the message names file, line and key."""


class DataError(MtlensError):
    """A table, label or split that cannot be used; the message names file, line and column."""


class EncoderError(MtlensError):
    """An encoder that is absent, unsafe to load, or not the weights that were asked for."""


class TrainingError(MtlensError):
    """A run that cannot go on, such as a loss that became NaN; it ends as failed and harms no other run."""


class EvidenceError(MtlensError):
    """Hidden states or gradients that cannot be compared, such as NaN activations or other examples; says which and where."""


class WorkspaceError(MtlensError):
    """A workspace that is locked, full, read-only, damaged, or newer than this mtlens."""


class QueryError(MtlensError):
    """SQL that cannot be answered."""


class ExecutionError(MtlensError):
    """Ray could not give what was asked: too few resources, no cluster, workers that died."""


class ExportError(MtlensError):
    """Models or results that cannot be written for another program, or that it does not take."""


@contextmanager
def reading(kind: type[MtlensError], should: str) -> Generator[None]:
    """Around code that reads a user's input: what Python or a library raises there is that input's fault, and one line.

    kind: the error to raise. should: the place and what should be there, such as "notes.csv: table should be UTF-8".
    """
    try:
        yield
    except MtlensError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise kind(f"{should}; found: {type(error).__name__}{': ' + reason if reason else ''}") from error
