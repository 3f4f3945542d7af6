"""Who came from whom, and the questions that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from trueup.cli.console import count, paint, paint_facts, paint_table, safe, say, say_json, stamp
from trueup.cli.desk import Deployed, desk_of, project_of, projects_of
from trueup.cli.options import AnyProject, Json, OneProject
from trueup.errors import InputError, NotFoundError
from trueup.model import Node, NodeKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.text import Text
    from rich.tree import Tree as Painted

    from trueup.lineage.walk import Direction, Tree
    from trueup.model import DatasetVersion, RetrainingRun
    from trueup.usecases.compare_models import Change, Comparison, Side
    from trueup.usecases.credit_annotators import Credit, Credits
    from trueup.usecases.trace_label import Learner, Trace, TracedLabel

HELP = (
    "Who came from whom: `trueup lineage ID` shows what led to anything and what came of it; the verbs below answer "
    "questions."
)
_COLOURS = {
    NodeKind.ENDPOINT: "blue",
    NodeKind.CAPTURE: "blue",
    NodeKind.SOURCE: "blue",
    NodeKind.SAMPLE: "cyan",
    NodeKind.SELECTION: "cyan",
    NodeKind.FEEDBACK: "blue",
    NodeKind.TASK: "cyan",
    NodeKind.BATCH: "blue",
    NodeKind.ANNOTATION: "yellow",
    NodeKind.REVIEW: "yellow",
    NodeKind.CONSENSUS: "yellow",
    NodeKind.IMPORT: "green",
    NodeKind.VERSION: "green",
    NodeKind.TRAINING: "magenta",
    NodeKind.EVALUATION: "magenta",
    NodeKind.MODEL: "magenta",
    NodeKind.DEPLOYMENT: "blue",
}
_SHORT = 44
_MOST_ROWS = 20


class Questions(TyperGroup):
    """An id where a verb could stand is shown."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=Questions, no_args_is_help=True, subcommand_metavar="ID | COMMAND [ARGS]...")
Limit = Annotated[int, typer.Option(min=1, help="At most so many nodes.")]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model package, run, training job, version (v3), endpoint configuration, `champion`, or a month or day.",
        show_default=False,
    ),
]
Names = Annotated[bool, typer.Option("--names", help="Annotators by name, not by pseudonym.")]


@app.command()
def show(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="ID", help="kind:id, or an id alone; a version also as v3.", show_default=False)
    ],
    up: Annotated[bool, typer.Option("--up", help="Only what it came from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what came of it.")] = False,
    project: AnyProject = "",
    limit: Limit = 1000,
    as_json: Json = False,
    dot: Annotated[bool, typer.Option("--dot", help="Graphviz on stdout.")] = False,
) -> None:
    """Who came from whom: from a capture to the models that learned from it, and back."""
    from trueup.lineage.render import to_builtins, to_dot

    look = desk_of(context).look()
    where, node = _find(look, projects_of(look, project), name)
    trees = look.show_lineage.trees(where, node, _directions(up, down), limit)
    if as_json:
        walked: dict[str, Any] = {each: to_builtins(tree) for each, tree in trees.items()}
        say_json({"project": where, "id": str(node), **walked})
    elif dot:
        say(to_dot(list(trees.values())))
    else:
        _paint_trees(where, trees)


@app.command()
def models(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A sample, capture, selection, task, annotation, consensus, review or feedback.",
            show_default=False,
        ),
    ],
    project: AnyProject = "",
    as_json: Json = False,
) -> None:
    """Which models learned from a label, wrong or right: trained on versions that held it, and when they served."""
    look = desk_of(context).look()
    where, node = _find(look, projects_of(look, project), name)
    trace = look.trace(where, node)
    if as_json:
        say_json(trace)
    else:
        _paint_trace(trace)


@app.command()
def annotators(
    context: typer.Context, model: Model, project: OneProject = "", names: Names = False, as_json: Json = False
) -> None:
    """Which annotators shaped a model: their labels in its splits, and how often it disagreed with them in the test."""
    look = desk_of(context).look()
    found = look.credit(project_of(look, project), model, names=names)
    if as_json:
        say_json(found)
    else:
        _paint_credits(found)


@app.command()
def between(
    context: typer.Context,
    one: Model,
    other: Model,
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """What changed between two models: versions, labels, settings, figures and annotators."""
    look = desk_of(context).look()
    found = look.compare(project_of(look, project), one, other)
    if as_json:
        say_json(found)
    else:
        _paint_comparison(found)


def _find(look: Deployed, names: list[str], text: str) -> tuple[str, Node]:
    """A version may be called by any of its names, some of which hold a colon."""
    for project in names:
        try:
            version = look.find_version(project, text)
        except (InputError, NotFoundError):
            continue
        return project, Node(kind=NodeKind.VERSION, id=version.version_id)
    return look.show_lineage.find(names, text)


def _directions(up: bool, down: bool) -> list[Direction]:
    chosen: list[Direction] = [each for each, wanted in (("up", up), ("down", down)) if wanted]  # type: ignore[misc]
    return chosen or ["up", "down"]


# ---------------------------------------------------------------- trees


def _paint_trees(project: str, trees: dict[Direction, Tree]) -> None:
    titles = {"up": "came from", "down": "led to"}
    for position, (direction, tree) in enumerate(trees.items()):
        if position:
            say()
        painted = _painted(tree)
        painted.label = _label(tree).append(f"  {titles[direction]}", style="dim")
        if not tree.branches:
            painted.add("[dim]nothing[/]")
        paint(painted)
    paint(f"\n[dim]project {project}[/]")


def _painted(tree: Tree) -> Painted:
    from rich.tree import Tree as Painted

    from trueup.lineage.render import rest

    painted = Painted(_label(tree), guide_style="dim")
    for each in tree.branches:
        painted.children.append(_painted(each))
    if tree.more:
        painted.add(f"[dim italic]{rest(tree)}[/]")
    return painted


def _label(tree: Tree) -> Text:
    from rich.text import Text

    from trueup.lineage.render import remark, short

    text = Text.assemble((tree.node.kind.value, _COLOURS[tree.node.kind]), f" {short(tree.node, _SHORT)}")
    if said := _said_of(tree):
        text.append(f"  {said}", style="bold")
    if tree.edge is not None:
        text.append(f"  {tree.edge.actor}, {tree.edge.at:%Y-%m-%d %H:%M:%S}", style="dim")
    if remark(tree):
        text.append(f"  {remark(tree)}", style="dim italic")
    return text


def _said_of(tree: Tree) -> str:
    """An arrow's note tells of what it leads to: in a walk to causes the arrows below a node lead to it."""
    edges = [each.edge for each in (tree, *tree.branches) if each.edge is not None]
    return next((each.note for each in edges if each.note and each.target == tree.node), "")


# ---------------------------------------------------------------- which models learned from this


def _paint_trace(trace: Trace) -> None:
    paint(f"[bold]sample {safe(trace.sample_id[:12])}[/] [dim]of {safe(trace.project)}[/]")
    if not trace.labels:
        paint("no version took in a label of it that is meant here")
    for each in trace.labels:
        say()
        _paint_label(each)


def _paint_label(traced: TracedLabel) -> None:
    from trueup.labels.brief import brief

    held = traced.held
    until = f"until v{held.until} replaced it" if held.until else "to this day"
    who = count(len(held.consensus.annotators), "annotator")
    paint(
        f"[bold yellow]{safe(brief(held.label))}[/]  in the dataset from v{held.since} on, {until}  "
        f"[dim]{safe(held.consensus.method)}, {who}, {held.split} split[/]"
    )
    if not traced.learners:
        paint("  no model was trained on it")
        return
    if held.split == "test":
        paint("  in the test split: these models were judged by it, and did not learn from it")
    rows = [_learner_row(each) for each in traced.learners]
    paint_table(["version", "run", "how it ended", "model package", "served"], rows)
    if traced.more:
        paint("[dim]  and more; later ones are not listed[/]")


def _learner_row(learner: Learner) -> list[str]:
    run = learner.run
    package = run.model_package_arn.rsplit("model-package/", 1)[-1] if run.model_package_arn else "-"
    return [
        f"v{run.version_number}",
        safe(run.run_id),
        run.status.value.replace("_", " "),
        safe(package),
        _span(learner.served_from, learner.served_until),
    ]


def _span(since: datetime | None, until: datetime | None) -> str:
    if since is None:
        return "never"
    return f"{since:%Y-%m-%d %H:%M} to {f'{until:%Y-%m-%d %H:%M}' if until else 'now'}"


# ---------------------------------------------------------------- which annotators shaped this


def _paint_credits(found: Credits) -> None:
    version, evaluation = found.version, found.evaluation
    paint(f"[bold]{_title(found.run, version)}[/] [dim]of {safe(version.project)}[/]")
    counts = version.split_counts
    splits = ", ".join(f"{counts[each]:,} {each}" for each in ("train", "validation", "test") if each in counts)
    facts = [("labels", f"{version.samples:,} ({splits})")]
    if evaluation:
        right = evaluation.samples - evaluation.wrong
        share = right / evaluation.samples if evaluation.samples else 0.0
        facts.append(("test score", f"{share:.1%}: right on {right:,} of {count(evaluation.samples, 'sample')}"))
    paint_facts(facts)
    if not found.counted:
        paint("\nthis version was made before versions counted their annotators")
    rows = [_credit_row(each, version) for each in found.annotators[:_MOST_ROWS]]
    if rows:
        say()
        columns = ["annotator", "train", "of train", "validation", "test", "of test", "model disagreed"]
        paint_table(columns, rows, columns[1:])
    if len(found.annotators) > _MOST_ROWS:
        paint(f"[dim]and {count(len(found.annotators) - _MOST_ROWS, 'annotator')} more: --json lists all[/]")
    paint("[dim]A label counts for each annotator whose answer it stands on.[/]")


def _credit_row(credit: Credit, version: DatasetVersion) -> list[str]:
    wrong = f"{credit.wrong} of {credit.judged} ({credit.wrong / credit.judged:.0%})" if credit.judged else "-"
    return [
        safe(credit.name or credit.annotator),
        f"{credit.train:,}",
        _share(credit.train, version.split_counts.get("train", 0)),
        f"{credit.validation:,}",
        f"{credit.test:,}",
        _share(credit.test, version.split_counts.get("test", 0)),
        wrong,
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


# ---------------------------------------------------------------- what changed between


def _paint_comparison(found: Comparison) -> None:
    for title, side in (("from", found.before), ("to", found.after)):
        paint(f"[dim]{title:>4}[/]  [bold]{_title(side.model.run, side.model.version)}[/]  [dim]{_when(side)}[/]")
    say()
    _paint_difference(found)
    _paint_changes("settings", found.settings)
    _paint_changes("figures", found.metrics)
    _paint_changes("labels by annotator", found.annotators)


def _title(run: RetrainingRun | None, version: DatasetVersion) -> str:
    return f"run {safe(run.run_id)}, trained on v{version.number}" if run else f"version v{version.number}"


def _when(side: Side) -> str:
    if side.served_from:
        return f"served {_span(side.served_from, side.served_until)}"
    run = side.model.run
    if run is None:
        return stamp(side.model.version.created_at)
    return f"{run.status.value.replace('_', ' ')}, {stamp(run.started_at)}"


def _paint_difference(found: Comparison) -> None:
    difference = found.difference
    what = [f"{difference.added:,} added", f"{difference.removed:,} removed", f"{difference.relabelled:,} relabelled"]
    facts = [("versions", _path(found)), ("labels", ", ".join(what))]
    facts += [(each.name, f"{each.before:,} → {each.after:,}") for each in difference.by_split]
    if found.dropped:
        facts.append(("not in the later", ", ".join(f"v{each.number}" for each in found.dropped[:10])))
    paint_facts(facts)
    if difference.by_class:
        say()
        rows = [
            [safe(each.name), f"{each.before:,}", f"{each.after:,}", f"+{each.came:,}", f"-{each.left:,}"]
            for each in difference.by_class[:_MOST_ROWS]
        ]
        paint_table(
            ["class", "before", "after", "came in", "went out"], rows, ["before", "after", "came in", "went out"]
        )


def _path(found: Comparison) -> str:
    if not found.versions:
        return "the same"
    first, last = found.versions[0], found.versions[-1]
    made = count(len(found.versions), "version")
    since = f"since v{found.common.number}" if found.common else "with nothing in common"
    which = f"v{first.number} to v{last.number}" if first is not last else f"v{last.number}"
    return f"{made} {since}: {which}"


def _paint_changes(title: str, changes: Sequence[Change]) -> None:
    if not changes:
        return
    say()
    rows = [[safe(each.name), safe(each.before or "-"), safe(each.after or "-")] for each in changes[:_MOST_ROWS]]
    paint_table([title, "before", "after"], rows)
