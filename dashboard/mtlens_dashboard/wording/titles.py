"""Titles of pages and figures: the conclusion in one sentence. Plain text; the caller escapes it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from mtlens.config.run_kinds import label_of
from mtlens.store.analysis.training_end import warning
from mtlens_dashboard.queries import (
    AlignmentInfo,
    ArmInfo,
    CurveInfo,
    ExplanationInfo,
    GroupingInfo,
    LooksInfo,
    MatchingInfo,
    ProfileInfo,
    RecommendationInfo,
    RunInfo,
    seconds_left,
)
from mtlens_dashboard.wording.formatting import bounds, counted, difference, duration, in_words, listing, plain

NO_VERDICT = "No verdict yet: no task has both a task-specific and a multi-task model"
_NOT_MEASURED = "not measured"
_HEADS = {
    "matches": "One model matches {n}",
    "better": "One model beats {n}",
    "worse": "One model does not match {n}",
    "inconclusive": "Whether one model matches {n} is undecided",
    "not learnt": "No task was learnt, so that nothing can match",
}
_REPRESENTATIONS = {
    "similar": "representations are similar",
    "different": "representations differ",
    "inconclusive": "the similarity of representations is undecided",
    _NOT_MEASURED: "representations were not compared",
}
_GRADIENTS = {
    "aligned": "gradients are aligned",
    "opposed": "gradients are opposed",
    "unrelated": "gradients are unrelated",
    "inconclusive": "the alignment of gradients is undecided",
    _NOT_MEASURED: "gradients were not measured",
}
_AGREEMENTS = {
    "agrees": "The evidence agrees",
    "disagrees": "The evidence disagrees",
    "inconclusive": "The evidence is inconclusive",
}


def answer(matching: MatchingInfo, explanations: Sequence[ExplanationInfo] = ()) -> str:
    """Title of the first page: whether one model matches N, and whether the evidence agrees."""
    if not matching.tasks:
        return NO_VERDICT
    return ". ".join(filter(None, [_verdict(matching), evidence(explanations), still_improving(matching)]))


def still_improving(matching: MatchingInfo) -> str:
    """The warning that models of some tasks were still improving at their last epoch; empty where none were."""
    kinds = list(dict.fromkeys(kind for match in matching.tasks for kind in match.still_improving))
    tasks = [match.task or "" for match in matching.tasks if match.still_improving]
    return f"Warning: on {listing(tasks)}, {warning(kinds)}" if kinds else ""


def evidence(explanations: Sequence[ExplanationInfo]) -> str:
    """Result of the evidence for all tasks together; empty where none was measured."""
    group = next((explanation for explanation in explanations if explanation.scope == "group"), None)
    if group is None or group.agreement not in _AGREEMENTS:
        return ""
    representations = _REPRESENTATIONS.get(group.cka, group.cka)
    return f"{_AGREEMENTS[group.agreement]}: {representations} and {_GRADIENTS.get(group.gradients, group.gradients)}"


def _verdict(matching: MatchingInfo) -> str:
    named = {
        verdict: [match.task or "" for match in matching.tasks if match.verdict == verdict]
        for verdict in ("matches", "better", "worse", "inconclusive", "not learnt")
    }
    total = len(matching.learnt)
    whole = matching.pooled.verdict if matching.pooled else "inconclusive"
    head = _HEADS[whole].format(n=in_words(total))
    if not _holds_of_tasks(whole, [match.verdict for match in matching.learnt]):
        head += " on average"
    if not total:
        return head
    how_many = (
        f"all {total} tasks" if len(named["matches"]) == total else f"{len(named['matches'])} of {counted(total, 'task')}"
    )
    rest = [
        f"{listing(tasks)} {'is' if len(tasks) == 1 else 'are'} {verdict}"
        for verdict, tasks in named.items()
        if tasks and verdict != "matches"
    ]
    return f"{head}: " + "; ".join([f"{how_many} within {within(matching)}", *rest])


def within(matching: MatchingInfo) -> str:
    """The margin in words."""
    if matching.unit.metric is None:
        return "their margins"
    return f"{matching.unit.margin(matching.margin)} {matching.unit.points}"


def _holds_of_tasks(whole: str, verdicts: Sequence[str]) -> bool:
    """Whether the verdict on the mean holds for the tasks: matches and better for each of them, worse for at least one."""
    good = {"matches": {"matches", "better"}, "better": {"better"}}
    return "worse" in verdicts if whole == "worse" else whole not in good or set(verdicts) <= good[whole]


def comparison(matching: MatchingInfo) -> str:
    """Mean difference over all tasks of one kind of models from the task-specific ones, with its interval."""
    pooled = matching.pooled
    if pooled is None or pooled.difference is None:
        return NO_VERDICT
    models = label_of(matching.kind)
    unit = matching.unit
    known = f"90 % interval {bounds(pooled.low90, pooled.high90, unit)}, margin {unit.margin(matching.margin)}"
    mean = f"{difference(pooled.difference, unit)} {unit.points} ({known})"
    verdict = f"{models[:1].upper()}{models[1:]} less task-specific, mean over tasks: {mean}, {pooled.verdict}"
    return ". ".join(filter(None, [verdict, still_improving(matching)]))


def arms(arms: Sequence[ArmInfo]) -> str:
    """How many of the ways to make one model match on average, and on which of them every task does."""
    if len(arms) < 2:
        return "One way to make a single model, or none yet"
    good = [arm for arm in arms if arm.verdict in ("matches", "better")]
    every = [arm.label for arm in arms if arm.matching == len(arm.tasks)]
    on_all = f"on every task: {listing(every)}" if every else "none of them on every task"
    recommended = [f"recommended by validation: {arm.label}" for arm in arms if arm.recommended]
    counts = f"{in_words(len(good)).capitalize()} of {in_words(len(arms))} single models match on average, {on_all}"
    return "; ".join([counts, *recommended])


def looks(info: LooksInfo) -> str:
    """How far the looks are, or why there is no further one."""
    if not info.rows:
        return "No look yet"
    if info.ended:
        return info.ended[0].upper() + info.ended[1:]
    last = info.rows[-1]
    return f"Look {last.look} of {len(info.schedule)}, after {counted(last.seeds, 'seed')}; a further look may follow"


def similarity(profiles: Sequence[ProfileInfo]) -> str:
    """How many pairs are similar in all informative layers, how many are undecided, and which pair differs most."""
    if not profiles:
        return "No representations have been compared yet"
    singular, plural, verb = _COMPARED[profiles[0].kind]
    models = singular if len(profiles) == 1 else plural
    statements = [{layer.statement for layer in profile.informative} for profile in profiles]
    uninformative, similar = statements.count(set()), statements.count({"similar"})
    if uninformative == len(profiles):
        return f"No layer of {uninformative} {models} is informative"
    parts = [f"{similar} of {len(profiles)} {models} {verb} similar in every informative layer"]
    if undecided := len(statements) - uninformative - similar - sum("different" in of_pair for of_pair in statements):
        parts.append(f"{undecided} undecided")
    if uninformative:
        parts.append(f"{uninformative} without an informative layer")
    if similar + uninformative < len(profiles):
        parts.append(_weakest(profiles))
    return "; ".join(filter(None, parts))


_COMPARED = {
    "tasks": ("pair of task-specific models", "pairs of task-specific models", "are"),
    "multi": ("task-specific model", "task-specific models", "and the multi-task model are"),
    "pretrained": ("task-specific model", "task-specific models", "and the pretrained encoder are"),
}


def _weakest(profiles: Sequence[ProfileInfo]) -> str:
    """The pair nearest to the floor; it counts as below the floor only where its whole interval is."""
    layers = [
        (layer.effect, layer, profile) for profile in profiles for layer in profile.informative if layer.effect is not None
    ]
    below = [entry for entry in layers if entry[1].effect_high is not None and entry[1].effect_high < 0]
    if not layers:
        return ""
    effect, layer, profile = min(below or layers, key=lambda entry: entry[0])
    if below:
        return f"{pair_name(profile)} fall below the floor in layer {layer.layer}"
    only = " only" if layer.statement == "different" else ""
    known = layer.effect_low is not None and layer.effect_high is not None
    bounds = f" ({plain(layer.effect_low)} to {plain(layer.effect_high)})" if known else ""
    return f"{pair_name(profile)} reach{only} {plain(effect)}{bounds} of the way from floor to ceiling"


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
        return f"{when}, {alignment_counts(whole)}"
    pairs = {(alignment.task_a, alignment.task_b) for alignment in alignments}
    others = {(alignment.task_a, alignment.task_b) for alignment in alignments if alignment.statement != "aligned"}
    verb = "is" if len(pairs) == 1 else "are"
    return f"{when}, {len(pairs - others)} of {counted(len(pairs), 'pair')} of tasks {verb} aligned in every layer"


def alignment_counts(alignments: Sequence[AlignmentInfo]) -> str:
    """How many of these pairs are aligned, opposed, unrelated and undecided. One line per pair, at least one."""
    counts = Counter(alignment.statement for alignment in alignments)
    aligned, unrelated, opposed = counts["aligned"], counts["unrelated"], counts["opposed"]
    verb = "is" if len(alignments) == 1 else "are"
    parts = [f"{aligned} of {counted(len(alignments), 'pair')} of tasks {verb} aligned"]
    if opposed:
        names = [listing([pair.task_a, pair.task_b]) for pair in alignments if pair.statement == "opposed"]
        parts.append(f"{names[0]} are opposed" if opposed == 1 else f"{opposed} opposed")
    if unrelated:
        parts.append(f"{unrelated} unrelated")
    if undecided := len(alignments) - aligned - unrelated - opposed:
        parts.append(f"{undecided} undecided")
    return "; ".join(parts)


def groupings(groupings: Sequence[GroupingInfo], recommended: RecommendationInfo | None = None) -> str:
    """What to train together, and how certain that is."""
    if not groupings:
        return "No groupings have been searched yet"
    if recommended is None:
        chosen = next((grouping.groups for grouping in groupings if grouping.recommended), None)
        if chosen is None:
            return f"{counted(len({grouping.groups for grouping in groupings}), 'grouping')} compared, none recommended yet"
        return f"Train {_instead(chosen)}"
    if recommended.verdict == "matches":
        return f"Train {_instead(recommended.groups)}"
    if recommended.verdict == "inconclusive":
        return f"Undecided: perhaps {_instead(recommended.groups)}"
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
    """Whether the validation score still improved when training ended."""
    done = [curve for curve in curves if curve.state == "done" and curve.epochs and curve.best_epoch is not None]
    if not done:
        return "No run has finished an epoch yet" if not any(curve.epochs for curve in curves) else "No run is finished yet"
    last = sum(curve.still_improving is True for curve in done)
    if last == 0:
        return f"None of {counted(len(done), 'finished run')} was still improving at the last epoch"
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
