"""Titles of figures of the evidence, similarity of representations and alignment of gradients: at most 90 characters."""

from collections import Counter
from collections.abc import Sequence

from mtlens.statistics.shown import counted
from mtlens_dashboard.queries import AlignmentInfo, ProfileInfo
from mtlens_dashboard.wording.formatting import fit, listing

_MODELS = {
    "tasks": ("pair", ""),
    "multi": ("task-specific model", " to the multi-task one"),
    "pretrained": ("task-specific model", " to the pretrained one"),
}


def similarity(profiles: Sequence[ProfileInfo]) -> str:
    """How many pairs are similar in all informative layers, how many are undecided, and which pair differs."""
    if not profiles:
        return "No representations have been compared yet"
    noun, whom = _MODELS[profiles[0].kind]
    statements = [{layer.statement for layer in profile.informative} for profile in profiles]
    uninformative, similar = statements.count(set()), statements.count({"similar"})
    if uninformative == len(profiles):
        return f"No layer is informative, in any of {counted(len(profiles), noun)}"
    differ = [profile for profile, of_pair in zip(profiles, statements, strict=True) if "different" in of_pair]
    if len(profiles) == 1:
        name = pair_name(profiles[0])
        told = f"{name} differ in some layer" if differ else f"{name} are similar in every informative layer"
        return fit(told if differ or similar else f"Whether {name} are similar is undecided")
    undecided = len(profiles) - uninformative - similar - len(differ)
    head = f"{similar} of {counted(len(profiles), noun)} are similar{whom}"
    parts = [f"{len(differ)} differ{'s' if len(differ) == 1 else ''}"] if differ else []
    parts += [f"{undecided} undecided"] if undecided else []
    parts += [f"{uninformative} uninformative"] if uninformative else []
    whole = "; ".join([head, *parts])
    if len(differ) == 1:
        return fit("; ".join([head, f"{pair_name(differ[0])} differ", *parts[1:]]), whole)
    return whole if parts else fit(f"{head} in every informative layer", head)


def pair_name(profile: ProfileInfo) -> str:
    """Both models of a profile, in words."""
    second = profile.task_b or {"multi": "the multi-task model", "pretrained": "the pretrained encoder"}.get(profile.kind, "")
    return listing([profile.task_a, second])


def alignment(alignments: Sequence[AlignmentInfo]) -> str:
    """How many pairs of tasks have aligned gradients; gradients of one kind of parameters are known by layer only."""
    if not alignments:
        return "No gradients have been measured yet"
    first = alignments[0]
    stages = {"start": "Before training", "end": "At the end of training", "training": "During training"}
    when = stages.get(first.stage, f"After {first.when}")
    if whole := [alignment for alignment in alignments if alignment.layer is None]:
        return fit(f"{when}, {alignment_counts(whole)}", alignment_counts(whole, named=False))
    pairs = {(alignment.task_a, alignment.task_b) for alignment in alignments}
    others = {(alignment.task_a, alignment.task_b) for alignment in alignments if alignment.statement != "aligned"}
    verb = "is" if len(pairs) == 1 else "are"
    return f"{when}, {len(pairs - others)} of {counted(len(pairs), 'pair')} {verb} aligned in every layer"


def alignment_counts(alignments: Sequence[AlignmentInfo], *, named: bool = True) -> str:
    """How many of these pairs are aligned, opposed, unrelated and undecided. One line per pair, at least one."""
    counts = Counter(alignment.statement for alignment in alignments)
    aligned, unrelated, opposed = counts["aligned"], counts["unrelated"], counts["opposed"]
    if len(alignments) == 1:
        pair = listing([alignments[0].task_a, alignments[0].task_b])
        settled = alignments[0].is_settled
        return f"{pair} are {alignments[0].statement}" if settled else f"whether {pair} are aligned is undecided"
    parts = [f"{aligned} of {counted(len(alignments), 'pair')} are aligned"]
    if opposed:
        names = [listing([pair.task_a, pair.task_b]) for pair in alignments if pair.statement == "opposed"]
        parts.append(f"{names[0]} are opposed" if opposed == 1 and named else f"{opposed} opposed")
    if unrelated:
        parts.append(f"{unrelated} unrelated")
    if undecided := len(alignments) - aligned - unrelated - opposed:
        parts.append(f"{undecided} undecided")
    return "; ".join(parts)


def conflicts(alignments: Sequence[AlignmentInfo]) -> str:
    """How many pairs conflict more often than not, as far as the seeds decide it."""
    often = sum((alignment.conflict_low or 0.0) > 0.5 for alignment in alignments)
    seldom = sum(alignment.conflict_high is not None and alignment.conflict_high < 0.5 for alignment in alignments)
    undecided = len(alignments) - often - seldom
    head = f"{often} of {counted(len(alignments), 'pair')} conflict in most microbatches, {seldom} in fewer than half"
    return f"{head}; {undecided} undecided" if undecided else head
