"""Captions that depend on the data: which models are compared, with which floor, whose gradients."""

from collections.abc import Iterable, Sequence

from mtlens.config.run_kinds import label_of
from mtlens_dashboard.queries import AlignmentInfo, CaseInfo, LayerMatrixInfo, MatchingInfo, ProfileInfo

_PAIRS = {
    "tasks": "two task-specific models, over pairs of different seeds",
    "multi": "a task-specific and the multi-task model, over pairs of different seeds",
    "pretrained": "a task-specific model and the pretrained encoder, mean over seeds",
}
_MATRICES = {
    "tasks": "one model (upwards) against every layer of another (to the right), models of one seed",
    "multi": "a task-specific model (upwards) against every layer of the multi-task model (to the right), models of one seed",
    "pretrained": "a task-specific model (upwards) against every layer of the pretrained encoder (to the right)",
}
_FLOORS = {
    "shuffled": "models trained on permuted labels",
    "untrained": "an untrained encoder",
    "permuted": "the model itself with its texts in another order",
}
_COSINES = {
    "multi": "Debiased cosine between the gradients of two tasks at the weights of the multi-task model",
    "cross": "Debiased cosine between the gradients of two tasks, each at the weights of its own task-specific model",
    "task_vectors": "Cosine between what training has changed in the weights of two task-specific models",
}


SCORES = (
    "Of a score more is better: an error counts with a minus sign. Where tasks differ in metric or margin, a score is in "
    "margins, so that 100 is one margin."
)
"""How scores of different metrics are brought together."""

PICKED_EVIDENCE = "The evidence of the first preregistered claim; without one, the CKA effect, least over layers."
_ALL = "Over the latest experiments of the workspace, a point per task and group of tasks that was trained."
CLAIM_COUNTS = (
    f"{_ALL} Evidence is for one model where its 95 % interval lies above the threshold, against where it lies below: that of "
    "CKA and gradients as in the experiment, 0 for predicted gains, the median for others. Expected: the count if evidence and "
    "outcome were independent, from the sums of the four corners. Points that share a task are not independent."
)
CLAIM_GAINS = (
    f"{_ALL} Gain: test score of the group's model minus that of the task's own model; in margins where metrics or margins "
    "differ. Whiskers are 95 % intervals. The line has the slope that is corrected for noise in the evidence and passes "
    "through the mean of the points; the shaded area spans the 95 % interval of the slope, by a jackknife over tasks."
)
CLAIM_PREDICTORS = (
    f"{_ALL} Spearman's rank correlation of gain and evidence as measured, with its 95 % interval by a jackknife over "
    "tasks. The ceiling is the highest that the noise in the gains allows. Hollow: baselines, which look at no "
    "similarity and no gradients; evidence that predicts should exceed them. Grey: the interval holds 0. Area "
    "under ROC: how well the evidence tells gains that match or are better from those that are worse; 0.5 is chance."
)
CLAIM_DOSE = (
    "Synthetic reports whose tasks are related to a set degree, 0 to 1. A point per task and group, side by side in the order "
    "of their values, with 95 % intervals; the line joins their means. If the claim is true, gain and evidence rise together."
)


def forest(matching: MatchingInfo) -> str:
    """Which models are compared with the task-specific ones."""
    where, dots = ("on the test split", "single seeds")
    if matching.folds is not None:
        where = f"of the pooled predictions of {matching.folds} folds, each by the models that left it out"
        dots = "single seeds, each on the fold that it left out"
    return (
        f"Each row is a difference of {matching.unit.name} {where}, {label_of(matching.kind)} minus "
        "task-specific. "
        f"Shaded: the margin, set beforehand. Thick: 90 % interval; thin: 95 %; small dots: {dots}. A match needs "
        "both one-sided tests to reject a difference as large as the margin, after Holm's correction over the tasks. "
        "Crosses: tasks that neither kind of models learnt; the mean is without them."
    )


def case(info: CaseInfo) -> str:
    """By which floor the CKA is judged."""
    return (
        "One row per pair of tasks, or per task where pairs are many (it then has its weakest pair); what contradicts the "
        "measured outcome comes first. Left: the multi-task model minus the task-specific one, in "
        f"{info.matching.unit.name}, the first task of the pair above the second; a task matches where its thick "
        "90 % interval lies inside the shaded margin. Middle: a box "
        "per layer, filled from the floor "
        f"({_floor(info.profiles)}) up to the ceiling (the same task, another seed), if the statement on the layer is settled. "
        "Right: debiased cosine of the gradients over training with its 95 % interval; where too few seeds have one, how many "
        "do. Green supports one model, vermilion contradicts it, grey and hollow is undecided. A click on a row opens it."
    )


def profiles(info: Sequence[ProfileInfo]) -> str:
    """Which models were compared, and with which floor."""
    return (
        f"CKA of equal layers of {_PAIRS[_kind(info)]}, on held-out texts. The band runs from the floor ({_floor(info)}) to "
        "the ceiling (the same task, another seed). Where the band has no height, the layer is uninformative."
    )


def matrices(info: Sequence[LayerMatrixInfo]) -> str:
    """Which model lies along which axis."""
    return f"Every layer of {_MATRICES[_kind(info)]}, mean over seeds. A visible diagonal means that equal layers are similar."


def differences(info: Sequence[LayerMatrixInfo]) -> str:
    """What is subtracted."""
    whose = {"tasks": "mean CKA of both models"}.get(_kind(info), "CKA of the task-specific model")
    return (
        f"The same minus the {whose} with the pretrained encoder: blue where the two models are more "
        "similar than their common start explains, orange where they are less similar."
    )


def cosines(info: Sequence[AlignmentInfo]) -> str:
    """At whose weights, and where in the encoder."""
    layers = [alignment.layer for alignment in info if alignment.layer is not None]
    where = f"layer {layers[0]}" if layers and len(layers) == len(info) else "the whole shared encoder"
    return f"{_COSINES[_setting(info)]}, in {where}. Pale: the seeds leave it undecided."


def cosines_by_depth(info: Sequence[AlignmentInfo]) -> str:
    """Captions by layer; task vectors have no split halves, as they have no sampling noise."""
    caption = f"{_COSINES[_setting(info)]}, by layer, with its 95 % interval over seeds."
    if _setting(info) == "task_vectors":
        return caption
    return (
        f"{caption} The grey line is the cosine between disjoint halves of the data, and the dotted line its value for equal "
        "tasks: low where gradients are mostly noise."
    )


def _kind(info: Sequence[ProfileInfo] | Sequence[LayerMatrixInfo]) -> str:
    return info[0].kind if info else "tasks"


def _setting(info: Sequence[AlignmentInfo]) -> str:
    return info[0].setting if info else "multi"


def _floor(profiles: Iterable[ProfileInfo]) -> str:
    kinds = dict.fromkeys(layer.floor_kind for profile in profiles for layer in profile.layers)
    return " or ".join(_FLOORS[kind] for kind in kinds if kind in _FLOORS) or "control models"
