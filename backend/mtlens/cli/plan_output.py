"""What `mtlens plan` prints: data, runs, cost, and the chance of a verdict."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from mtlens.cli.output import NARROW, out
from mtlens.config.experiment import Experiment
from mtlens.config.run_kinds import MULTI
from mtlens.config.sections import Search
from mtlens.data.examples import Examples
from mtlens.data.sources import source_of
from mtlens.data.splits import SPLITS, in_split
from mtlens.data.tokenize import Encoded
from mtlens.execution.overview import NUM_SEEDS, Overview, TaskChance
from mtlens.statistics.power import POWER
from mtlens.statistics.shown import counted


def print_plan(overview: Overview) -> None:
    """Everything about a plan that can be known before anything runs."""
    plan = overview.plan
    experiment, examples = plan.experiment, plan.examples
    tasks = counted(len(experiment.tasks), "task")
    out.print(f"[bold]{experiment.name}[/]: {len(examples.ids):,} texts ({_sizes(examples)}), {tasks}")
    out.print(_lengths(plan.tokens.sized))
    for note in (*plan.notes, *plan.cut_texts):
        out.print(f"note: {note}", markup=False)
    out.print(_class_table(examples))
    for line in source_of(experiment).summary():
        out.print(line)
    _print_cost(overview)
    if overview.lacking:
        less = f"This machine has less than the file asks for: {overview.lacking}."
        out.print(f"{less} `mtlens run` will need a cluster; the time is for lanes as fast as one here.", markup=False)
    if len(experiment.looks) > 1:
        _print_looks(overview)
    if experiment.search is not None:
        _print_search(experiment, experiment.search)
    _print_chances(overview)


def _lengths(sized: Encoded) -> str:
    """How long the texts are."""
    mean = f"{sized.uncut.mean():.0f} tokens a text"
    if sized.counted is not None:
        return f"about {mean} (estimated from {sized.counted:,} texts)"
    return f"{mean}, {sized.uncut.max():,} at most, {len(sized.vocabulary):,} different ones"


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
        names = list(counts[SPLITS[0]])
        for row, name in enumerate(names):
            table.add_row(
                escape(task.name) if row == 0 else "",
                escape(name),
                *(f"{counts[split][name]:,}" for split in SPLITS),
                end_section=row == len(names) - 1,
            )
    return table


def _print_cost(overview: Overview) -> None:
    plan, missing, cost = overview.plan, overview.missing, overview.cost
    roles = [planned.role for planned in plan.first]
    parts = ", ".join(f"{roles.count(role)} {role}" for role in dict.fromkeys(roles))
    runs = len(plan.distinct_first)
    out.print(f"{counted(runs, 'run')} ({parts}) over {counted(len(plan.experiment.first_seeds), 'seed')}")
    out.print(_run_table(overview))
    if len(missing) < runs:
        out.print(f"{runs - len(missing)} of them are finished; what follows is for the other {len(missing)}")
    out.print(
        f"about {cost.flops / 1e12:,.0f} TFLOP at most; {overview.minutes} on {overview.lanes.side_by_side} lanes, "
        f"of which {overview.evidence / 60:.1f} for the evidence (a lane trained at {cost.rate / 1e9:,.0f} GFLOP/s)"
    )
    if patience := plan.experiment.training.patience:
        out.print(f"A run ends when {patience} epochs have gone by without a better one on validation.")


def _print_looks(overview: Overview) -> None:
    """Where seeds are trained until verdicts are settled: the looks, and what each costs at most."""
    table = Table("look", "seeds", "runs at most", "minutes at most", **NARROW)
    table.title = "Seeds until settled: verdicts are tested at these looks, and what is settled is trained no further"
    table.title_justify = "left"
    for number, look in enumerate(overview.looks, 1):
        table.add_row(str(number), str(look.seeds), f"{look.runs:,}", f"{look.minutes:.1f}" if look.minutes else "-")
    out.print(table)
    if (budget := overview.plan.experiment.budget) is not None:
        limits = {"minutes": budget.minutes, "GPU-hours": budget.gpu_hours}
        allowed = " and ".join(f"{limit:g} {unit}" for unit, limit in limits.items() if limit is not None)
        out.print(f"No look begins that would exceed the budget of {allowed}.")


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


def _print_chances(overview: Overview) -> None:
    """The chance of a match by the number of seeds, task by task, and what so many seeds cost."""
    seeds, within, margins = overview.plan.experiment.all_seeds, *_margins(overview.chances)
    table = Table("task", "test examples", *(f"{number} seeds" for number in NUM_SEEDS), **NARROW)
    table.title = f"Chance in % of a match within {within}, if the models are equally good"
    table.title_justify = "left"
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for task in overview.chances:
        cells = [_percent(*chances) for chances in task.chances] or ["-"] * len(NUM_SEEDS)
        table.add_row(escape(task.task) + ("*" if task.earlier else ""), f"{task.test_examples:,}", *cells)
    table.add_section()
    table.add_row("minutes at most", "", *(f"{minutes:.1f}" for minutes in overview.minutes_by_seeds))
    out.print(table)
    if margins:
        out.print(margins, style="dim", markup=False)
    public = any(not task.earlier for task in overview.chances if task.chances)
    notes = [
        "Seeds vary as on 36 public text tasks: half of them lie between the bounds in brackets." if public else "",
        "-: not known before models of the task are trained." if not all(task.chances for task in overview.chances) else "",
        "* from earlier runs in this workspace" if any(task.earlier for task in overview.chances) else "",
        "These are chances of one test; with several looks each is stricter."
        if len(overview.plan.experiment.looks) > 1
        else "",
    ]
    out.print(" ".join(filter(None, notes)), style="dim", markup=False)
    if len(seeds) < 3:
        out.print("[yellow]Fewer than 3 seeds: every verdict will be inconclusive.[/]")


def _margins(chances: Sequence[TaskChance]) -> tuple[str, str]:
    """The margin in words, and where tasks have different ones a line that names the tasks of each."""
    tasks: dict[str, list[str]] = {}
    for task in chances:
        tasks.setdefault(task.margin, []).append(task.task)
    if len(tasks) == 1:
        return next(iter(tasks)), ""
    listed = "; ".join(f"{margin} ({', '.join(names)})" for margin, names in tasks.items())
    return "the margin of each task", f"Margins: {listed}."


def _percent(little: float, likely: float, much: float) -> str:
    """The likely chance, coloured, and in brackets those with much and little noise where they differ."""
    low, middle, high = (f"{100 * chance:.0f}" for chance in (much, likely, little))
    span = f" ({low}-{high})" if low != high else ""
    return f"[{'green' if likely >= POWER else 'yellow'}]{middle}[/]{span}"
