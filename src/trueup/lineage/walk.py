"""Walk the lineage graph from any node, towards causes or towards consequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from trueup.model import Edge, Node, Record

Direction = Literal["up", "down"]


class Tree(Record, frozen=True, kw_only=True):
    """A node with what lies behind it. `edge` is the arrow that led here; `shown_before` marks a node whose
    branches stand elsewhere in the tree; `cut` marks branches left out because the limit was reached."""

    node: Node
    edge: Edge | None = None
    branches: tuple[Tree, ...] = ()
    shown_before: bool = False
    cut: bool = False


def walk(
    start: Node,
    neighbours: Callable[[Node], Sequence[Edge]],
    direction: Direction,
    max_nodes: int = 1000,
) -> Tree:
    """The tree below (`down`: consequences) or above (`up`: causes) a node. Reads each node once, at most
    `max_nodes`; cycles and shared nodes are shown once."""
    return _Walker(neighbours, direction, max_nodes).visit(start, None)


class _Walker:
    def __init__(self, neighbours: Callable[[Node], Sequence[Edge]], direction: Direction, max_nodes: int) -> None:
        self._neighbours = neighbours
        self._direction = direction
        self._left = max_nodes
        self._seen: set[Node] = set()

    def visit(self, node: Node, edge: Edge | None) -> Tree:
        if node in self._seen:
            return Tree(node=node, edge=edge, shown_before=True)
        if self._left <= 0:
            return Tree(node=node, edge=edge, cut=True)
        self._seen.add(node)
        self._left -= 1
        edges = sorted(self._neighbours(node), key=lambda each: (each.at, str(each.source), str(each.target)))
        branches = tuple(self.visit(self._far_end(each), each) for each in edges)
        return Tree(node=node, edge=edge, branches=branches)

    def _far_end(self, edge: Edge) -> Node:
        return edge.target if self._direction == "down" else edge.source
