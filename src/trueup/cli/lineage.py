"""Who came from whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli.console import paint, say, say_json
from trueup.cli.desk import Deployed, desk_of, projects_of
from trueup.cli.options import AnyProject, Json
from trueup.errors import InputError, NotFoundError
from trueup.model import Node, NodeKind

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree as Painted

    from trueup.lineage.walk import Direction, Tree

_COLOURS = {
    NodeKind.CAPTURE: "blue",
    NodeKind.SAMPLE: "cyan",
    NodeKind.TASK: "cyan",
    NodeKind.BATCH: "blue",
    NodeKind.ANNOTATION: "yellow",
    NodeKind.CONSENSUS: "yellow",
    NodeKind.VERSION: "green",
    NodeKind.TRAINING: "magenta",
    NodeKind.MODEL: "magenta",
    NodeKind.ENDPOINT: "blue",
}
_SHORT = 44


def lineage(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="ID", help="kind:id, or an id alone; a version also as v3.", show_default=False)
    ],
    up: Annotated[bool, typer.Option("--up", help="Only what it came from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what came of it.")] = False,
    project: AnyProject = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many nodes.")] = 1000,
    as_json: Json = False,
    dot: Annotated[bool, typer.Option("--dot", help="Graphviz on stdout.")] = False,
) -> None:
    """Who came from whom: from a capture to the models that learned from it, and back."""
    from trueup.lineage.render import to_builtins

    look = desk_of(context).look()
    where, node = _find(look, projects_of(look, project), name)
    trees = {each: _walk(look, where, node, each, limit) for each in _directions(up, down)}
    if as_json:
        walked: dict[str, Any] = {each: to_builtins(tree) for each, tree in trees.items()}
        say_json({"project": where, "id": str(node), **walked})
    elif dot:
        say(_dot(list(trees.values())))
    else:
        _paint_trees(where, trees)


def _directions(up: bool, down: bool) -> list[Direction]:
    chosen: list[Direction] = [each for each, wanted in (("up", up), ("down", down)) if wanted]  # type: ignore[misc]
    return chosen or ["up", "down"]


def _walk(look: Deployed, project: str, node: Node, direction: Direction, limit: int) -> Tree:
    from trueup.lineage.walk import walk

    edges = look.lineage.edges_to if direction == "up" else look.lineage.edges_from
    return walk(node, lambda each: edges(project, each), direction, limit)


def _find(look: Deployed, names: list[str], text: str) -> tuple[str, Node]:
    """The project and the node that are meant. Raises NotFoundError, InputError."""
    for project in names:
        for node in _meant(look, project, text):
            # A version that was imported came from nothing that is known here, and is there all the same.
            if (
                node in _version(look, project, node.id)
                or look.lineage.edges_from(project, node)
                or look.lineage.edges_to(project, node)
            ):
                return project, node
    raise NotFoundError(f"lineage knows no {text!r} in {', '.join(names)}")


def _meant(look: Deployed, project: str, text: str) -> list[Node]:
    kind, colon, name = text.partition(":")
    if colon and kind in list(NodeKind):
        kinds, name = [NodeKind(kind)], name
    elif colon and kind.isalpha() and kind != "arn":
        kinds_known = ", ".join(each.value for each in NodeKind)
        raise InputError(f"{kind!r} is no kind of node: use one of {kinds_known}", field="ID")
    else:
        kinds, name = list(NodeKind), text
    exact = [Node(kind=each, id=name) for each in kinds]
    return [*exact, *_version(look, project, name)] if NodeKind.VERSION in kinds else exact


def _version(look: Deployed, project: str, name: str) -> list[Node]:
    """A version may be called by any of its names."""
    try:
        return [Node(kind=NodeKind.VERSION, id=look.find_version(project, name).version_id)]
    except (NotFoundError, InputError):
        return []


def _dot(trees: list[Tree]) -> str:
    """One graph of both directions: the lines of each, without repeats."""
    from trueup.lineage.render import to_dot

    graphs = [to_dot(each).splitlines() for each in trees]
    inner = dict.fromkeys(line for graph in graphs for line in graph[1:-1])
    return "\n".join([graphs[0][0], *inner, graphs[0][-1]])


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

    painted = Painted(_label(tree), guide_style="dim")
    for each in tree.branches:
        painted.children.append(_painted(each))
    return painted


def _label(tree: Tree) -> Text:
    from rich.text import Text

    text = Text.assemble((tree.node.kind.value, _COLOURS[tree.node.kind]), f" {_short(tree.node)}")
    if tree.edge is not None:
        text.append(f"  {tree.edge.actor}, {tree.edge.at:%Y-%m-%d %H:%M:%S}", style="dim")
    if tree.shown_before:
        text.append("  ↑ shown above", style="dim italic")
    if tree.cut:
        text.append("  … more", style="dim italic")
    return text


def _short(node: Node) -> str:
    text = "/".join(node.id.rsplit("/", 2)[-2:]) if node.id.startswith("arn:") else node.id
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
