"""What a plan will cost: floating-point operations by counting, and time at the rate measured in training on this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtlens.config.run import Run
from mtlens.data.splits import SCORED
from mtlens.data.tokenize import Encoded
from mtlens.execution.encoder_size import encoder_size
from mtlens.execution.flops import update_flops
from mtlens.execution.plan import Plan
from mtlens.execution.training_rate import training_rate
from mtlens.training.batches import epoch_batches

MOST_COEFFICIENTS = 10  # that a merged encoder is tried with on validation


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of some runs: at most, if each trains to its last epoch, and at least, if patience ends each as early as possible.

    flops: multiply-adds counted twice. seconds: with all lanes busy. rate: FLOP/s of a lane that trains.
    """

    flops: float
    seconds: float
    least_seconds: float
    rate: float

    def of(self, flops: float, runs: int, lanes: int) -> float:
        """Seconds that other runs take at the same rate."""
        return flops / (self.rate * max(1, min(lanes, runs)))


def estimate(plan: Plan, runs: Sequence[Run], *, lanes: int, threads: int, gpu: bool) -> Cost:
    """FLOPs of some of a plan's runs by counting padded tokens, and the time they take at the rate measured here and now.

    A token costs 2N in a forward pass through N multiplied weights, three times that with the backward pass (Kaplan et
    al. 2020, arXiv 2001.08361, section 2.1), and 4 L d per layer for attention over L tokens of d units.
    gpu: train on a GPU, where this machine has one.
    """
    trained = next(run for run in plan.distinct_first if run.derivation is None)
    rate = training_rate(plan, trained, threads=threads, gpu=gpu)
    most, least = count_flops(plan, runs)
    speed = rate * max(1, min(lanes, len(runs)))
    return Cost(flops=most, seconds=most / speed, least_seconds=least / speed, rate=rate)


def count_flops(plan: Plan, runs: Sequence[Run]) -> tuple[float, float]:
    """FLOPs of some of a plan's runs, at most and at least: each may end before its last epoch."""
    of_run = flops_of_runs(plan)
    both = [of_run(run) for run in runs]
    return sum(most for most, _ in both), sum(least for _, least in both)


def flops_of_runs(plan: Plan) -> Callable[[Run], tuple[float, float]]:
    """A function that counts the FLOPs of a run of the plan, at most and at least.

    Runs that differ only in the seed differ only in the order of their texts; they are counted once.
    """
    weights, layers, width = encoder_size(plan.pretrained)
    counted = plan.counted_flops

    def flops(run: Run) -> tuple[float, float]:
        derived = run.derivation and run.derivation.method
        alike = (tuple(task.name for task in run.tasks), run.method, run.balancing, derived, run.training, run.fold)
        if alike not in counted:
            epoch, end = run_flops(plan, run, weights, 4 * layers * width)
            counted[alike] = (run.training.epochs * epoch + end, run.training.least_epochs * epoch + end)
        return counted[alike]

    return flops


def epoch_flops(encoded: Encoded, run: Run, weights: int, attention: int) -> float:
    """Operations of one training epoch of a run."""
    schedule = epoch_batches(encoded, run.training, seed=run.seed, epoch=0)
    return sum(update_flops(encoded, batch, run, weights, attention) for batch in schedule)


def run_flops(plan: Plan, run: Run, weights: int, attention: int) -> tuple[float, float]:
    """An epoch with its validation, and a last look at validation and test.

    A model that is made of others has no epochs, and looks at validation with several coefficients.
    """
    encoded = plan.tokens.sized.select(run.tasks, run.fold)
    columns = list(range(len(run.tasks)))
    validation, test = (float((encoded.lengths[encoded.rows(split, columns)] * 2.0 * weights).sum()) for split in SCORED)
    if run.derivation is not None:
        return 0.0, MOST_COEFFICIENTS * validation + test
    return epoch_flops(encoded, run, weights, attention) + validation, validation + test
