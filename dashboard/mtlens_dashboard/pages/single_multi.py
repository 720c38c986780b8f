"""One model against N, in detail: forest plot, scores, learning curves and confusion matrices."""

from dataclasses import replace
from functools import partial

import streamlit as st

from mtlens.config import run_kinds
from mtlens.config.run_kinds import RUN_KINDS
from mtlens.statistics.metrics import label_of
from mtlens_dashboard import figures, queries, tables
from mtlens_dashboard.figures.learning import Quantity
from mtlens_dashboard.figures.panels import MOST
from mtlens_dashboard.widgets.chart import chart, details, nothing, part, section, show
from mtlens_dashboard.widgets.filters import Chosen
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import draw, read
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import shorten

HOW_VERDICTS = """
Mean score over seeds, x 100 but for errors. Models that are compared with the task-specific ones have the 90 % interval of the
difference and the verdict behind it.
"""
HOW_SCORES = """
Mean over seeds ± sample standard deviation between seeds, shares x 100, of the grid point that was best on
validation. The test split is used for nothing but this. The task-specific models are the baseline; differences to them, with
their intervals, are those of the forest plot, by the metric of each task.
"""


def page(chosen: Chosen) -> None:
    """From the verdict down to single predictions."""
    kinds = [kind.name for kind in RUN_KINDS.values() if kind.compared]
    comparisons = [read(queries.matching, chosen.experiment_id, kind) for kind in kinds]
    compared = {matching.kind: matching for matching in comparisons if matching.rows}
    heading = st.empty()
    kind = _choose_kind(list(compared))
    if kind is None:
        heading.title(literal(titles.NO_VERDICT), anchor=False)
        nothing("No comparison yet", "It appears once both kinds of models have finished the same seeds of a task.")
    else:
        matching = _of_seeds(compared[kind], chosen.seeds).only(chosen.tasks)
        heading.title(literal(titles.comparison(matching)), anchor=False)
        warnings = titles.warnings(matching, read(queries.curves, chosen.experiment_id))
        if warnings:
            st.warning("  \n".join(map(literal, warnings)), icon=":material/warning:")
        figure = draw(figures.forest, matching)
        chart("forest", figure, matching, title="Difference to the task-specific models")
        if matching.remarks:
            st.caption("  \n".join(map(literal, matching.remarks)))
        grid = partial(tables.verdict_grid, [matching.only(chosen.tasks) for matching in compared.values()])
        details("verdicts", grid, HOW_VERDICTS, label="All verdicts as a table · Markdown · CSV · LaTeX", latex=True)
        _looks(chosen, kind)
    _arms(chosen)
    _scores(chosen)
    for label, key, inside, draw_section in (
        ("Learning curves", "learning", "curves", _curves),
        ("Confusion matrices", "predictions", "task", _confusion),
    ):
        if place := section(label, key, inside):
            with place:
                draw_section(chosen)


def _choose_kind(kinds: list[str]) -> str | None:
    """What is compared with the task-specific models; asked only where there is a choice."""
    if len(kinds) < 2:
        return kinds[0] if kinds else None
    picked = st.segmented_control(
        "Compared with the task-specific models", kinds, default=kinds[0], format_func=run_kinds.label_of, key="kind",
        bind="query-params", required=True,
    )  # fmt: skip
    return kinds[kinds.index(picked)] if picked in kinds else kinds[0]


def _arms(chosen: Chosen) -> None:
    """Which single model matches; nothing where the joint model is the only one."""
    arms = read(queries.arms, chosen.experiment_id)
    if arms:
        chart("arms", draw(figures.arms, arms), arms)
        for arm in arms:
            if arm.recommended and arm.statement:
                st.caption(literal(f"Recommended, chosen on validation: {arm.statement}"))


def _looks(chosen: Chosen, kind: str) -> None:
    """When each task was settled; nothing where the seeds were listed."""
    looks = read(queries.looks, chosen.experiment_id, kind)
    if looks.rows:
        chart("looks", draw(figures.looks, looks), looks)


def _of_seeds(matching: queries.MatchingInfo, seeds: tuple[int, ...]) -> queries.MatchingInfo:
    """The same with the dots of some seeds; means, intervals and verdicts stay those of all."""

    def only(match: queries.MatchInfo) -> queries.MatchInfo:
        kept = [place for place, seed in enumerate(match.seeds) if seed in seeds]
        return replace(
            match,
            seeds=tuple(match.seeds[place] for place in kept),
            single_per_seed=tuple(match.single_per_seed[place] for place in kept),
            multi_per_seed=tuple(match.multi_per_seed[place] for place in kept),
        )

    pooled = only(matching.pooled) if matching.pooled else None
    return replace(matching, tasks=tuple(map(only, matching.tasks)), pooled=pooled)


def _scores(chosen: Chosen) -> None:
    every_metric = [score for score in read(queries.scores, chosen.experiment_id) if score.task in chosen.tasks]
    scores = tuple(score for score in every_metric if score.metric == chosen.metric)
    metric = label_of(chosen.metric)
    where = "on the test split" if chosen.experiment.folds is None else "on the fold that each run left out"
    st.markdown(f"## Models and tasks: {literal(metric)} {where}")
    if not scores:
        nothing(f"No {literal(metric)} yet", "It is stored when a run has finished.")
        return
    grid = tables.score_grid(scores, chosen.metric)
    show(grid, "scores")
    details("scores", lambda: grid, HOW_SCORES, label="How to read this · table · CSV · LaTeX", latex=True)


def _curves(chosen: Chosen) -> None:
    curves = tuple(
        curve
        for curve in read(queries.curves, chosen.experiment_id)
        if curve.seed in chosen.seeds and set(curve.tasks) & set(chosen.tasks)
    )
    if not curves:
        nothing("No learning curves yet", "A run adds a point whenever it has finished an epoch.")
        return
    names: dict[Quantity, str] = {"validation": "validation score", "loss": "losses"}
    picked = st.segmented_control(
        "Learning curves", list(names), default="validation", format_func=names.__getitem__, key="curves", bind="query-params",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    models = dict.fromkeys((curve.role, curve.tasks) for curve in curves)
    some = part(sorted(models, key=lambda model: model[0] != run_kinds.MULTI.name), MOST, "models, the multi-task one first")
    shown = tuple(curve for curve in curves if (curve.role, curve.tasks) in some)
    quantity: Quantity = "loss" if picked == "loss" else "validation"
    name = "loss-curves" if quantity == "loss" else "learning-curves"
    chart(name, draw(figures.learning_curves, shown, quantity=quantity), shown, title=titles.learning(curves))


def _confusion(chosen: Chosen) -> None:
    task = st.selectbox("Predictions of task", chosen.tasks, key="task", bind="query-params", format_func=shorten, width=320)
    matrices = read(queries.confusion, chosen.experiment_id, task)
    if not matrices:
        nothing("No confusion matrices yet", "Tasks with one class per text have them, once a run has finished.")
        return
    chart("confusion", draw(figures.confusion, matrices), matrices)
