"""What `mtlens plan` prints: data, runs, cost, and the power of the test set for the margin."""

from rich.markup import escape
from rich.table import Table

from mtlens.cli.output import NARROW, out
from mtlens.config.experiment import Experiment
from mtlens.config.run_kinds import MULTI
from mtlens.config.sections import Search
from mtlens.data.examples import Examples
from mtlens.data.sources import source_of
from mtlens.data.splits import SPLITS, in_split
from mtlens.execution.overview import DISAGREEMENT_RATES, Overview
from mtlens.statistics.power import required_examples


def print_plan(overview: Overview) -> None:
    """Everything about a plan that can be known before anything runs."""
    plan = overview.plan
    experiment, examples = plan.experiment, plan.examples
    out.print(f"[bold]{experiment.name}[/]: {len(examples.ids):,} texts ({_sizes(examples)}), {len(experiment.tasks)} tasks")
    lengths, longest = plan.encoded.lengths, plan.encoded.longest
    out.print(
        f"{lengths.mean():.0f} tokens a text, {lengths.max()} at most, {len(plan.encoded.vocabulary):,} different ones; "
        f"{(lengths == longest).sum():,} texts reach {longest} tokens and are cut there"
    )
    for note in examples.notes:
        out.print(f"note: {note}", markup=False)
    out.print(_class_table(examples))
    for line in source_of(experiment).summary():
        out.print(line)
    _print_cost(overview)
    if overview.lacking:
        less = f"This machine has less than the file asks for: {overview.lacking}."
        out.print(f"{less} `mtlens run` will need a cluster; the time is for lanes as fast as one here.", markup=False)
    if experiment.search is not None:
        _print_search(experiment, experiment.search)
    _print_power(overview)


def _sizes(examples: Examples) -> str:
    """How many texts each split has, or each fold."""
    if examples.folds is None:
        return ", ".join(f"{in_split(examples.splits, split).sum():,} {split}" for split in SPLITS)
    sizes = [int((examples.folds.of_example == fold).sum()) for fold in range(examples.folds.count)]
    return (
        f"{len(sizes)} folds of {min(sizes):,} to {max(sizes):,} that test in turn, "
        f"{len(examples.ids) - sum(sizes):,} kept out of all of them"
    )


def _class_table(examples: Examples) -> Table:
    table = Table("task", "class", *SPLITS, **NARROW)
    for column in table.columns[2:]:
        column.justify = "right"
    for index, task in enumerate(examples.tasks):
        counts = examples.class_counts(index)
        for row, name in enumerate(task.classes):
            table.add_row(
                escape(task.name) if row == 0 else "",
                escape(name),
                *(f"{counts[split][name]:,}" for split in SPLITS),
                end_section=row == len(task.classes) - 1,
            )
    return table


def _print_cost(overview: Overview) -> None:
    plan, missing, cost = overview.plan, overview.missing, overview.cost
    roles = [planned.role for planned in plan.runs]
    parts = ", ".join(f"{roles.count(role)} {role}" for role in dict.fromkeys(roles))
    out.print(f"{len(plan.distinct)} runs ({parts}) over {len(plan.experiment.seeds)} seeds")
    out.print(_run_table(overview))
    if len(missing) < len(plan.distinct):
        out.print(f"{len(plan.distinct) - len(missing)} of them are finished; what follows is for the other {len(missing)}")
    out.print(
        f"about {cost.flops / 1e12:,.0f} TFLOP at most; {overview.minutes} on {overview.lanes.side_by_side} lanes "
        f"(a lane multiplied at {cost.rate / 1e9:,.0f} GFLOP/s just now)"
    )
    if patience := plan.experiment.training.patience:
        out.print(f"A run ends when {patience} epochs have gone by without a better one on validation.")


def _print_search(experiment: Experiment, search: Search) -> None:
    """How many groups there are beside those that are trained anyway, and what limits the search."""
    num_groups = 2 ** len(experiment.tasks) - len(experiment.tasks) - 1 - (MULTI.asked_by in experiment.runs)
    runs = num_groups * experiment.runs_per_group
    limits = {"runs": search.runs, "GPU-seconds": search.gpu_seconds, "minutes": search.minutes}
    budget = ", ".join(f"{limit:g} {what}" for what, limit in limits.items() if limit is not None)
    out.print(
        f"{search.method} search: {num_groups:,} more groups, {runs:,} more runs if all are trained; "
        f"{'at most ' + budget if budget else 'no budget'}"
    )


def _run_table(overview: Overview) -> Table:
    """A line for each set of tasks and grid point, its seeds beside it."""
    table = Table("runs", "tasks", "epochs at most", "learning rate", "seeds", **NARROW)
    for setting in overview.settings:
        cells = (setting.role, setting.tasks, str(setting.epochs), f"{setting.learning_rate:g}")
        table.add_row(*map(escape, cells), " ".join(map(str, setting.seeds)))
    return table


def _print_power(overview: Overview) -> None:
    """What the test set can decide: the smallest margin at 90 % power if the models are equally good, in points."""
    margin, seeds = overview.plan.experiment.margin, overview.plan.experiment.seeds
    table = Table("task", "test examples", *(f"at {share:.0%} disagreement" for share in DISAGREEMENT_RATES), **NARROW)
    table.title = f"Smallest margin that the test set can settle (yours is {100 * margin:g} points)"
    table.title_justify = "left"
    for task in overview.power:
        cells = [f"[{'green' if smallest <= margin else 'yellow'}]{100 * smallest:.1f}[/]" for smallest in task.margins]
        table.add_row(escape(task.task), f"{task.test_examples:,}", *cells)
    out.print(table)
    needed = ", ".join(f"{required_examples(margin, share):,} at {share:.0%}" for share in DISAGREEMENT_RATES)
    out.print(
        f"Test examples that the margin needs: {needed} disagreement rate (share of examples that one model of two gets right)."
    )
    out.print("[dim]Counted for accuracy of single examples; rare classes and correlated examples need more.[/]")
    if len(seeds) < 3:
        out.print("[yellow]Fewer than 3 seeds: every verdict will be inconclusive.[/]")
