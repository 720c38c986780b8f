"""How to read the figures that say something else of other models: which were compared, by which floor, whose gradients."""

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
    "shuffled": "models that learnt permuted labels",
    "untrained": "an untrained encoder",
    "permuted": "the model itself with its texts in another order",
}
_COSINES = {
    "multi": "Debiased cosine between the gradients of two tasks at the weights of the multi-task model",
    "cross": "Debiased cosine between the gradients of two tasks, each at the weights of its own task-specific model",
    "task_vectors": "Cosine between what training has changed in the weights of two task-specific models",
}


def forest(matching: MatchingInfo) -> str:
    """Whose difference to the task-specific models it is."""
    return (
        f"Each row is a difference of {matching.metric} x 100 on the test split, {label_of(matching.kind)} less "
        "task-specific. "
        "Shaded: the margin that was set beforehand. Thick: 90 % interval; thin: 95 %; small dots: single seeds. A match needs "
        "both one-sided tests to reject a difference as large as the margin, after Holm's correction over the tasks."
    )


def case(info: CaseInfo) -> str:
    """By which floor the CKA is judged."""
    return (
        "One row per task. Left: the multi-task model less the task-specific one, in points; a "
        "task matches where its thick 90 % interval lies inside the shaded margin. Middle and right: the task against the "
        "others, layer by layer; thick is the weakest of the pairs that say what is said of the task. CKA near the top of the "
        f"grey band is as similar as the same task under another seed, near its bottom no more than {_floor(info.profiles)}. "
        "Gradient cosines above 0 pull the shared encoder the same way; the dotted line is what noise leaves of a perfect 1. "
        "Green speaks for one model, vermilion against it, grey cannot tell."
    )


def profiles(info: Sequence[ProfileInfo]) -> str:
    """Which models were compared, and with which floor."""
    return (
        f"CKA of equal layers of {_PAIRS[_kind(info)]}, on held-out texts. The band runs from the floor ({_floor(info)}) to "
        "the ceiling (the same task, another seed). Where the band is closed, the layer tells nothing."
    )


def matrices(info: Sequence[LayerMatrixInfo]) -> str:
    """Whose layers lie along which side."""
    return f"Every layer of {_MATRICES[_kind(info)]}, mean over seeds. Where the diagonal stands out, equal layers do the same."


def differences(info: Sequence[LayerMatrixInfo]) -> str:
    """What is taken off."""
    whose = {"tasks": "mean CKA of both models"}.get(_kind(info), "CKA of the task-specific model")
    return (
        f"The same less the {whose} with the pretrained encoder: blue where training made the two models alike beyond what "
        "they share from the start, orange where it drove them apart."
    )


def cosines(info: Sequence[AlignmentInfo]) -> str:
    """At whose weights, and where in the encoder."""
    layers = [one.layer for one in info if one.layer is not None]
    where = f"layer {layers[0]}" if layers and len(layers) == len(info) else "the whole shared encoder"
    return f"{_COSINES[_setting(info)]}, in {where}. A ring marks cells whose 95 % interval holds 0: their sign is open."


def cosines_by_depth(info: Sequence[AlignmentInfo]) -> str:
    """What training has changed is one vector, known without noise: it has no halves."""
    told = f"{_COSINES[_setting(info)]}, by layer, with its 95 % interval over seeds."
    if _setting(info) == "task_vectors":
        return told
    return (
        f"{told} The grey line is the cosine between disjoint halves of the data, and the dotted one what that would be for "
        "equal tasks: low where gradients are mostly noise."
    )


def _kind(info: Sequence[ProfileInfo] | Sequence[LayerMatrixInfo]) -> str:
    return info[0].kind if info else "tasks"


def _setting(info: Sequence[AlignmentInfo]) -> str:
    return info[0].setting if info else "multi"


def _floor(profiles: Iterable[ProfileInfo]) -> str:
    kinds = dict.fromkeys(layer.floor_kind for profile in profiles for layer in profile.layers)
    return " or ".join(_FLOORS[kind] for kind in kinds if kind in _FLOORS) or "models that learnt nothing"
