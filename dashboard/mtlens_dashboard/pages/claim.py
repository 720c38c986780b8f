"""Does the evidence predict gains? The preregistered verdict, gains beside evidence, predictors ranked, dose and response."""

import streamlit as st

from mtlens.statistics.shown import counted
from mtlens_dashboard import claim_table, figures, queries
from mtlens_dashboard.figures.theme import CLAIMS
from mtlens_dashboard.queries.claim import SCOPES, Scope, label_of
from mtlens_dashboard.widgets.card import card
from mtlens_dashboard.widgets.chart import chart, details, nothing, show
from mtlens_dashboard.widgets.filters import Chosen
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import draw, read
from mtlens_dashboard.wording import claim_titles, titles

HOW_VERDICTS = """
Each experiment file states its claim before the run. *Supported*: the 95 % interval of the statistic lies above the threshold;
*not supported*: below it; *undecided*: neither, or undefined. A line without an experiment is over all experiments that state
the same claim.
"""
_PER_ROW = 3  # cards


def page(chosen: Chosen) -> None:
    """All experiments of the workspace, whichever is chosen: a single one has few groups of tasks."""
    whole = read(queries.claim)
    st.title(literal(claim_titles.trial(whole)), anchor=False)
    _verdicts(whole)
    kinds = read(queries.claim_kinds)
    if not kinds:
        nothing(
            "No gains to compare with evidence",
            "It takes groups of two or more tasks that were trained, all tasks together or those of `mtlens search`, the "
            "task-specific models, and evidence on them.",
        )
        return
    info = _choose(whole, kinds)
    experiments = len({point.experiment_id for point in info.known})
    st.markdown(literal(claim_titles.finding(info)))
    st.caption(
        f"Over {counted(experiments, 'experiment')}: all of this workspace that trained groups of tasks, of each name the "
        "latest, whichever is chosen."
    )
    left, right = st.columns([3, 2])
    with left:
        chart("claim-gains", draw(figures.claim_gains, info), info)
    with right:
        chart("claim-counts", draw(figures.claim_counts, info), info)
    chart("claim-predictors", draw(figures.claim_predictors, info), info)
    if info.predictors:
        show(claim_table.short(info), "predictors")
        if remarks := claim_table.remarks(info):
            st.caption("  \n".join(map(literal, remarks)))
    dose = read(queries.dose)
    if dose.points:
        chart("claim-dose", draw(figures.claim_dose, dose), dose)
    else:
        nothing(claim_titles.NO_DOSE, figures.NO_DOSE_ADVICE)


def _choose(whole: queries.ClaimInfo, kinds: tuple[str, ...]) -> queries.ClaimInfo:
    """Which evidence, and whether differences between experiments count."""
    scopes: list[Scope] = list(SCOPES)
    with st.container(horizontal=True):
        evidence = st.selectbox(
            "Evidence", kinds, kinds.index(whole.evidence), format_func=label_of, key="evidence",
            bind="query-params", width=320,
        )  # fmt: skip
        scope = st.selectbox(
            "Compared", scopes, scopes.index(whole.scope), format_func=SCOPES.__getitem__, key="scope", bind="query-params",
            width=220, help="Within experiments: gains and evidence minus their means in the experiment.",
        )  # fmt: skip
    return read(queries.claim, evidence, scope)


def _verdicts(info: queries.ClaimInfo) -> None:
    """A card per preregistered claim, and all of them as a table."""
    for start in range(0, len(info.judged), _PER_ROW):
        some = info.judged[start : start + _PER_ROW]
        for place, claim in zip(st.columns(len(some)), some, strict=True):
            with place:
                mark = CLAIMS.get(claim.verdict, CLAIMS["undecided"])
                card("Preregistered claim", mark, claim_titles.outcome(claim), titles.whole(claim.statement))
    if info.verdicts:
        details("claims", lambda: claim_table.of_verdicts(info.verdicts), HOW_VERDICTS, label="All preregistered claims · CSV")
