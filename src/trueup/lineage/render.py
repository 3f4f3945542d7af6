"""Show a lineage tree: as text that a person reads, as Graphviz, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trueup.lineage.walk import Tree
from trueup.model import Edge, Node

_SHORT = 40


def tree_lines(tree: Tree) -> list[str]:
    """One line per node, drawn with box characters; the actor and time of the arrow stand behind the node."""
    return [label(tree), *_branch_lines(tree, "")]


def to_builtins(tree: Tree) -> dict[str, Any]:
    """Nested plain data for JSON."""
    found: dict[str, Any] = {"id": str(tree.node), "kind": tree.node.kind.value}
    if tree.edge is not None:
        found |= edge_facts(tree.edge)
    marks = {"shown_elsewhere": tree.shown_elsewhere, "cut": tree.cut, "more": tree.more, "uncounted": tree.uncounted}
    found |= {name: value for name, value in marks.items() if value}
    return found | {"branches": [to_builtins(each) for each in tree.branches]}


def edge_facts(edge: Edge) -> dict[str, Any]:
    """Who drew an arrow, when, and what its ends were then."""
    hashes = dict(zip(("source_hash", "target_hash"), edge.hashes, strict=True))
    known = {name: value for name, value in {"note": edge.note, **hashes}.items() if value}
    return {"actor": edge.actor, "at": edge.at.isoformat(), **known}


def told(edge: Edge) -> str:
    """Who drew an arrow, when, and what it says."""
    return ", ".join([edge.actor, f"{edge.at:%Y-%m-%d %H:%M:%S}", *([edge.note] if edge.note else [])])


def to_dot(trees: Sequence[Tree]) -> str:
    """A Graphviz digraph of the arrows of trees, without repeats."""
    lines = dict.fromkeys(line for tree in trees for each in _all(tree) for line in _dot_lines(each))
    return "\n".join(["digraph lineage {", "  rankdir=LR;", "  node [shape=box];", *sorted(lines), "}"])


def label(tree: Tree) -> str:
    text = f"{tree.node.kind} {short(tree.node)}"
    if tree.edge is not None:
        text += f"  ({told(tree.edge)})"
    return text + "".join(f"  {each}" for each in [remark(tree)] if each)


def remark(tree: Tree) -> str:
    """Why nothing stands behind a node, where something could."""
    if tree.shown_elsewhere:
        return "↑ shown elsewhere"
    return "… more" if tree.cut else ""


def rest(tree: Tree) -> str:
    """What stands in for the arrows that were not followed; empty where all were."""
    if not tree.more:
        return ""
    return f"… and {'more than ' if tree.uncounted else ''}{tree.more:,} more"


def short(node: Node, most: int = _SHORT) -> str:
    name = node.id.rsplit("/", 2)[-2:] if node.id.startswith("arn:") else [node.id]
    text = "/".join(name)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _branch_lines(tree: Tree, indent: str) -> list[str]:
    lines: list[str] = []
    left = rest(tree)
    for position, each in enumerate(tree.branches):
        last = position == len(tree.branches) - 1 and not left
        lines.append(f"{indent}{'└─ ' if last else '├─ '}{label(each)}")
        lines += _branch_lines(each, indent + ("   " if last else "│  "))
    return lines + ([f"{indent}└─ {left}"] if left else [])


def _all(tree: Tree) -> Iterator[Tree]:
    waiting = [tree]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(found.branches)


def _dot_lines(tree: Tree) -> list[str]:
    node = _quoted(str(tree.node))
    lines = [f'  {node} [label="{tree.node.kind}\\n{_escaped(short(tree.node))}"];']
    if tree.edge is not None:
        source, target = _quoted(str(tree.edge.source)), _quoted(str(tree.edge.target))
        tip = _escaped(told(tree.edge))
        lines.append(f'  {source} -> {target} [tooltip="{tip}"];')
    if tree.more:
        name = _quoted(f"{tree.node} more")
        lines.append(f'  {name} [label="{_escaped(rest(tree))}", shape=plaintext];')
        lines.append(f"  {node} -> {name} [style=dotted, dir=none];")
    return lines


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
