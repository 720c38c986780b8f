"""From an experiment to its runs. Nothing here imports torch, so a finished experiment is recognised quickly."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mtlens.config.arms import JOINT_ONLY
from mtlens.config.experiment import Experiment
from mtlens.config.hashing import content_hash
from mtlens.config.run import Derivation, Run
from mtlens.config.run_kinds import RunKind, kind_of_group
from mtlens.config.sections import NO_BALANCING
from mtlens.config.task import Task
from mtlens.data.data_remarks import ONE_TASK, rare_classes
from mtlens.data.dataset import load_examples
from mtlens.data.encoders import Pretrained, locate
from mtlens.data.examples import Examples
from mtlens.data.splits import NOWHERE, SPLITS, SplitName
from mtlens.data.token_counts import TokenCounts
from mtlens.data.tokenize import Encoded
from mtlens.errors import ExperimentError
from mtlens.store.workspace.manifest import Manifest, ManifestRun, ManifestTask
from mtlens.tasks import metric_of
from mtlens.tasks.class_weights import of_tasks


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A run and its role. candidate: which point of the grid it tries, 0 without a grid."""

    role: str
    candidate: int
    run: Run

    def listed(self) -> ManifestRun:
        """The run as a manifest lists it."""
        return ManifestRun(run_id=self.run.run_id, role=self.role, candidate=self.candidate)


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """An experiment that is ready to run: its examples, the encoder, and every run."""

    experiment: Experiment
    examples: Examples
    pretrained: Pretrained
    runs: tuple[PlannedRun, ...]

    @cached_property
    def tokens(self) -> TokenCounts:
        """The tokens of the examples, and their numbers for estimates."""
        training = self.experiment.training
        return TokenCounts(
            examples=self.examples,
            directory=self.pretrained.directory,
            max_length=training.max_length,
            long_texts=training.long_texts,
            pretrained=self.pretrained.fingerprint,
        )

    @property
    def encoded(self) -> Encoded:
        """The tokens of the examples: made once, and only if something has to be trained."""
        return self.tokens.encoded

    @cached_property
    def counted_flops(self) -> dict[object, tuple[float, float]]:
        """Operations of kinds of runs as far as they have been counted, by `mtlens.execution.cost`."""
        return {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the examples before they are trained on."""
        alone = (ONE_TASK,) if len(self.experiment.tasks) == 1 else ()
        return (*alone, *self.examples.notes, *rare_classes(self.examples, self.experiment.training.class_weights))

    @property
    def cut_texts(self) -> tuple[str, ...]:
        """A note on texts longer than the encoder reads at once, if there are any, and on how they are read."""
        encoded, long_texts = self.tokens.sized, self.experiment.training.long_texts
        if not encoded.cut:
            return ()
        read = {
            "head": "only their beginning is read",
            "head_and_tail": "only their beginning and end are read",
            "windows": "they are read in windows whose logits are averaged",
        }
        share = encoded.cut / len(encoded.ids)
        about, most = ("", f", up to {encoded.uncut.max():,} tokens") if encoded.counted is None else ("about ", "")
        note = (
            f"texts longer than {encoded.longest:,} tokens: {about}{encoded.cut:,} of {len(encoded.ids):,} ({share:.1%}){most}"
            f"; {read[long_texts]} (training.max_length, training.long_texts)"
        )
        return (note,)

    @property
    def first(self) -> tuple[PlannedRun, ...]:
        """Runs of the first look: all of them where seeds are listed."""
        return tuple(planned for planned in self.runs if planned.run.seed in self.experiment.first_seeds)

    @property
    def distinct_first(self) -> tuple[Run, ...]:
        """Runs of the first look, each once."""
        return tuple({planned.run.run_id: planned.run for planned in self.first}.values())

    @property
    def distinct(self) -> tuple[Run, ...]:
        """All possible runs, each once, in the order in which they are planned."""
        return tuple({planned.run.run_id: planned.run for planned in self.runs}.values())

    def manifest(self) -> Manifest:
        """The experiment's manifest, created now: what the store keeps besides runs."""
        experiment, examples = self.experiment, self.examples
        return Manifest(
            created=datetime.now(UTC),
            format=1,
            experiment_id=experiment.experiment_id,
            name=experiment.name,
            spec=experiment,
            tasks=tuple(
                _listed(task, experiment.margins[task.name], examples.class_counts(index))
                for index, task in enumerate(experiment.tasks)
            ),
            runs=tuple(planned.listed() for planned in self.first),
            notes=tuple(examples.notes),
            examples=content_hash([[*examples.ids], examples.splits.tolist(), examples.groups.tolist(), *self._folds()]),
        )

    def example_table(self) -> Any:
        """Ids, splits, folds and clusters of the examples as an Arrow table; never their text."""
        import pyarrow as pa

        splits = [SPLITS[split] for split in self.examples.splits]
        (folds,) = self._folds() or [[NOWHERE] * len(splits)]
        columns = {
            "example_id": [*self.examples.ids],
            "split": splits,
            "fold": pa.array([None if fold == NOWHERE else fold for fold in folds], pa.int64()),
            "cluster": self.examples.groups,
        }
        return pa.table(columns)

    def _folds(self) -> list[list[int]]:
        """The fold of each example; empty without folds."""
        return [] if self.examples.folds is None else [self.examples.folds.of_example.tolist()]


def _listed(task: Task, margin: float, class_counts: dict[SplitName, dict[str, int]]) -> ManifestTask:
    return ManifestTask(
        name=task.name,
        column=task.column,
        classes=task.classes,
        weight=task.weight,
        kind=task.kind,
        metric=metric_of(task),
        margin=margin,
        class_counts=class_counts,
    )


def make_plan(experiment: Experiment, folders: list[Path]) -> Plan:
    """Read the data, find the encoder and unfold the runs; raises DataError, EncoderError or ExperimentError."""
    _require_arms(experiment)
    pretrained = locate(experiment.encoder.name)
    examples = load_examples(experiment, folders)
    return Plan(
        experiment=experiment,
        examples=examples,
        pretrained=pretrained,
        runs=unfold(experiment, examples, pretrained),
    )


def _require_arms(experiment: Experiment) -> None:
    """Raise ExperimentError where arms need packages that are not installed: before anything is trained."""
    balanced = [kind.arm for kind in experiment.kinds if kind.balancing != NO_BALANCING]
    if balanced and (missing := [name for name in ("torchjd", "quadprog", "cvxpy") if find_spec(name) is None]):
        raise ExperimentError(
            f"arm {balanced[0]} should have TorchJD installed (pip install 'mtlens[arms]'); found no package {missing[0]}"
        )


def waves(runs: Sequence[Run]) -> Iterator[Sequence[Run]]:
    """The runs that are trained, then the runs derived from them; empty waves are left out."""
    trained = [run for run in runs if run.derivation is None]
    yield from filter(None, [trained, [run for run in runs if run.derivation is not None]])


def unfold(experiment: Experiment, examples: Examples, pretrained: Pretrained) -> tuple[PlannedRun, ...]:
    """Every run of an experiment, seed by seed, so that first verdicts come early; single and multi get the same grid."""
    planned: list[PlannedRun] = []
    for seed, (kind, tasks) in itertools.product(experiment.all_seeds, _task_sets(experiment)):
        planned += _planned(experiment, examples, pretrained, kind, tasks, seed)
    return tuple(planned)


def unfold_group(plan: Plan, tasks: Sequence[int]) -> tuple[PlannedRun, ...]:
    """Runs of one group of tasks, by their places in the experiment: each seed and grid point.

    For one task, or for all, they are the runs of the comparison of single and multi.
    """
    experiment = plan.experiment
    members = [experiment.tasks_to_train[task] for task in tasks]
    kind = kind_of_group(len(members), len(experiment.tasks))
    (together,) = kind.task_sets(members)
    return tuple(
        run
        for seed in experiment.all_seeds
        for run in _planned(experiment, plan.examples, plan.pretrained, kind, together, seed)
    )


def _planned(
    experiment: Experiment, examples: Examples, pretrained: Pretrained, kind: RunKind, tasks: tuple[Task, ...], seed: int
) -> Iterator[PlannedRun]:
    """One kind of run of one set of tasks under one seed, at each point of the grid.

    What is made of other models is made of those of the same seed and grid point.
    """
    sources: list[list[PlannedRun]] = []
    if kind.made_of is not None:
        sets = kind.made_of.task_sets(tasks)
        sources = [list(_planned(experiment, examples, pretrained, kind.made_of, own, seed)) for own in sets]
    place = {task.name: index for index, task in enumerate(experiment.tasks)}
    for candidate, training in enumerate(experiment.candidates(kind.method)):
        run = Run(
            tasks=tasks,
            method=kind.method,
            seed=seed,
            encoder=experiment.encoder.model_copy(update={"name": pretrained.name}),
            pretrained=pretrained.fingerprint,
            training=of_tasks(training, tasks),
            data=examples.fingerprint,
            fold=experiment.fold(seed),
            labels=tuple(examples.label_fingerprints[place[task.name]] for task in tasks),
            balancing=kind.balancing,
            derivation=_derivation(experiment, kind, [of_set[candidate].run for of_set in sources]),
            keep_epochs=kind.keep_epochs,
            measure_conflicts=kind.arm is not None and experiment.multi != JOINT_ONLY,
        )
        yield PlannedRun(role=kind.name, candidate=candidate, run=run)


def _derivation(experiment: Experiment, kind: RunKind, sources: Sequence[Run]) -> Derivation | None:
    """How a run of this kind is made of others; None where it is trained."""
    if not kind.derivation:
        return None
    run_ids = tuple(run.run_id for run in sources)
    return Derivation(method=kind.derivation, sources=run_ids, refit_heads=experiment.merging.refit_heads)


def _task_sets(experiment: Experiment) -> list[tuple[RunKind, tuple[Task, ...]]]:
    """Which sets of tasks are trained as which kind of run.

    Large sets train longest and come first; what is made of other models comes last.
    """
    sets = [(kind, tasks) for kind in experiment.kinds for tasks in kind.task_sets(experiment.tasks_to_train)]
    return sorted(sets, key=lambda planned: (bool(planned[0].derivation), -len(planned[1])))
