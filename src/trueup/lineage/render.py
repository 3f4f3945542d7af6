"""Show a lineage tree: as text that a person reads, as Graphviz, as plain data."""

from __future__ import annotations

from typing import Any

from trueup.lineage.walk import Tree
from trueup.model import Node

_SHORT = 40


def tree_lines(tree: Tree) -> list[str]:
    """One line per node, drawn with box characters; the actor and time of the arrow stand behind the node."""
    return [_label(tree), *_branch_lines(tree, "")]


def to_builtins(tree: Tree) -> dict[str, Any]:
    """Nested plain data for JSON."""
    found: dict[str, Any] = {"id": str(tree.node), "kind": tree.node.kind.value}
    if tree.edge is not None:
        found |= {"actor": tree.edge.actor, "at": tree.edge.at.isoformat()}
    if tree.shown_before:
        found["shown_before"] = True
    if tree.cut:
        found["cut"] = True
    return found | {"branches": [to_builtins(each) for each in tree.branches]}


def to_dot(tree: Tree) -> str:
    """A Graphviz digraph of the tree's arrows."""
    lines = sorted({line for each in _all(tree) for line in _dot_lines(each)})
    return "\n".join(["digraph lineage {", "  rankdir=LR;", "  node [shape=box];", *lines, "}"])


def _branch_lines(tree: Tree, indent: str) -> list[str]:
    lines: list[str] = []
    for position, each in enumerate(tree.branches):
        last = position == len(tree.branches) - 1
        lines.append(f"{indent}{'└─ ' if last else '├─ '}{_label(each)}")
        lines += _branch_lines(each, indent + ("   " if last else "│  "))
    return lines


def _label(tree: Tree) -> str:
    text = f"{tree.node.kind} {_short(tree.node)}"
    if tree.edge is not None:
        text += f"  ({tree.edge.actor}, {tree.edge.at:%Y-%m-%d %H:%M:%S})"
    if tree.shown_before:
        text += "  ↑ shown above"
    return text + ("  … more" if tree.cut else "")


def _short(node: Node) -> str:
    name = node.id.rsplit("/", 2)[-2:] if node.id.startswith("arn:") else [node.id]
    text = "/".join(name)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _all(tree: Tree) -> list[Tree]:
    return [tree, *(deeper for each in tree.branches for deeper in _all(each))]


def _dot_lines(tree: Tree) -> list[str]:
    lines = [f'  "{tree.node}" [label="{tree.node.kind}\\n{_short(tree.node)}"];']
    if tree.edge is not None:
        lines.append(f'  "{tree.edge.source}" -> "{tree.edge.target}";')
    return lines
