"""Rows in which the writer remembers what it has read and concluded. Not public."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from mtlens.store.columns import Column
from mtlens.store.tables.experiments import ExperimentId


@dataclass(frozen=True, kw_only=True)
class RunSeenRow:
    """Runs whose folders were read."""

    run_id: Annotated[str, Column("Run")]
    generation: Annotated[int, Column("Damaged copies that had been set aside", type="INTEGER")]
    state: Annotated[str, Column("State of the folder")]


@dataclass(frozen=True, kw_only=True)
class JournalSeenRow:
    """How far the journals of unfinished runs were read."""

    run_id: Annotated[str, Column("Run")]
    journal: Annotated[int, Column("Number of the journal", type="INTEGER")]
    bytes: Annotated[int, Column("Bytes that were read")]


@dataclass(frozen=True, kw_only=True)
class ExperimentSeenRow:
    """Manifests that were read."""

    experiment_id: ExperimentId
    stamp: Annotated[str, Column("Inode, time and size of the manifest: changes when it is replaced")]
    stale: Annotated[bool, Column("Whether its conclusions have to be computed anew")]


@dataclass(frozen=True, kw_only=True)
class ComparisonSeenRow:
    """What the comparisons of an experiment were computed from."""

    experiment_id: ExperimentId
    kind: Annotated[str, Column("Kind of run that is compared with single")]
    pairs: Annotated[str, Column("Hash of the pairs of runs")]


@dataclass(frozen=True, kw_only=True)
class LookAskedRow:
    """Looks that an experiment has asked for, and what each compares."""

    experiment_id: ExperimentId
    look: Annotated[int, Column("Number of the look, from 1", type="INTEGER")]
    kind: Annotated[str, Column("Kind of run that is compared with single")]
    seeds: Annotated[int, Column("Seeds that are compared", type="INTEGER")]
    tasks: Annotated[Sequence[str], Column("Tasks that are compared")]


@dataclass(frozen=True, kw_only=True)
class EvidenceSeenRow:
    """What the summary of an experiment's evidence was computed from."""

    experiment_id: ExperimentId
    evidence_jobs: Annotated[str, Column("Hash of the finished evidence jobs")]


@dataclass(frozen=True, kw_only=True)
class GroupingSeenRow:
    """What the groupings of an experiment were computed from."""

    experiment_id: ExperimentId
    inputs: Annotated[str, Column("Hash of the runs, evidence and settings")]


@dataclass(frozen=True, kw_only=True)
class EvidenceJobSeenRow:
    """Evidence jobs whose folders were read."""

    job_id: Annotated[str, Column("Evidence job")]
    state: Annotated[str, Column("State of the folder")]
    seconds: Annotated[float | None, Column("Time it took")]
    reason: Annotated[str | None, Column("Why it failed or is damaged")]


@dataclass(frozen=True, kw_only=True)
class ExperimentEvidenceJobRow:
    """Which evidence jobs an experiment asks for."""

    experiment_id: ExperimentId
    position: Annotated[int, Column("Place in the manifest, from 0", type="INTEGER")]
    job_id: Annotated[str, Column("Content hash of everything that decides the result; name of its folder")]
    kind: Annotated[
        str,
        Column(
            "states: hidden states of one model; similarity: CKA between models; gradients: of a multi-task model; "
            "cross: of single ones; lookahead: affinities by steps for one task; linearised: by the linearised estimate"
        ),
    ]
    subject: Annotated[str, Column("What it looks at")]


@dataclass(frozen=True, kw_only=True)
class ClaimSeenRow:
    """What the statistics of the claim were computed from; one row."""

    inputs: Annotated[str, Column("Hash of gains, evidence and claims")]
