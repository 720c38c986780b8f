"""What the evidence of a plan costs, in floating-point operations as for training, so that one estimate of time covers both.

N weights multiply each token: 2N in a forward pass and 4N in a backward pass (see `cost`). Comparisons of hidden states cost
products of n examples by n, and a singular value decomposition of d units by d for Procrustes similarity.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mtlens.config.run import Run
from mtlens.data.splits import TEST, TRAIN
from mtlens.evidence.jobs import (
    ArmSimilarity,
    Cross,
    EvidenceJob,
    Gradients,
    Job,
    LookAhead,
    Similarity,
    States,
    Trained,
    plan_evidence,
)
from mtlens.execution.cost import flops_of_runs
from mtlens.execution.encoder_size import encoder_size
from mtlens.execution.plan import Plan

_WAYS = 5  # of comparing the states of each layer
_DECOMPOSED = 20  # operations by d^3 of a singular value decomposition


def expected_evidence(plan: Plan) -> tuple[EvidenceJob, ...]:
    """Evidence jobs to expect once all runs are trained; the first grid point stands for the one that will be chosen."""
    trained = {
        planned.run.run_id: Trained(role=planned.role, run=planned.run) for planned in plan.first if not planned.candidate
    }
    states, others = plan_evidence(plan.experiment, list(trained.values()))
    return (*states, *others)


def job_flops(plan: Plan) -> Callable[[Job], float]:
    """A function that counts the operations of a run or an evidence job of a plan, at most."""
    sizes, of_run = _Sizes.of(plan), flops_of_runs(plan)

    def flops(job: Job) -> float:
        return of_run(job)[0] if isinstance(job, Run) else sizes.flops(job)

    return flops


@dataclass(frozen=True, kw_only=True)
class _Sizes:
    """weights: that multiply each token. test, train: tokens of all texts there. texts: how many these are.

    examples: that states are compared on, at most.
    """

    weights: int
    layers: int
    width: int
    test: float
    train: float
    texts: tuple[int, int]
    examples: int

    @classmethod
    def of(cls, plan: Plan) -> "_Sizes":
        weights, layers, width = encoder_size(plan.pretrained)
        columns = list(range(len(plan.experiment.tasks)))
        sized = plan.tokens.sized
        test, train = (sized.lengths[sized.rows(split, columns)] for split in (TEST, TRAIN))
        return cls(
            weights=weights, layers=layers, width=width, test=float(np.sum(test)), train=float(np.sum(train)),
            texts=(len(test), len(train)), examples=plan.experiment.evidence.examples,
        )  # fmt: skip

    def flops(self, job: EvidenceJob) -> float:
        """Operations of an evidence job."""
        if isinstance(job, States):
            return 2 * self.weights * self._tokens(self.test, self.texts[0], job.examples)
        if isinstance(job, Similarity):
            return self._similarity(len(job.members))
        if isinstance(job, ArmSimilarity):
            return self._products(len(job.members))
        tokens = self.weights * self._tokens(self.train, self.texts[1], job.microbatches * job.microbatch_size)
        if isinstance(job, Cross):
            return 6 * len(job.runs) * tokens
        tasks, epochs = len(job.run.tasks), job.run.training.epochs
        if isinstance(job, Gradients):
            return (2 + 4 * tasks) * (epochs + 2) * tokens
        if isinstance(job, LookAhead):
            return (6 + 2 + 6 * tasks) * epochs * tokens
        return (2 + 4 * tasks) * tokens

    def _tokens(self, total: float, texts: int, wanted: int) -> float:
        return total * min(1.0, wanted / max(texts, 1))

    def _similarity(self, members: int) -> float:
        n, layers, pairs = min(self.examples, self.texts[0]), self.layers + 1, members * (members - 1) / 2
        products = _WAYS * self._products(members) + (members * layers) ** 2 * n**2
        return products + pairs * layers * _DECOMPOSED * self.width**3

    def _products(self, members: int) -> float:
        """CKA of all pairs of models at equal layers."""
        n, layers = min(self.examples, self.texts[0]), self.layers + 1
        return layers * (2 * members * n**2 * self.width + members**2 * n**2)
