"""Titles of pages and figures: the conclusion in one sentence of at most 90 characters. Plain text; the caller escapes it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from mtlens.config.run_kinds import label_of
from mtlens.statistics.comparison import AT_LEAST_AS_GOOD
from mtlens.statistics.shown import counted
from mtlens.store.analysis.training_end import warning
from mtlens_dashboard.queries import (
    ArmInfo,
    CurveInfo,
    ExplanationInfo,
    GroupingInfo,
    LooksInfo,
    MatchingInfo,
    RecommendationInfo,
    RunInfo,
    seconds_left,
)
from mtlens_dashboard.wording.formatting import bounds, difference, duration, fit, in_words, listing

NO_VERDICT = "No verdict yet: no task has both a task-specific and a multi-task model"
_NOT_MEASURED = "not measured"
_HEADS = {
    "matches": "One model matches {n}",
    "better": "One model beats {n}",
    "worse": "One model does not match {n}",
    "inconclusive": "Whether one model matches {n} is undecided",
    "not learnt": "No task was learnt, so that nothing can match",
}
_VERBS = {
    "matches": "match",
    "better": "are better",
    "worse": "are worse",
    "inconclusive": "are undecided",
    "not learnt": "are not learnt",
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
    "agrees": "The evidence agrees with the result",
    "contradicts": "The evidence contradicts the result",
    "mixed": "The evidence is mixed",
    "inconclusive": "The evidence is undecided",
}
_MEASURED = {"inconclusive": "undecided", "better": "is better", "worse": "is worse"}
_FOR, _AGAINST = ("similar", "aligned"), ("different", "opposed", "unrelated")


def answer(matching: MatchingInfo) -> str:
    """Whether one model matches N, and for which tasks that does not hold."""
    if not matching.tasks:
        return NO_VERDICT
    named = {verdict: [match.task or "" for match in matching.tasks if match.verdict == verdict] for verdict in _VERBS}
    whole = matching.pooled.verdict if matching.pooled else "inconclusive"
    total = len(matching.learnt)
    head = _HEADS[whole].format(n=in_words(total))
    if not total:
        return head
    if len(named["matches"]) == len(matching.tasks):
        return f"{head}: all within {matching.margin_in_short}"
    if {match.verdict for match in matching.tasks} == {whole} == {"inconclusive"}:
        return f"{head}, on average and on each task"
    verdicts = [match.verdict for match in matching.learnt]
    if not _holds_of_tasks(whole, verdicts):
        head += " on average"
    elif whole == "matches" and "better" in verdicts:
        head = head.replace("matches", "matches or beats")
    rest = {verdict: tasks for verdict, tasks in named.items() if tasks and verdict != "matches"}
    by_name = ", ".join(f"{listing(tasks)} {_verb(verdict, len(tasks))}" for verdict, tasks in rest.items())
    counts = ", ".join(f"{len(tasks)} {_VERBS[verdict]}" for verdict, tasks in named.items() if tasks)
    return fit(f"{head}; {by_name}", f"{head}: {counts}", head)


def _verb(verdict: str, number: int) -> str:
    return _VERBS[verdict] if number > 1 else _VERBS[verdict].replace("are ", "is ").replace("match", "matches")


def _holds_of_tasks(whole: str, verdicts: Sequence[str]) -> bool:
    """Whether the verdict on the mean holds for the tasks: matches and better for each of them, worse for at least one."""
    good = {"matches": {"matches", "better"}, "better": {"better"}}
    return "worse" in verdicts if whole == "worse" else whole not in good or set(verdicts) <= good[whole]


def still_improving(matching: MatchingInfo) -> str:
    """The warning that models of some tasks were still improving at their last epoch; empty where none were."""
    kinds = list(dict.fromkeys(kind for match in matching.tasks for kind in match.still_improving))
    tasks = [match.task or "" for match in matching.tasks if match.still_improving]
    where = "every task" if len(tasks) == len(matching.tasks) > 1 else listing(tasks)
    return f"On {where}, {warning(kinds)}" if kinds else ""


def warnings(matching: MatchingInfo, curves: Sequence[CurveInfo]) -> list[str]:
    """What a reader should know before the verdict: half-trained models, tasks that were not learnt, collapsed models."""
    told = still_improving(matching)
    kinds = {kind for match in matching.tasks for kind in match.still_improving}
    done = [curve for curve in _finished(curves) if curve.role in kinds]
    improving = sum(curve.still_improving is True for curve in done)
    lines = [f"{told} ({improving} of {counted(len(done), 'run')})"] if told else []
    lost = [match.task or "" for match in matching.tasks if match.verdict == "not learnt"]
    if lost:
        lines.append(f"{listing(lost)}: not learnt by either kind of models, so left out of the mean")
    collapsed = [match.task or "" for match in matching.tasks if match.single_collapsed or match.multi_collapsed]
    if collapsed:
        lines.append(f"{listing(collapsed)}: some models predict one class only")
    return lines


def evidence(explanations: Sequence[ExplanationInfo]) -> str:
    """Result of the evidence for all tasks together; empty where none was measured."""
    group = next((explanation for explanation in explanations if explanation.scope == "group"), None)
    if group is None or group.agreement not in _AGREEMENTS:
        return ""
    representations = _REPRESENTATIONS.get(group.cka, group.cka)
    return f"{_AGREEMENTS[group.agreement]}: {representations} and {_GRADIENTS.get(group.gradients, group.gradients)}"


def outcome(line: ExplanationInfo) -> str:
    """What was measured of a pair or task, and what its evidence says: matches although different."""
    measured = line.measured or _NOT_MEASURED
    measured = _MEASURED.get(measured, measured)
    said = [statement for statement in (line.cka, line.gradients) if statement in (*_FOR, *_AGAINST)]
    if line.agreement == "not measured":
        return measured
    if line.agreement == "inconclusive":
        return measured if measured in ("undecided", "not learnt") else f"{measured}; evidence undecided"
    if line.agreement == "mixed":
        return f"{measured}; {' but '.join(said)}"
    return f"{measured}{' although ' if line.agreement == 'contradicts' else '; '}{' and '.join(said)}"


def claim(explanations: Sequence[ExplanationInfo]) -> str:
    """For how many pairs the evidence predicts the measured outcome."""
    pairs = Counter(line.agreement for line in explanations if line.scope == "pair")
    total = sum(pairs.values())
    if not total:
        return "No pair of tasks has evidence yet"
    against = pairs["contradicts"] + pairs["mixed"]
    undecided = total - pairs["agrees"] - against
    parts = [f"contradicts {against}"] if against else []
    parts += [f"{undecided} undecided"] if undecided else []
    return ", ".join([f"The evidence predicts {pairs['agrees']} of {counted(total, 'pair')}", *parts])


def comparison(matching: MatchingInfo) -> str:
    """Mean difference over all tasks of one kind of models from the task-specific ones, with its interval."""
    pooled = matching.pooled
    if pooled is None or pooled.difference is None:
        return NO_VERDICT
    models = label_of(matching.kind)
    unit = matching.unit
    mean = f"{models[:1].upper()}{models[1:]} minus task-specific: {difference(pooled.difference, unit)} {unit.points}"
    seeds = counted(len(pooled.seeds), "seed")
    interval = f"90 % interval {bounds(pooled.low90, pooled.high90, unit)}"
    known = f"no interval from {seeds}" if pooled.low90 is None else interval
    verdict = _MEASURED.get(pooled.verdict, pooled.verdict)
    return fit(f"{mean} ({known}), {verdict}", f"{mean}, {verdict}")


def arms(arms: Sequence[ArmInfo]) -> str:
    """How many of the ways to make one model match on average, and on which of them every task does."""
    if len(arms) < 2:
        return "No other ways to make a single model are compared"
    good = [arm for arm in arms if arm.verdict in AT_LEAST_AS_GOOD]
    every = [arm.label for arm in arms if arm.matching == len(arm.tasks)]
    on_all = f"on every task: {listing(every)}" if every else "none of them on every task"
    recommended = next((f"; recommended: {arm.label}" for arm in arms if arm.recommended), "")
    counts = f"{in_words(len(good)).capitalize()} of {in_words(len(arms))} single models match on average"
    return fit(f"{counts}, {on_all}{recommended}", f"{counts}{recommended}", counts)


def looks(info: LooksInfo) -> str:
    """How far the looks are, or why there is no further one."""
    if not info.rows:
        return "No look yet"
    if info.ended:
        return fit(info.ended[0].upper() + info.ended[1:])
    last = info.rows[-1]
    return f"Look {last.look} of {len(info.schedule)}, after {counted(last.seeds, 'seed')}; a further look may follow"


def groupings(groupings: Sequence[GroupingInfo], recommended: RecommendationInfo | None = None) -> str:
    """What to train together, and how certain that is."""
    if not groupings:
        return "No groupings have been searched yet"
    if recommended is None:
        chosen = next((grouping.groups for grouping in groupings if grouping.recommended), None)
        if chosen is None:
            return f"{counted(len({grouping.groups for grouping in groupings}), 'grouping')} compared, none recommended yet"
        return _train(chosen, "Train ")
    if recommended.verdict in ("matches", "inconclusive"):
        return _train(recommended.groups, "Train " if recommended.verdict == "matches" else "Undecided: perhaps ")
    return "Train each task on its own"


def _train(groups: Sequence[Sequence[str]], head: str) -> str:
    total = len({task for group in groups for task in group})
    number = f"{counted(len(groups), 'model')} instead of {total}"
    return fit(f"{head}{number}: {family(groups)}", f"{head}{number}")


def family(groups: Sequence[Sequence[str]]) -> str:
    """Groups of tasks, a model each."""
    return "; ".join(listing(group, 5) for group in groups)


def whole(statement: str) -> str:
    """A stored statement as a sentence."""
    return f"{statement[:1].upper()}{statement[1:]}."


def learning(curves: Sequence[CurveInfo]) -> str:
    """Whether the validation score still improved when training ended."""
    done = _finished(curves)
    last = sum(curve.still_improving is True for curve in done)
    if not done:
        return "No run has finished an epoch yet" if not any(curve.epochs for curve in curves) else "No run is finished yet"
    if last == 0:
        return f"None of {counted(len(done), 'finished run')} was still improving at the last epoch"
    return f"{last} of {counted(len(done), 'finished run')} {'was' if last == 1 else 'were'} still improving at the last epoch"


def _finished(curves: Sequence[CurveInfo]) -> list[CurveInfo]:
    """Curves of finished runs with a best epoch."""
    return [curve for curve in curves if curve.state == "done" and curve.epochs and curve.best_epoch is not None]


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
        f"{counts['unfinished']} training" + (f", about {duration(left, 2)} left" if left is not None else ""),
        f"{bad} failed",
        f"{counts['stalled']} stalled",
        f"{counts['waiting']} waiting",
    ]
    return "; ".join(part for part in parts if not part.startswith("0 ") or part == parts[0])
