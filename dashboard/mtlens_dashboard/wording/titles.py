"""What the data says, in a sentence: titles of pages and figures. Plain text; whoever shows it escapes it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from mtlens.config.run_kinds import label_of
from mtlens_dashboard.queries import (
    AlignmentInfo,
    CurveInfo,
    ExplanationInfo,
    GroupingInfo,
    MatchingInfo,
    ProfileInfo,
    RecommendationInfo,
    RunInfo,
    seconds_left,
)
from mtlens_dashboard.wording.formatting import counted, duration, in_words, interval, listing, margin, plain, signed_points

NO_VERDICT = "No verdict yet: no task has both a task-specific and a multi-task model"
_NOT_MEASURED = "not measured"
_HEADS = {
    "matches": "One model matches {n}",
    "better": "One model beats {n}",
    "worse": "One model does not match {n}",
    "inconclusive": "Whether one model matches {n} is open",
}
_REPRESENTATIONS = {
    "similar": "representations are similar",
    "different": "representations differ",
    "inconclusive": "representations cannot tell",
    _NOT_MEASURED: "representations were not compared",
}
_GRADIENTS = {
    "aligned": "gradients point the same way",
    "opposed": "gradients point apart",
    "unrelated": "gradients are unrelated",
    "inconclusive": "gradients cannot tell",
    _NOT_MEASURED: "gradients were not measured",
}
_AGREEMENTS = {
    "agrees": "The evidence agrees",
    "disagrees": "The evidence disagrees",
    "inconclusive": "The evidence is inconclusive",
}


def answer(matching: MatchingInfo, explanations: Sequence[ExplanationInfo] = ()) -> str:
    """Does one model match N, and does the evidence say so too? The title of the first page."""
    if not matching.tasks:
        return NO_VERDICT
    told = _verdict(matching)
    said = evidence(explanations)
    return f"{told}. {said}" if said else told


def evidence(explanations: Sequence[ExplanationInfo]) -> str:
    """What the evidence says of all tasks together; nothing where none was measured."""
    group = next((one for one in explanations if one.scope == "group"), None)
    if group is None or group.agreement not in _AGREEMENTS:
        return ""
    said = [_REPRESENTATIONS.get(group.cka, group.cka), _GRADIENTS.get(group.gradients, group.gradients)]
    return f"{_AGREEMENTS[group.agreement]}: {' and '.join(said)}"


def _verdict(matching: MatchingInfo) -> str:
    named = {
        verdict: [match.task or "" for match in matching.tasks if match.verdict == verdict]
        for verdict in ("matches", "better", "worse", "inconclusive")
    }
    total = len(matching.tasks)
    whole = matching.pooled.verdict if matching.pooled else "inconclusive"
    head = _HEADS[whole].format(n=in_words(total))
    if not _holds_of_tasks(whole, [match.verdict for match in matching.tasks]):
        head += " on average"
    how_many = (
        f"all {total} tasks" if len(named["matches"]) == total else f"{len(named['matches'])} of {counted(total, 'task')}"
    )
    rest = [
        f"{listing(tasks)} {'is' if len(tasks) == 1 else 'are'} {verdict}"
        for verdict, tasks in named.items()
        if tasks and verdict != "matches"
    ]
    return f"{head}: " + "; ".join([f"{how_many} within {margin(matching.margin)} points", *rest])


def _holds_of_tasks(whole: str, verdicts: Sequence[str]) -> bool:
    """Whether the tasks say what their mean says: each of them that one model is as good, and one at least that it is worse."""
    good = {"matches": {"matches", "better"}, "better": {"better"}}
    return "worse" in verdicts if whole == "worse" else whole not in good or set(verdicts) <= good[whole]


def comparison(matching: MatchingInfo) -> str:
    """Mean difference over all tasks of one kind of models from the task-specific ones, with its interval."""
    pooled = matching.pooled
    if pooled is None or pooled.difference is None:
        return NO_VERDICT
    models = label_of(matching.kind)
    known = f"90 % interval {interval(pooled.low90, pooled.high90)}, margin {margin(matching.margin)}"
    difference = f"{signed_points(pooled.difference)} points ({known})"
    return f"{models[:1].upper()}{models[1:]} less task-specific, mean over tasks: {difference}, {pooled.verdict}"


def similarity(profiles: Sequence[ProfileInfo]) -> str:
    """How many pairs are shown to be similar in all layers that can tell, how many are open, and which one differs most."""
    if not profiles:
        return "No representations have been compared yet"
    one, many, verb = _COMPARED[profiles[0].kind]
    among = one if len(profiles) == 1 else many
    said = [{layer.statement for layer in profile.telling} for profile in profiles]
    silent, similar = said.count(set()), said.count({"similar"})
    if silent == len(profiles):
        return f"In {silent} {among} no layer can tell whether they {verb} similar"
    parts = [f"{similar} of {len(profiles)} {among} {verb} shown to be similar in every layer that can tell"]
    if unsettled := len(said) - silent - similar - sum("different" in statements for statements in said):
        parts.append(f"{unsettled} cannot be told")
    if silent:
        parts.append(f"in {silent} no layer can tell")
    if similar + silent < len(profiles):
        parts.append(_weakest(profiles))
    return "; ".join(filter(None, parts))


_COMPARED = {
    "tasks": ("pair of task-specific models", "pairs of task-specific models", "are"),
    "multi": ("task-specific model", "task-specific models", "and the multi-task model are"),
    "pretrained": ("task-specific model", "task-specific models", "and the pretrained encoder are"),
}


def _weakest(profiles: Sequence[ProfileInfo]) -> str:
    """Which pair comes nearest to the floor; below it only where its whole interval is."""
    layers = [(layer.effect, layer, one) for one in profiles for layer in one.telling if layer.effect is not None]
    below = [found for found in layers if found[1].effect_high is not None and found[1].effect_high < 0]
    if not layers:
        return ""
    effect, layer, one = min(below or layers, key=lambda found: found[0])
    if below:
        return f"{pair_name(one)} fall below the floor in layer {layer.layer}"
    only = " only" if layer.statement == "different" else ""
    known = layer.effect_low is not None and layer.effect_high is not None
    bounds = f" ({plain(layer.effect_low)} to {plain(layer.effect_high)})" if known else ""
    return f"{pair_name(one)} reach{only} {plain(effect)}{bounds} of the way from floor to ceiling"


def pair_name(profile: ProfileInfo) -> str:
    """Both models of a profile, in words."""
    second = profile.task_b or {"multi": "the multi-task model", "pretrained": "the pretrained encoder"}.get(profile.kind, "")
    return listing([profile.task_a, second])


def alignment(alignments: Sequence[AlignmentInfo]) -> str:
    """How many pairs of tasks pull the shared encoder the same way; one kind of parameters is known by layer alone."""
    if not alignments:
        return "No gradients have been measured yet"
    first = alignments[0]
    stages = {"start": "Before training", "end": "At the end of training", "training": "During training"}
    when = stages.get(first.stage, f"After {first.when}")
    if whole := [one for one in alignments if one.layer is None]:
        return f"{when}, {pointing(whole)}"
    pairs = {(one.task_a, one.task_b) for one in alignments}
    aligned = len(pairs - {(one.task_a, one.task_b) for one in alignments if one.statement != "aligned"})
    verb = "is" if len(pairs) == 1 else "are"
    return f"{when}, {aligned} of {counted(len(pairs), 'pair')} of tasks {verb} shown to point the same way in every layer"


def pointing(alignments: Sequence[AlignmentInfo]) -> str:
    """How many of these pairs are shown to point the same way, and what of the others. One line per pair, one at least."""
    counts = Counter(one.statement for one in alignments)
    aligned, unrelated, apart = counts["aligned"], counts["unrelated"], counts["opposed"]
    verb = "is" if len(alignments) == 1 else "are"
    parts = [f"{aligned} of {counted(len(alignments), 'pair')} of tasks {verb} shown to point the same way"]
    if apart:
        parts.append(_apart([listing([one.task_a, one.task_b]) for one in alignments if one.statement == "opposed"]))
    if unrelated:
        parts.append(f"{unrelated} {'is' if unrelated == 1 else 'are'} unrelated")
    if unsettled := len(alignments) - aligned - unrelated - apart:
        parts.append(f"{unsettled} cannot be told")
    return "; ".join(parts)


def _apart(pairs: Sequence[str]) -> str:
    return f"{pairs[0]} point apart" if len(pairs) == 1 else f"{len(pairs)} pairs point apart"


def groupings(groupings: Sequence[GroupingInfo], recommended: RecommendationInfo | None = None) -> str:
    """What to train together, and how sure that is."""
    if not groupings:
        return "No groupings have been searched yet"
    if recommended is None:
        chosen = next((one.groups for one in groupings if one.recommended), None)
        if chosen is None:
            return f"{counted(len({one.groups for one in groupings}), 'grouping')} compared, none recommended yet"
        return f"Train {_instead(chosen)}"
    if recommended.verdict == "matches":
        return f"Train {_instead(recommended.groups)}"
    if recommended.verdict == "inconclusive":
        return f"Not settled: perhaps {_instead(recommended.groups)}"
    return "Train each task on its own"


def _instead(groups: Sequence[Sequence[str]]) -> str:
    total = len({task for group in groups for task in group})
    return f"{counted(len(groups), 'model')} instead of {total}: {family(groups)}"


def family(groups: Sequence[Sequence[str]]) -> str:
    """Groups of tasks, a model each."""
    return "; ".join(listing(group, 5) for group in groups)


def whole(statement: str) -> str:
    """A stored statement as a sentence."""
    return f"{statement[:1].upper()}{statement[1:]}."


def learning(curves: Sequence[CurveInfo]) -> str:
    """Whether training had settled when it ended."""
    done = [curve for curve in curves if curve.state == "done" and curve.epochs and curve.best_epoch is not None]
    if not done:
        return "No run has finished an epoch yet" if not any(curve.epochs for curve in curves) else "No run is finished yet"
    last = sum(curve.best_epoch == max(curve.epochs) for curve in done)
    if last == 0:
        return f"All {counted(len(done), 'finished run')} were best before their last epoch"
    return f"{last} of {counted(len(done), 'finished run')} {'was' if last == 1 else 'were'} still improving at the last epoch"


def runs(runs: Sequence[RunInfo], now: datetime) -> str:
    """How far everything is. now: UTC, without a time zone."""
    if not runs:
        return "No runs yet"
    counts = Counter("stalled" if run.is_stalled(now) else run.state for run in runs)
    bad = counts["failed"] + counts["damaged"]
    if counts["done"] == len(runs):
        return f"All {counted(len(runs), 'run')} are done" if len(runs) > 1 else "The only run is done"
    left = seconds_left(tuple(runs), now)
    parts = [
        f"{counts['done']} of {counted(len(runs), 'run')} done",
        f"{counts['unfinished']} training" + (f", about {duration(left)} left" if left is not None else ""),
        f"{bad} failed",
        f"{counts['stalled']} stalled",
        f"{counts['waiting']} waiting",
    ]
    return "; ".join(part for part in parts if not part.startswith("0 ") or part == parts[0])
