"""The first screen: does one model match N, why, and what should be trained together?"""

import streamlit as st

from mtlens_dashboard import figures, queries, tables
from mtlens_dashboard.figures.theme import AGREEMENTS, VERDICTS
from mtlens_dashboard.widgets.card import card
from mtlens_dashboard.widgets.chart import chart, details, nothing
from mtlens_dashboard.widgets.filters import Chosen
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import draw, read
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import counted, in_words, listing

_IS = {
    "matches": "matches",
    "better": "is better",
    "worse": "is worse",
    "inconclusive": "is inconclusive",
    "not learnt": "was not learnt",
}


def page(chosen: Chosen) -> None:
    """Verdict, evidence and recommendation, then the figure of all tasks, then the cost."""
    case = read(queries.case, chosen.experiment_id).only(chosen.tasks)
    st.title(literal(titles.answer(case.matching, case.explanations)), anchor=False)
    if case.matching.rows:
        verdict, evidence, advice = st.columns(3)
        with verdict:
            _verdict(case.matching)
        with evidence:
            _evidence(case.explanations)
        with advice:
            _advice(case.matching, read(queries.recommendation, chosen.experiment_id))
        figure = draw(figures.case, case)
        chart("case", figure, case, title="The match beside its evidence", table=tables.of_matching(case.matching))
        if case.explanations:
            details("explanations", lambda: tables.of_explanations(case.explanations), "Does the evidence predict the match?",
                   label="The evidence for each task and pair, in words")  # fmt: skip
    else:
        nothing(
            "No verdict yet",
            f"A task is compared once its task-specific and its multi-task model have both finished: "
            f"{chosen.experiment.done} of {chosen.experiment.runs} runs have. Page Runs shows how far they are.",
        )
    costs = read(queries.costs, chosen.experiment_id)
    if costs:
        chart("costs", draw(figures.costs, costs), costs)


def _verdict(matching: queries.MatchingInfo) -> None:
    count = len(matching.learnt)
    by_verdict = {verdict: [match.task or "" for match in matching.tasks if match.verdict == verdict] for verdict in VERDICTS}
    others = [
        f"{listing(tasks)} {'is' if len(tasks) == 1 else 'are'} {verdict}"
        for verdict, tasks in by_verdict.items()
        if tasks and verdict != "matches"
    ]
    pooled = matching.pooled.verdict if matching.pooled else "inconclusive"
    within = f"{len(by_verdict['matches'])} of {count} tasks within {titles.within(matching)}"
    card(
        f"Does one model match {in_words(count)}?",
        VERDICTS[pooled],
        f"The mean of all tasks {_IS[pooled]}",
        " ".join(f"{part}." for part in ("; ".join([within, *others]), titles.still_improving(matching)) if part),
    )


def _evidence(explanations: tuple[queries.ExplanationInfo, ...]) -> None:
    head, _, reasons = titles.evidence(explanations).partition(": ")
    group = next((line for line in explanations if line.scope == "group"), None)
    if group is None or not reasons:
        card("Why?", AGREEMENTS["not measured"], "Not measured", "No CKA and no gradients are stored for this experiment yet.")
    else:
        details = [
            f"{name}: {text}" for name, text in (("CKA", group.cka_detail), ("gradients", group.gradients_detail)) if text
        ]
        sentence = " ".join(map(titles.whole, [reasons, "; ".join(details)] if details else [reasons]))
        card("Why?", AGREEMENTS.get(group.agreement, AGREEMENTS["inconclusive"]), head, sentence)


def _advice(matching: queries.MatchingInfo, recommended: queries.RecommendationInfo | None) -> None:
    """The family of models that was searched for; without a search, what follows from the comparison alone."""
    question = "What should I train together?"
    if recommended:
        statement = titles.whole(recommended.statement)
        models = f"{counted(len(recommended.groups), 'model')}: {titles.family(recommended.groups)}"
        if recommended.verdict == "matches":
            card(question, VERDICTS["matches"], models, statement)
        elif recommended.verdict == "inconclusive":
            card(question, VERDICTS["inconclusive"], f"Perhaps {models}", statement)
        else:
            card(question, VERDICTS["matches"], "Each task on its own", statement)
        return
    together = [match.task or "" for match in matching.tasks if match.verdict in ("matches", "better")]
    others = [match.task or "" for match in matching.learnt if match.verdict not in ("matches", "better")]
    useless = [match.task or "" for match in matching.tasks if match not in matching.learnt]
    note = "No grouping has been searched yet; this follows from the comparison alone."
    if useless:
        note = f"{listing(useless, 4)}: not learnt, so no model to ship yet. {note}"
    if len(together) < 2:
        settled = f"Only {listing(together)} is decided" if together else "No task is decided"
        card(question, VERDICTS["inconclusive"], "Undecided yet", f"{settled}. {note}")
    elif not others:
        card(question, VERDICTS["matches"], f"All {len(together)} tasks in one model", note)
    else:
        advice = f"One model for {listing(together, 4)}"
        card(question, VERDICTS["matches"], advice, f"Undecided, so separate for now: {listing(others, 4)}. {note}")
