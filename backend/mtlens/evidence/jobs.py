"""Evidence jobs: which computations an experiment asks for once its models are trained, each with a content hash.

    States         hidden states of one model on held-out texts; one forward pass
    Similarity     CKA between all models of an experiment, from their states
    ArmSimilarity  CKA of the other ways to make one model with the task-specific models, from their states
    Gradients      how the tasks' gradients relate in one multi-task model: at the start, at each epoch, at the end
    Cross          the same across the task-specific models of one seed, and how their weights moved
    LookAhead      what a step for one task does for the others in one multi-task model; where groupings are searched
    Linearisation  what training on some tasks would do for the others, to first order around that model; where they are

Like a `Run`, an evidence job contains everything that determines its result, so its hash names the result and equal jobs are
shared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Literal, TypeVar

from pydantic import NonNegativeInt, PositiveInt

from mtlens.config.experiment import Experiment
from mtlens.config.hashing import content_hash
from mtlens.config.run import Run
from mtlens.config.run_kinds import MULTI, RUN_KINDS, SINGLE, Role
from mtlens.config.sections import Name, Spec

CODE_VERSION = 2  # of the evidence code; a change that alters results counts it up

Kind = TypeVar("Kind", bound=str)
PRETRAINED, UNTRAINED = "pretrained", "untrained"
MemberRole = Role | Literal["pretrained", "untrained"]


class Member(Spec):
    """A model in a comparison. task: for models of one task. seed: of its training, or of its random weights."""

    role: MemberRole
    task: Name | None = None
    seed: NonNegativeInt | None = None

    @property
    def label(self) -> str:
        """Short human name."""
        return " ".join(part for part in (self.task, self.role, None if self.seed is None else f"s{self.seed}") if part)


class States(Spec):
    """Hidden states of all layers on at most `examples` test texts, averaged over tokens and of the first token.

    run: the run with the weights; for a pretrained or untrained encoder, any run on it.
    """

    kind: Literal["states"] = "states"
    member: Member
    run: Run
    examples: PositiveInt

    @cached_property
    def job_id(self) -> str:
        """Hash of the weights and texts."""
        run, training = self.run, self.run.training
        untouched = [run.pretrained, run.data, training.max_length, training.precision, self.member.role, self.member.seed]
        trained = self.member.role in RUN_KINDS
        return content_hash([CODE_VERSION, self.kind, run.run_id if trained else untouched, self.examples])

    @property
    def label(self) -> str:
        """Short human name."""
        return f"states of {self.member.label}"


class _Compared(Spec, Generic[Kind]):
    """CKA between members. states: the `States` job of each. pooling: that of the heads, used in most comparisons."""

    kind: Kind
    members: tuple[Member, ...]
    states: tuple[str, ...]
    pooling: Literal["mean", "cls"]

    @cached_property
    def job_id(self) -> str:
        """Hash of what is compared."""
        return content_hash([CODE_VERSION, self.model_dump()])


class Similarity(_Compared[Literal["similarity"]]):
    """CKA between all models but arms."""

    kind: Literal["similarity"] = "similarity"

    @property
    def label(self) -> str:
        """Short human name."""
        return f"similarity of {len(self.members)} models"


class ArmSimilarity(_Compared[Literal["arm_similarity"]]):
    """CKA of arms with task-specific models, which are both among the members."""

    kind: Literal["arm_similarity"] = "arm_similarity"

    @property
    def label(self) -> str:
        """Short human name."""
        return f"similarity of {len({member.role for member in self.members} - {SINGLE.name})} arms"


class _OfOneRun(Spec, Generic[Kind]):
    """What is computed in one multi-task run on `microbatches` batches of `microbatch_size` training texts."""

    kind: Kind
    run: Run
    microbatches: PositiveInt
    microbatch_size: PositiveInt

    @cached_property
    def job_id(self) -> str:
        """Hash of the run and of the settings of its microbatches."""
        return content_hash([CODE_VERSION, self.kind, self.run.run_id, self.microbatches, self.microbatch_size])


class Gradients(_OfOneRun[Literal["gradients"]]):
    """Gradients of all tasks."""

    kind: Literal["gradients"] = "gradients"

    @property
    def label(self) -> str:
        """Short human name."""
        return f"gradients of {self.run.label}"


class LookAhead(_OfOneRun[Literal["lookahead"]]):
    """Affinities of all tasks by steps for one task."""

    kind: Literal["lookahead"] = "lookahead"

    @property
    def label(self) -> str:
        """Short human name."""
        return f"look-ahead in {self.run.label}"


class Linearisation(_OfOneRun[Literal["linearised"]]):
    """Affinities of all tasks by the linearised estimate."""

    kind: Literal["linearised"] = "linearised"

    @property
    def label(self) -> str:
        """Short human name."""
        return f"linearised estimate around {self.run.label}"


class Cross(Spec):
    """Gradients and weight changes across task-specific runs of one seed, on the same microbatches."""

    kind: Literal["cross"] = "cross"
    runs: tuple[Run, ...]
    microbatches: PositiveInt
    microbatch_size: PositiveInt

    @cached_property
    def job_id(self) -> str:
        """Hash of the runs and of the settings of their microbatches."""
        return content_hash(
            [CODE_VERSION, self.kind, [run.run_id for run in self.runs], self.microbatches, self.microbatch_size]
        )

    @property
    def label(self) -> str:
        """Short human name."""
        return f"gradients across {len(self.runs)} task-specific models s{self.runs[0].seed}"


EvidenceJob = States | Similarity | ArmSimilarity | Gradients | Cross | LookAhead | Linearisation
Job = Run | EvidenceJob


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A finished run that takes part in comparisons, and its role."""

    role: str
    run: Run


def plan_evidence(
    experiment: Experiment, trained: Sequence[Trained]
) -> tuple[tuple[EvidenceJob, ...], tuple[EvidenceJob, ...]]:
    """Evidence jobs in two stages: states, then all jobs that may need them. Only kinds with `cka` and arms take part.

    The longest jobs come first, so that none of them runs alone at the end.
    """
    chosen = [model for model in trained if RUN_KINDS[model.role].cka]
    if not chosen:
        return (), ()
    settings = experiment.evidence
    states = tuple(States(member=member, run=run, examples=settings.examples) for member, run in _members(experiment, chosen))
    count, size = settings.microbatches, settings.microbatch_size
    together = [model.run for model in chosen if model.role == MULTI.name]
    gradients = tuple(Gradients(run=run, microbatches=count, microbatch_size=size) for run in together)
    searched = together if experiment.search else []
    ahead = tuple(LookAhead(run=run, microbatches=count, microbatch_size=size) for run in searched)
    linearised = tuple(Linearisation(run=run, microbatches=count, microbatch_size=size) for run in searched)
    cross = tuple(
        Cross(runs=runs, microbatches=count, microbatch_size=size)
        for seed in _seeds(experiment, chosen)
        if len(runs := tuple(model.run for model in chosen if model.role == SINGLE.name and model.run.seed == seed)) > 1
    )
    similarity = Similarity(
        members=tuple(state.member for state in states),
        states=tuple(state.job_id for state in states),
        pooling=experiment.encoder.stored_pooling,
    )
    arm_states, arm_similarity = _of_arms(experiment, trained, states)
    return (*states, *arm_states), (*ahead, *gradients, *cross, *linearised, similarity, *arm_similarity)


def _of_arms(
    experiment: Experiment, trained: Sequence[Trained], states: Sequence[States]
) -> tuple[tuple[States, ...], tuple[ArmSimilarity, ...]]:
    """States of the arms that are no member of the comparison of all models, and their comparison with task-specific models."""
    arms = [model for model in trained if RUN_KINDS[model.role].arm is not None and not RUN_KINDS[model.role].cka]
    if not arms:
        return (), ()
    examples = experiment.evidence.examples
    own = tuple(States(member=Member(role=arm.role, seed=arm.run.seed), run=arm.run, examples=examples) for arm in arms)
    compared = [*(state for state in states if state.member.role == SINGLE.name), *own]
    similarity = ArmSimilarity(
        members=tuple(state.member for state in compared),
        states=tuple(state.job_id for state in compared),
        pooling=experiment.encoder.stored_pooling,
    )
    return own, (similarity,)


def _members(experiment: Experiment, chosen: Sequence[Trained]) -> list[tuple[Member, Run]]:
    """The trained models, the encoder that they started from, and encoders of random weights, one per seed."""
    members: list[tuple[Member, Run]] = []
    for model in chosen:
        task = model.run.tasks[0].name if len(model.run.tasks) == 1 else None
        members.append((Member(role=model.role, task=task, seed=model.run.seed), model.run))
    any_run = chosen[0].run
    untrained = [(Member(role=UNTRAINED, seed=seed), any_run) for seed in _seeds(experiment, chosen)]
    return [*members, (Member(role=PRETRAINED), any_run), *untrained]


def _seeds(experiment: Experiment, chosen: Sequence[Trained]) -> tuple[int, ...]:
    """The seeds of the experiment; where it adds seeds until verdicts are settled, those that were trained."""
    if len(experiment.looks) == 1:
        return experiment.all_seeds
    return tuple(sorted({trained.run.seed for trained in chosen}))
