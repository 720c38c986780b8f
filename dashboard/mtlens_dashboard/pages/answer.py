"""The first screen: does one model match N, for which pairs of tasks not, why, and what should be trained together?"""

from typing import Any

import streamlit as st

from mtlens.statistics.comparison import AT_LEAST_AS_GOOD
from mtlens.statistics.shown import Unit, counted
from mtlens_dashboard import figures, queries, tables
from mtlens_dashboard.figures.theme import AGREEMENTS, VERDICTS
from mtlens_dashboard.widgets.card import card
from mtlens_dashboard.widgets.chart import chart, details, nothing, show
from mtlens_dashboard.widgets.filters import Chosen
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import draw, read
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import difference, listing, score_of

_ROW = "row"


def page(chosen: Chosen) -> None:
    """The sentence and its warnings, the figure of all tasks, the row that was clicked, then why, advice and cost."""
    case = read(queries.case, chosen.experiment_id).only(chosen.tasks)
    st.title(literal(titles.answer(case.matching)), anchor=False)
    if not case.matching.rows:
        nothing(
            "No verdict yet",
            f"A task is compared once its task-specific and its multi-task model have both finished: "
            f"{chosen.experiment.done} of {chosen.experiment.runs} runs have, {chosen.experiment.failed} failed. Page Runs "
            "shows how far they are, and why runs failed.",
        )
        return
    warnings = titles.warnings(case.matching, read(queries.curves, chosen.experiment_id))
    if warnings:
        st.warning("  \n".join(map(literal, warnings)), icon=":material/warning:")
    figure = draw(figures.case, case)
    names = [_name(row) for row in case.rows]

    def open_row(number: int) -> None:
        st.session_state[_ROW] = names[number]

    table = tables.of_matching(case.matching)
    chart("case", figure, case, title="The match beside its evidence", table=table, on_click=open_row)
    _opened(chosen, case, names)
    costs = read(queries.costs, chosen.experiment_id)
    _cards(chosen, case, costs)
    if case.explanations:
        left, right = st.columns([3, 2])
        with left:
            chart("claim", draw(figures.claim, case.explanations), case.explanations)
        with right:
            if costs:
                chart("costs", draw(figures.costs, costs), costs)
        details("explanations", lambda: tables.of_explanations(case.explanations), "Does the evidence predict the match?",
                label="The evidence for each task and pair, in words")  # fmt: skip
    elif costs:
        chart("costs", draw(figures.costs, costs), costs)


def _name(row: queries.CaseRow) -> str:
    return " \N{MULTIPLICATION SIGN} ".join(row.tasks)


def _opened(chosen: Chosen, case: queries.CaseInfo, names: list[str]) -> None:
    """Curves by depth, seeds and learning curves of the row that was clicked or named."""
    what = "a pair" if case.rows and len(case.rows[0].tasks) > 1 else "a task"
    ask = f"Click a row to open it, or choose {what} here"
    name = st.selectbox(
        ask, names, index=None, key=_ROW, bind="query-params", width=420, placeholder=ask, label_visibility="collapsed"
    )
    if name not in names:
        return
    row = case.rows[names.index(name)]
    told = titles.outcome(row.explanation) if row.explanation else row.matches[0].verdict
    with st.container(border=True):
        st.markdown(f"## {literal(name)}: {literal(told)}")
        _curves_by_depth(case, row)
        _seeds(row)
        curves = read(queries.curves, chosen.experiment_id)
        own = tuple(curve for curve in curves if set(curve.tasks) & set(row.tasks) and curve.seed in chosen.seeds)
        if own:
            chart("learning-curves", draw(figures.learning_curves, own), own)


def _curves_by_depth(case: queries.CaseInfo, row: queries.CaseRow) -> None:
    def involved(line: Any) -> bool:
        return len({line.task_a, line.task_b} & set(row.tasks)) == len(row.tasks)

    profiles = queries.weakest_first(tuple(profile for profile in case.profiles if involved(profile)))
    alignments = queries.lowest_first(tuple(alignment for alignment in case.alignments if involved(alignment)))
    left, right = st.columns(2) if len(row.tasks) > 1 else (st.container(), st.container())
    with left:
        if profiles:
            chart("cka-depth", draw(figures.similarity_by_depth, profiles), profiles)
    with right:
        if alignments:
            chart("gradients-depth", draw(figures.alignment_by_depth, alignments), alignments)


def _seeds(row: queries.CaseRow) -> None:
    cells = [
        (match.task, unit.name, seed, score_of(single, unit), score_of(multi, unit), difference(own, unit))
        for match, unit in ((match, Unit(match.metric)) for match in row.matches)
        for seed, single, multi, own in zip(
            match.seeds, match.single_per_seed, match.multi_per_seed, match.difference_per_seed, strict=True
        )
    ]
    if cells:
        st.markdown("## Seed by seed")
        columns = ("task", "unit", "seed", "task-specific", "multi-task", "difference")
        show(tables.Table(columns=columns, rows=tuple(cells)), "seeds-of-row")


def _cards(chosen: Chosen, case: queries.CaseInfo, costs: tuple[queries.CostInfo, ...]) -> None:
    why, advice, trust, cost = st.columns(4)
    with why:
        _evidence(case.explanations)
    with advice:
        _advice(case.matching, read(queries.recommendation, chosen.experiment_id))
    with trust:
        _trust(case.matching)
    with cost:
        _cost(costs)


def _evidence(explanations: tuple[queries.ExplanationInfo, ...]) -> None:
    head, _, reasons = titles.evidence(explanations).partition(": ")
    group = next((line for line in explanations if line.scope == "group"), None)
    if group is None or not reasons:
        card("Why?", AGREEMENTS["not measured"], "Not measured", "No CKA and no gradients are stored for this experiment yet.")
        return
    mark = AGREEMENTS.get(group.agreement, AGREEMENTS["inconclusive"])
    card("Why?", mark, head, f"{titles.whole(reasons)} {titles.claim(explanations)}.")


def _advice(matching: queries.MatchingInfo, recommended: queries.RecommendationInfo | None) -> None:
    """The family of models that was searched for; without a search, what follows from the comparison alone.

    Green is only what was trained together and settled.
    """
    question = "What should I train together?"
    if recommended:
        statement = f"{titles.whole(recommended.statement)} Chosen on validation alone."
        models = f"{counted(len(recommended.groups), 'model')}: {titles.family(recommended.groups)}"
        if recommended.verdict == "matches":
            card(question, VERDICTS["matches"], models, statement)
        elif recommended.verdict == "inconclusive" and all(match.verdict in AT_LEAST_AS_GOOD for match in matching.tasks):
            searched = f"The search proposes {models}. {statement}"
            card(question, VERDICTS["matches"], f"One model for all {len(matching.tasks)} tasks, which matches", searched)
        elif recommended.verdict == "inconclusive":
            card(question, VERDICTS["inconclusive"], f"Perhaps {models}", statement)
        else:
            card(question, AGREEMENTS["agrees"], "Each task on its own", statement)
        return
    together = [match.task or "" for match in matching.tasks if match.verdict in AT_LEAST_AS_GOOD]
    others = [match.task or "" for match in matching.learnt if match.verdict not in AT_LEAST_AS_GOOD]
    useless = [match.task or "" for match in matching.tasks if match not in matching.learnt]
    note = "No grouping has been searched yet; this follows from the comparison alone."
    if useless:
        note = f"{listing(useless, 4)}: not learnt, so no model to export yet. {note}"
    if len(together) == len(matching.tasks):
        card(question, VERDICTS["matches"], f"All {len(together)} tasks in one model", note)
    elif len(together) < 2:
        settled = f"Only {listing(together)} is decided" if together else "No task is decided"
        card(question, VERDICTS["inconclusive"], "Undecided yet", f"{settled}. {note}")
    else:
        rest = f"Undecided, so separate for now: {listing(others, 4)}. " if others else ""
        never = f"These {len(together)} were never trained without the others: `mtlens search` would. "
        card(question, VERDICTS["inconclusive"], f"Perhaps one model for {listing(together, 4)}", f"{rest}{never}{note}")


def _trust(matching: queries.MatchingInfo) -> None:
    question = "Can I trust it?"
    rows = matching.rows
    seeds, examples = min(len(row.seeds) for row in rows), min(row.examples for row in rows)
    needed = [f"{row.task or 'mean'}: {row.needed}" for row in rows if row.needed]
    intervals = (
        "intervals over examples and seeds" if all(row.low90 is not None for row in rows) else "intervals need more seeds"
    )
    text = (
        f"Margin {matching.margin_in_words}, set before the runs; {examples:,} test examples per task at least; {intervals}; "
        f"tests corrected over {counted(len(matching.tasks), 'task')}."
    )
    more = f" To settle {needed[0]}." if needed else ""
    late = titles.still_improving(matching)
    head = counted(seeds, "seed") + (", but training ended early" if late else "")
    mark = VERDICTS["inconclusive" if seeds < 3 or late else "matches"]._replace(role="ink")
    card(question, mark, head, text + more)


def _cost(costs: tuple[queries.CostInfo, ...]) -> None:
    title = figures.title_of(draw(figures.costs, costs)) if costs else ""
    head, _, rest = title.partition(": ")
    if rest:
        card("What does it cost?", AGREEMENTS["agrees"], head, titles.whole(rest))
    else:
        card("What does it cost?", AGREEMENTS["not measured"], "Not known yet", "It takes finished models of both kinds.")
