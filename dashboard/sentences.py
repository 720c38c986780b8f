"""What the data says, in a sentence: titles of pages and figures. Plain text; whoever shows it escapes it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from dashboard.text import counted, duration, in_words, interval, listing, margin, plain, points
from dashboard.views import (
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
    """How far one model is from N over all tasks, with its interval."""
    pooled = matching.pooled
    if pooled is None or pooled.difference is None:
        return NO_VERDICT
    size = points(abs(pooled.difference))
    direction = "higher" if pooled.difference > 0 else "lower"
    amount = "level with the others" if float(size) == 0 else f"{size} points {direction}"
    bounds = interval(pooled.low90, pooled.high90)
    sure = f"90 % interval {bounds}, margin {margin(matching.margin)}"
    return f"One model is {amount} in the mean over tasks ({sure}): {pooled.verdict}"


def similarity(profiles: Sequence[ProfileInfo]) -> str:
    """How many pairs are similar in all layers that can tell, and which one differs most."""
    if not profiles:
        return "No representations have been compared yet"
    telling = [[layer.statement for layer in one.layers if layer.statement not in _SILENT] for one in profiles]
    similar = sum(bool(statements) and set(statements) == {"similar"} for statements in telling)
    what = {
        "tasks": "pair of task-specific models",
        "multi": "task-specific model",
        "pretrained": "task-specific model",
    }[profiles[0].kind]
    of_whom = {
        "tasks": "are",
        "multi": "and the multi-task model are",
        "pretrained": "and the pretrained encoder are",
    }[profiles[0].kind]
    noun = what.replace("pair ", "pairs ") if what.startswith("pair") else what + "s"
    told = f"{similar} of {len(profiles)} {what if len(profiles) == 1 else noun} {of_whom} similar in every layer that can tell"
    effects = [(one.weakest_effect, one) for one in profiles if one.weakest_effect is not None]
    if similar == len(profiles) or not effects:
        return told
    effect, weakest = min(effects, key=lambda pair: pair[0])
    if effect < 0:
        return f"{told}; {pair_name(weakest)} fall below the floor"
    return f"{told}; {pair_name(weakest)} reach only {plain(effect)} of the way from floor to ceiling"


_SILENT = ("uninformative", "undefined", _NOT_MEASURED)


def pair_name(profile: ProfileInfo) -> str:
    """Both models of a profile, in words."""
    second = profile.task_b or {"multi": "the multi-task model", "pretrained": "the pretrained encoder"}.get(profile.kind, "")
    return listing([profile.task_a, second])


def alignment(alignments: Sequence[AlignmentInfo]) -> str:
    """How many pairs of tasks pull the shared encoder the same way."""
    whole = [one for one in alignments if one.layer is None]
    if not whole:
        return "No gradients have been measured yet"
    counts = Counter(one.statement for one in whole)
    when = {"start": "Before training", "end": "At the end of training", "training": "During training"}.get(
        whole[0].moment, f"After {whole[0].when}"
    )
    told = f"{when}, {counts['aligned']} of {counted(len(whole), 'pair')} of tasks point the same way"
    told = told.replace("1 pair of tasks point ", "1 pair of tasks points ")
    opposed = [f"{listing([one.task_a, one.task_b])}" for one in whole if one.statement == "opposed"]
    return f"{told}; {_apart(opposed)}" if opposed else told


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
