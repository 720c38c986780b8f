"""What all pages use: the newest snapshot, answers kept until the next one, and the browser's theme."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import plotly.graph_objects as go
import streamlit as st

from mtlens.errors import MtlensError, WorkspaceError
from mtlens.store.database.reader import snapshot_path
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.figures.theme import DARK, LIGHT, Theme
from mtlens_dashboard.widgets.shown_workspace import workspace

_KEPT = 256  # answers: those of the last ten or so snapshots of an experiment that is looked at page by page
_FIGURES = 32  # those of all pages in both themes, of an experiment or two
_LAST_GOOD = "last good snapshot"

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def theme() -> Theme:
    """Light or dark, as the browser is."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def draw(figure: Callable[Arguments, go.Figure], *infos: Arguments.args, **options: Arguments.kwargs) -> go.Figure:
    """A function of `figures` in the colours of the browser; drawn once for the same data, which must be hashable."""
    return _draw(figure, infos, tuple(options.items()), theme())


@lru_cache(maxsize=_FIGURES)
def _draw(figure: Callable[..., go.Figure], infos: tuple[Any, ...], options: tuple[Any, ...], theme: Theme) -> go.Figure:
    return figure(*infos, **dict(options), theme=theme)


def newest() -> str:
    """Name of the newest snapshot, or of the last one that this session could read. `WorkspaceError` where there is none."""
    try:
        return snapshot_path(workspace()).name
    except WorkspaceError:
        if _LAST_GOOD not in st.session_state:
            raise
        return st.session_state[_LAST_GOOD]


def read(
    view: Callable[Concatenate[Workspace, Arguments], Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Answer:
    """What a function of `mtlens_dashboard.queries` answers, asked once per snapshot.

    Where the newest snapshot cannot be read, the answer from the last one that could is given again.
    """
    options = tuple(kwargs.items())
    snapshot = newest()
    try:
        answer = _read(str(workspace().root), snapshot, view, args, options)
    except MtlensError:
        last = st.session_state.get(_LAST_GOOD, snapshot)
        if last == snapshot:
            raise
        return _read(str(workspace().root), last, view, args, options)
    st.session_state[_LAST_GOOD] = snapshot
    return answer


@lru_cache(maxsize=_KEPT)  # `st.cache_data` copies every answer, and keeps a lock for every key there ever was
def _read(root: str, snapshot: str, view: Callable[..., Any], args: tuple[Any, ...], options: tuple[Any, ...]) -> Any:
    """`snapshot` is here to be part of the key. All sessions share the answer, so it must never be changed."""
    return view(Workspace(Path(root)), *args, **dict(options))
