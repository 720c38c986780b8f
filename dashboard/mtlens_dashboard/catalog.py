"""Every figure by name: its data, how it is drawn, its table, and how to read it.

`mtlens figure` and `mtlens report` take figures from this list only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

import plotly.graph_objects as go

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import arm_table, claim_table, figures, queries, tables
from mtlens_dashboard.figures.families import distinct
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.cka import DEFAULT, Comparing
from mtlens_dashboard.tables import Table
from mtlens_dashboard.wording import captions

Searched = tuple[tuple[queries.GroupingInfo, ...], queries.RecommendationInfo | None]
"""The candidates, and what follows from them once it is settled."""


@dataclass(frozen=True)
class Entry:
    """One figure. read: the Infos of an experiment, which draw and tabulate take.

    reading: how to read it; a function of the Infos where that depends on what they are about. picked: which of several `read`
    takes, where a page lets people choose.
    """

    name: str
    read: Callable[[Workspace, str], Any]
    draw: Callable[..., go.Figure]
    tabulate: Callable[[Any], Table]
    reading: str | Callable[[Any], str]
    picked: str = ""

    def how_to_read(self, info: Any) -> str:
        """What to look at in the figure of these Infos."""
        return self.reading if isinstance(self.reading, str) else self.reading(info)


def find(name: str) -> Entry:
    """Entry of this name; `WorkspaceError` with the nearest name where there is none."""
    if name in ENTRIES:
        return ENTRIES[name]
    near = get_close_matches(name, ENTRIES, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise WorkspaceError(f"a figure should be one of {', '.join(ENTRIES)}; found {name!r}{hint}")


def find_experiment(workspace: Workspace, wanted: str | None = None) -> queries.ExperimentInfo:
    """The experiment of this id, or the newest of this name, or the newest of all; `WorkspaceError` where there is none."""
    known = queries.experiments(workspace)
    by_id = next((experiment for experiment in known if wanted in (None, experiment.experiment_id)), None)
    chosen = by_id or next((experiment for experiment in known if experiment.name == wanted), None)
    if chosen is None:
        names = ", ".join(dict.fromkeys(experiment.name for experiment in known))
        what = "an experiment" if wanted is None else f"experiment {wanted!r}"
        raise WorkspaceError(f"{workspace.root} should hold {what}; found {names or 'none'}")
    return chosen


def _comparing(workspace: Workspace, experiment_id: str) -> Comparing:
    return next(iter(queries.choices(workspace, experiment_id)), DEFAULT)


def _profiles(workspace: Workspace, experiment_id: str) -> tuple[queries.ProfileInfo, ...]:
    return queries.weakest_first(queries.profiles(workspace, experiment_id, "tasks", _comparing(workspace, experiment_id)))


def _profiles_of_multi(workspace: Workspace, experiment_id: str) -> tuple[queries.ProfileInfo, ...]:
    return queries.weakest_first(queries.profiles(workspace, experiment_id, "multi", _comparing(workspace, experiment_id)))


def _lowest_alignments(workspace: Workspace, experiment_id: str) -> tuple[queries.AlignmentInfo, ...]:
    return queries.lowest_first(queries.alignments(workspace, experiment_id))


def _matrices(workspace: Workspace, experiment_id: str) -> tuple[queries.LayerMatrixInfo, ...]:
    return queries.matrices(workspace, experiment_id, "tasks", _comparing(workspace, experiment_id))


def _confusion(workspace: Workspace, experiment_id: str) -> tuple[queries.ConfusionInfo, ...]:
    """Of the task on which the two kinds of models differ most, or of the first one."""
    matches = [match for match in queries.matching(workspace, experiment_id).tasks if match.difference is not None]
    widest = max(matches, key=lambda match: abs(match.in_margins.difference or 0.0), default=None)
    tasks = [widest.task] if widest else [task.task for task in queries.tasks(workspace, experiment_id)[:1]]
    return queries.confusion(workspace, experiment_id, tasks[0] or "") if tasks else ()


def _pair_over_stages(workspace: Workspace, experiment_id: str) -> tuple[queries.AlignmentInfo, ...]:
    """Of the pair with the lowest cosine."""
    known = [alignment for alignment in queries.alignments(workspace, experiment_id) if alignment.layer is None]
    weakest = min(known, key=lambda alignment: 2.0 if alignment.point is None else alignment.point, default=None)
    return queries.pair_over_stages(workspace, experiment_id, weakest.task_a, weakest.task_b) if weakest else ()


def _claim(workspace: Workspace, experiment_id: str) -> queries.ClaimInfo:
    """Over all experiments of the workspace: one of them has too few groups of tasks."""
    return queries.claim(workspace)


def _dose(workspace: Workspace, experiment_id: str) -> queries.DoseInfo:
    return queries.dose(workspace)


def _searched(workspace: Workspace, experiment_id: str) -> Searched:
    return queries.groupings(workspace, experiment_id), queries.recommendation(workspace, experiment_id)


def _draw_groupings(searched: Searched, *, theme: Theme = LIGHT) -> go.Figure:
    return figures.families(*searched, theme=theme)


def _tabulate_groupings(searched: Searched) -> Table:
    return tables.of_groupings(distinct(searched[0]))


def _draw_timeline(runs: tuple[queries.RunInfo, ...], *, theme: Theme = LIGHT) -> go.Figure:
    return figures.timeline(runs, datetime.now(UTC).replace(tzinfo=None), theme=theme)


def _draw_losses(curves: tuple[queries.CurveInfo, ...], *, theme: Theme = LIGHT) -> go.Figure:
    return figures.learning_curves(curves, "loss", theme=theme)


_LIST = (
    Entry("case", queries.case, figures.case, lambda info: tables.of_explanations(info.explanations), captions.case),
    Entry(
        "claim",
        queries.explanations,
        figures.claim,
        tables.of_explanations,
        "A pair of tasks matches as the worse of its two tasks does. Its evidence is for one model where its "
        "layers are similar or its gradients aligned, against where they are different, opposed or unrelated, and undecided "
        "where nothing is settled or the two contradict each other.",
    ),
    Entry("forest", queries.matching, figures.forest, tables.of_matching, captions.forest),
    Entry(
        "arms",
        queries.arms,
        figures.arms,
        arm_table.of_arms,
        "A row per way to make one model of all tasks, shaded the margin. Each is compared with the task-specific "
        "models by the same tests; the best of several verdicts on one test split flatters itself. Conflicts: share of "
        "pairs of tasks and batches whose gradients pointed apart in training.",
    ),
    Entry(
        "looks",
        queries.looks,
        figures.looks,
        tables.of_looks,
        "A block per task, a row per look, shaded the margin. Where seeds are trained until verdicts are settled, each "
        "look spends a part of the 5 % chance of an error, so that its intervals are wider than those of a single test and "
        "hold at all looks together. A verdict that a look has reached stays; chance: how likely a later look gives one.",
    ),
    Entry(
        "costs",
        queries.costs,
        figures.costs,
        tables.of_costs,
        "Sums over the models that serve all tasks once, means over seeds; full bars are the task-specific models.",
    ),
    Entry(
        "learning-curves",
        queries.curves,
        figures.learning_curves,
        tables.of_curves,
        "A line per seed, or the mean and range of more than twelve. The ring is the epoch whose weights were kept, "
        "the best on validation; a ring at the right end means that more epochs might have helped. " + captions.SCORES,
    ),
    Entry(
        "loss-curves",
        queries.curves,
        _draw_losses,
        tables.of_curves,
        "Loss by epoch, a line per seed, or the mean and range of more than twelve; mean over the tasks of a model. "
        "Solid: of training, while it went on, with dropout; dashed: on validation, after the epoch. The training loss of "
        "models that learn their texts by heart falls while that of validation rises.",
    ),
    Entry(
        "confusion",
        _confusion,
        figures.confusion,
        tables.of_confusion,
        "Rows are true classes and add up to 100 %; the seeds are counted together.",
        picked="The task on which the two kinds of models differ most.",
    ),
    Entry("cka-depth", _profiles, figures.similarity_by_depth, tables.of_profiles, captions.profiles),
    Entry("cka-multi", _profiles_of_multi, figures.similarity_by_depth, tables.of_profiles, captions.profiles),
    Entry("cka-layers", _matrices, figures.layer_matrices, tables.of_matrices, captions.matrices),
    Entry("cka-differences", _matrices, figures.layer_differences, tables.of_matrices, captions.differences),
    Entry("gradients", queries.alignments, figures.task_cosines, tables.of_alignments, captions.cosines),
    Entry("gradients-depth", _lowest_alignments, figures.alignment_by_depth, tables.of_alignments, captions.cosines_by_depth),
    Entry(
        "gradients-course",
        _pair_over_stages,
        figures.stage_map,
        tables.of_alignments,
        "The cosine layer by layer, from the start of training to its end.",
        picked="The pair of tasks with the lowest gradient cosine.",
    ),
    Entry(
        "conflicts",
        queries.alignments,
        figures.conflict_rates,
        tables.of_alignments,
        "Share of microbatches on which the two gradients have a negative cosine, with its 95 % interval over seeds. "
        "Unrelated tasks have a rate of one half; where the interval holds one half, the pair is undecided.",
    ),
    Entry(
        "groupings",
        _searched,
        _draw_groupings,
        _tabulate_groupings,
        "Each dot is a way to divide the tasks among models; its score is the mean over all tasks, on test, with the "
        "95 % interval over seeds. Dots of one number of models lie side by side, the best on the left. Hollow: "
        "predicted, as not all of its groups are trained. " + captions.SCORES,
    ),
    Entry(
        "predicted-measured",
        queries.trial,
        figures.predicted_measured,
        tables.of_trial,
        "A panel per method; each point is one task in one group. On the diagonal, both agree. Hollow points "
        "were predicted but not measured, and lie on it by construction. Whiskers: 95 % intervals. The rank correlation is "
        "that of predicted with measured gains over a task's groups, mean over tasks, on seeds that the method has not seen; "
        "the ceiling is what the measured gains of those seeds themselves reach. " + captions.SCORES,
    ),
    Entry(
        "regret",
        queries.trial,
        figures.regret,
        tables.of_methods,
        "A panel per method; what its choice loses at each budget of models against that of the exhaustive oracle (the "
        "line at 0), both chosen by half of the seeds and scored on the other half. Below 0, the method "
        "scored higher than the oracle. "
        "Dotted, a control: the same predictions with their tasks permuted; an informative method stays below it. "
        "Under the name: the compute that the method needs before it can choose. " + captions.SCORES,
    ),
    Entry(
        "claim-gains", _claim, figures.claim_gains, claim_table.of_gains, captions.CLAIM_GAINS, picked=captions.PICKED_EVIDENCE
    ),
    Entry(
        "claim-counts",
        _claim,
        figures.claim_counts,
        claim_table.of_gains,
        captions.CLAIM_COUNTS,
        picked=captions.PICKED_EVIDENCE,
    ),
    Entry("claim-predictors", _claim, figures.claim_predictors, claim_table.of_predictors, captions.CLAIM_PREDICTORS),
    Entry("claim-dose", _dose, figures.claim_dose, claim_table.of_dose, captions.CLAIM_DOSE),
    Entry("timeline", queries.runs, _draw_timeline, tables.of_runs, "Bars are runs, rows are what trained side by side."),
)

ENTRIES = {entry.name: entry for entry in _LIST}
"""All figures by name, in the order of a report."""
