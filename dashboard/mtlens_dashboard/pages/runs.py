"""Progress of the runs: time left, last events and reasons of failure, refreshed every two seconds. A click opens a run."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from mtlens.config.run_kinds import label_of
from mtlens.errors import MtlensError
from mtlens.statistics.shown import counted
from mtlens_dashboard import figures, queries, tables
from mtlens_dashboard.widgets.auto_refresh import SECONDS
from mtlens_dashboard.widgets.chart import chart, details, show
from mtlens_dashboard.widgets.filters import Chosen
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.run import open_run
from mtlens_dashboard.widgets.session import draw, read
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import MISSING, duration, listing

_OPEN = "run"  # also its name in the address
_WRITTEN = "run in the URL"
_LINE, _MOST_REASONS = 60, 8  # characters of a reason that fit beside the other columns; reasons that are listed
EVIDENCE_JOBS = {
    "states": "hidden states",
    "similarity": "similarity (CKA)",
    "gradients": "gradients",
    "cross": "gradients of task-specific models",
    "lookahead": "look-ahead (TAG)",
    "linearised": "linearised estimate (Grad-TAE)",
}
HOW_RUNS = """
All runs that the experiment asks for, the newest event first. **State**: waiting, unfinished, done, failed or damaged.
**Selected**: the grid point that is compared. Scores are means over the tasks of the run: from 0 to 1 in this table
and its file, x 100 in the list above. Times are UTC.
"""


def page(chosen: Chosen) -> None:
    """Everything on it moves while runs train."""
    _live(chosen)


@st.fragment(run_every=SECONDS)
def _live(chosen: Chosen) -> None:
    try:
        _show_progress(chosen)
    except MtlensError as error:  # what a fragment raises does not reach the page that holds it
        st.error(literal(str(error)))


def _show_progress(chosen: Chosen) -> None:
    every_run = read(queries.runs, chosen.experiment_id)
    runs = tuple(run for run in every_run if _is_chosen(run, chosen))
    now = datetime.now(UTC).replace(tzinfo=None)
    st.title(literal(titles.runs(every_run, now)), anchor=False)
    if not runs:
        st.caption("The experiment asks for none." if not every_run else "None of them is of the chosen tasks and seeds.")
        return
    st.progress(sum(run.fraction for run in every_run) / len(every_run))
    _training([run for run in runs if run.state == "unfinished"], now)
    _failed([run for run in runs if run.state in ("failed", "damaged")])
    _looks(read(queries.looks, chosen.experiment_id))
    _evidence_jobs(read(queries.evidence_jobs, chosen.experiment_id))
    times = [run.last_event for run in runs if run.last_event]
    if times:
        chart("timeline", draw(figures.timeline, runs, max(times)), runs, title="When they ran")
    st.markdown("## All runs" if len(runs) == len(every_run) else "## Runs of the chosen tasks and seeds")
    _all(chosen, runs)


def _is_chosen(run: queries.RunInfo, chosen: Chosen) -> bool:
    """By the filters of the sidebar; a run that waits has no tasks and seed yet."""
    tasks = run.tasks.split(", ") if run.tasks else []
    return (run.seed is None or run.seed in chosen.seeds) and (not tasks or bool(set(tasks) & set(chosen.tasks)))


def _training(runs: list[queries.RunInfo], now: datetime) -> None:
    if not runs:
        return
    st.markdown("## Stalled" if all(run.is_stalled(now) for run in runs) else "## Training now")
    columns = {
        "models": [_name(run) for run in runs],
        "seed": [run.seed for run in runs],
        **_folds(runs),
        "progress": [100 * run.fraction for run in runs],
        "epoch": [f"{run.epoch or 0} of {run.epochs}" for run in runs],
        "left": [duration(run.seconds_left(now)) for run in runs],
        "last event": [_heartbeat(run, now) for run in runs],
    }
    st.dataframe(columns, hide_index=True, key="training", column_config={"progress": _progress()})


def _failed(runs: list[queries.RunInfo]) -> None:
    if not runs:
        return
    st.markdown("## Failed")
    columns = {
        "models": [_name(run) for run in runs],
        "seed": [run.seed for run in runs],
        **_folds(runs),
        "reason": [run.reason or "no reason was stored" for run in runs],
    }
    config = {"models": st.column_config.TextColumn(width=230), "seed": st.column_config.NumberColumn(width=60)}
    is_long = any(len(run.reason or "") > _LINE for run in runs)
    height = 72 if is_long else None  # pixels: in high rows, long texts are broken into lines
    st.dataframe(columns, hide_index=True, key="failed", column_config=config, row_height=height)
    st.caption("The command that started the experiment tries them again.")


def _looks(looks: queries.LooksInfo) -> None:
    """How far the looks are; nothing where the seeds were listed."""
    if len(looks.schedule) < 2:
        return
    st.markdown("## Seeds until settled")
    st.caption(literal(f"{titles.looks(looks)}. Looks are after {', '.join(map(str, looks.schedule))} seeds."))
    if looks.rows:
        show(tables.of_looks(looks), "looks")


def _folds(runs: Sequence[queries.RunInfo]) -> dict[str, list[int | None]]:
    """The fold that each run leaves out, where runs leave one out."""
    return {"fold left out": [run.fold for run in runs]} if any(run.fold is not None for run in runs) else {}


def _evidence_jobs(evidence_jobs: tuple[queries.EvidenceProgressInfo, ...]) -> None:
    if not evidence_jobs:
        return
    st.markdown("## Evidence")
    names = ("computation", "state", "number", "seconds")
    rows = [(EVIDENCE_JOBS.get(job.kind, job.kind), job.state, job.number, job.seconds) for job in evidence_jobs]
    seconds = {"seconds": st.column_config.NumberColumn(format="%.1f")}
    show(tables.Table(columns=names, rows=tuple(rows)), "evidence jobs", column_config=seconds)
    reasons = [f"{EVIDENCE_JOBS.get(job.kind, job.kind)}: {reason}" for job in evidence_jobs for reason in job.reasons]
    if reasons:
        more = [f"and {counted(len(reasons) - _MOST_REASONS, 'further reason')}"] if len(reasons) > _MOST_REASONS else []
        st.error("  \n".join(map(literal, [*reasons[:_MOST_REASONS], *more])))


def _all(chosen: Chosen, runs: tuple[queries.RunInfo, ...]) -> None:
    runs = tuple(sorted(runs, key=lambda run: run.last_event or datetime.min, reverse=True))
    st.caption("The newest event first, waiting runs last. Tick a row to open the run; click a column heading to sort.")
    columns = {
        "models": [_name(run) for run in runs],
        "seed": [run.seed for run in runs],
        **_folds(runs),
        **(_grid(runs) if any(run.candidate for run in runs) else {}),
        "state": [run.state for run in runs],
        "progress": [100 * run.fraction for run in runs],
        "validation": [_points(run.validation_score) for run in runs],
        "test": [_points(run.test_score) for run in runs],
        "learning rate": [run.learning_rate for run in runs],
        "seconds": [run.seconds for run in runs],
        "device": [run.device for run in runs],
        "started": [run.started for run in runs],
        "run": [run.run_id for run in runs],
    }
    config = {"progress": _progress(), "validation": _score(), "test": _score(),
              "learning rate": st.column_config.NumberColumn(format="scientific"),
              "seconds": st.column_config.NumberColumn(format="%.1f")}  # fmt: skip
    by_id = {run.run_id: run for run in runs}

    def tick() -> None:
        ticked = st.session_state["runs"].selection.rows
        st.session_state[_OPEN] = runs[ticked[0]].run_id if ticked else None

    st.dataframe(columns, hide_index=True, key="runs", column_config=config, on_select=tick,
                 selection_mode="single-row", placeholder=MISSING)  # fmt: skip
    details("runs", lambda: tables.of_runs(runs), HOW_RUNS)
    _follow_link(by_id)
    chosen_run = st.selectbox(
        "Tick a run above to open it, or choose it here", list(by_id), index=None, key=_OPEN,
        format_func=lambda id_: f"{_name(by_id[id_])}, seed {by_id[id_].seed}, {id_}" if id_ in by_id else id_,
        placeholder="choose a run",
    )  # fmt: skip
    st.session_state[_WRITTEN] = chosen_run
    if chosen_run:
        st.query_params[_OPEN] = chosen_run
    else:
        st.query_params.pop(_OPEN, None)
    if chosen_run in by_id:
        open_run(chosen.experiment_id, by_id[chosen_run])


def _follow_link(runs: Collection[str]) -> None:
    """Open the run that the address asks for by its id; Streamlit's own binding would write the whole name into the address."""
    linked = st.query_params.get(_OPEN)
    if linked in runs and linked != st.session_state.get(_WRITTEN):
        st.session_state[_OPEN] = linked


def _grid(runs: tuple[queries.RunInfo, ...]) -> dict[str, list[Any]]:
    """Columns that are useful only where a grid was searched."""
    return {"grid point": [run.candidate for run in runs], "selected": [run.selected for run in runs]}


def _name(run: queries.RunInfo) -> str:
    role = label_of(run.role)
    return f"{role}: {listing(run.tasks.split(', '), 4)}" if run.tasks else role


def _heartbeat(run: queries.RunInfo, now: datetime) -> str:
    silence = run.silence(now)
    if silence is None:
        return "none yet"
    return f"{duration(max(silence, 0.0))} ago" + (": stalled" if run.is_stalled(now) else "")


def _points(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _progress() -> Any:
    return st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.0f %%")


def _score() -> Any:
    return st.column_config.NumberColumn(format="%.1f")
