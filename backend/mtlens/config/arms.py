"""Arms: the ways to make one model of all tasks that `multi:` names in an experiment file, each a kind of run.

    multi: [joint, uncertainty, scaled, dwa, upgrad, pcgrad, cagrad, aligned_mtl, average, task_arithmetic, ties,
    dare, sequential, lora]

`joint` is the multi-task model of `mtlens.config.run_kinds`. Every arm has the data, seeds, updates and grid of the
others and is compared with the task-specific models by the same tests.

To add an arm, register a kind with an `arm`; one that balances tasks in a new way also needs an entry in
`mtlens.training.balancing`.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from mtlens.config.run_kinds import MULTI, RUN_KINDS, SINGLE, RunKind, all_together, register

JOINT_ONLY = ("joint",)
HEADS = "heads"  # a derivation: the weights of one model as they are, and new heads


def _arm(name: str, label: str, description: str, *, after: RunKind, **how: Any) -> RunKind:
    """Register an arm. how: fields of `RunKind` that say how its model is made."""
    kind = RunKind(name=name, label=label, description=description, task_sets=all_together, arm=name, keep_epochs=False, **how)
    return register(kind, after=after)


def _balanced(name: str, label: str, description: str, *, after: RunKind) -> RunKind:
    """An arm that is trained as the multi-task model is, but for how losses or gradients become one update."""
    title = f"One model of all tasks ({label}) against the task-specific models"
    return _arm(name, label, description, after=after, balancing=name, title=title, colour="purple")


def _merged(name: str, label: str, description: str, *, after: RunKind) -> RunKind:
    """An arm whose encoder is made of those of the task-specific models of one seed and grid point.

    Each task keeps its head.
    """
    title = f"One merged model ({label}) against the task-specific models"
    return _arm(name, label, description, after=after, derivation=name, made_of=SINGLE, title=title, colour="amber")


UNCERTAINTY = _balanced(
    "uncertainty",
    "uncertainty weights",
    "all tasks in one model, losses weighted by learned uncertainties (Kendall et al. 2018)",
    after=MULTI,
)
SCALED = _balanced(
    "scaled",
    "scaled losses",
    "all tasks in one model, each loss scaled by its own value: their geometric mean (Chennupati et al. 2019)",
    after=UNCERTAINTY,
)
DWA = _balanced(
    "dwa",
    "dynamic weight average",
    "all tasks in one model, losses weighted by how slowly they fall (Liu et al. 2019)",
    after=SCALED,
)
UPGRAD = _balanced(
    "upgrad",
    "UPGrad",
    "all tasks in one model, gradients projected so that no task is harmed (Quinton and Rey 2024)",
    after=DWA,
)
PCGRAD = _balanced(
    "pcgrad",
    "PCGrad",
    "all tasks in one model, each gradient projected off those that it conflicts with (Yu et al. 2020)",
    after=UPGRAD,
)
CAGRAD = _balanced(
    "cagrad",
    "CAGrad",
    "all tasks in one model, the update that helps the worst task near the mean gradient (Liu et al. 2021)",
    after=PCGRAD,
)
ALIGNED_MTL = _balanced(
    "aligned_mtl",
    "Aligned-MTL",
    "all tasks in one model, gradients made orthogonal and equally long (Senushkin et al. 2023)",
    after=CAGRAD,
)
AVERAGE = _merged(
    "average",
    "mean of encoders",
    "the mean of the task-specific encoders (Wortsman et al. 2022), nothing trained",
    after=ALIGNED_MTL,
)
TASK_ARITHMETIC = _merged(
    "task_arithmetic",
    "task arithmetic",
    "pretrained encoder plus the scaled sum of the task vectors (Ilharco et al. 2023), nothing trained",
    after=AVERAGE,
)
TIES = _merged(
    "ties",
    "TIES",
    "pretrained encoder plus the scaled mean of trimmed changes of the elected sign (Yadav et al. 2023), nothing trained",
    after=TASK_ARITHMETIC,
)
DARE = _merged(
    "dare",
    "DARE",
    "as task arithmetic, after half of each task vector was dropped (Yu et al. 2024), nothing trained",
    after=TIES,
)

SEQUENTIAL = _arm(
    "sequential",
    "joint, then heads",
    "the multi-task model with its encoder frozen and each head fitted anew",
    after=DARE,
    derivation=HEADS,
    made_of=MULTI,
    title="One multi-task model with heads fitted at the end against the task-specific models",
    colour="purple",
)
SHARED_LORA = register(
    RunKind(
        name="shared_lora",
        label="shared LoRA adapter",
        description="all tasks in one model, of which one low-rank adapter (LoRA) and the heads are trained",
        task_sets=all_together,
        arm="lora",
        method="lora",
        title="One model of all tasks with a shared adapter (LoRA) against the task-specific models",
        colour="purple",
        keep_epochs=False,
    ),
    after=SEQUENTIAL,
)

AGGREGATIONS = frozenset(kind.balancing for kind in (UPGRAD, PCGRAD, CAGRAD, ALIGNED_MTL))
"""Ways of balancing that take a backward pass per task."""


def arms() -> list[str]:
    """Words that may stand under `multi:`, in the order of the registry."""
    return [kind.arm for kind in RUN_KINDS.values() if kind.arm is not None]


def _is_arm(word: str) -> str:
    if word not in arms():
        raise ValueError(f"arms should be of {', '.join(arms())}; found {word!r}")
    return word


def _list_arms(schema: dict[str, Any]) -> None:
    schema["enum"] = arms()


Arm = Annotated[str, AfterValidator(_is_arm), Field(json_schema_extra=_list_arms)]
"""A word under `multi:` that a registered kind answers to."""
