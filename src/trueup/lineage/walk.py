"""Walk the lineage graph from any node, towards causes or towards consequences.

Breadth first, so that what is near is told before what is far when there is too much of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from trueup.model import Edge, Node, NodeKind, Record

Direction = Literal["up", "down"]
MOST_NODES = 1000
# So many arrows of a node are followed; of the others it is only told how many there are, as far as MOST_COUNTED.
# Nothing is looked for beyond DEPTH arrows.
FAN = 50
DEPTH = 200
MOST_COUNTED = 1000


class Neighbours(Protocol):
    """The arrows on one side of a node."""

    def edges(self, node: Node, limit: int) -> Sequence[Edge]: ...

    def count(self, node: Node, at_most: int) -> int: ...


class Tree(Record, frozen=True, kw_only=True):
    """A node with what lies behind it. `edge` is the arrow that led here; `shown_elsewhere` marks a node whose branches
    stand at another place of the tree; `cut` marks branches left out because the limit was reached. Beside `branches`
    there are `more` arrows, or with `uncounted` even more than that."""

    node: Node
    edge: Edge | None = None
    branches: tuple[Tree, ...] = ()
    shown_elsewhere: bool = False
    cut: bool = False
    more: int = 0
    uncounted: bool = False


class Fan(Record, frozen=True, kw_only=True):
    """The arrows on one side of a node, oldest first, as many as are followed, and how many there are beside."""

    edges: tuple[Edge, ...] = ()
    more: int = 0
    uncounted: bool = False


def fan_of(node: Node, neighbours: Neighbours, most: int = FAN) -> Fan:
    """Costs one read, or with more arrows than `most` a count beside, of MOST_COUNTED at most."""
    found = neighbours.edges(node, most + 1)
    edges = tuple(sorted(found[-most:], key=lambda each: (each.at, str(each.source), str(each.target))))
    if len(found) <= most:
        return Fan(edges=edges)
    counted = neighbours.count(node, MOST_COUNTED)
    return Fan(edges=edges, more=max(counted - most, 1), uncounted=counted >= MOST_COUNTED)


def walk(
    start: Node, neighbours: Neighbours, direction: Direction, max_nodes: int = MOST_NODES, fan: int = FAN
) -> Tree:
    """The tree below (`down`: consequences) or above (`up`: causes) a node. Reads each node once, at most
    `max_nodes` of them and DEPTH arrows away; cycles and shared nodes are shown once, where they are nearest. It ends
    at endpoints: what one served was captured, and so all that came later is a consequence of all that was before."""
    fans: dict[Node, Fan] = {}
    waiting, planned = deque([(start, 0)]), {start}
    while waiting:
        node, depth = waiting.popleft()
        if closes(node, start):
            continue
        fans[node] = fan_of(node, neighbours, fan)
        for each in fans[node].edges if depth < DEPTH else ():
            end = far_end(each, direction)
            if end not in planned and len(planned) < max_nodes:
                planned.add(end)
                waiting.append((end, depth + 1))
    return _grown(start, fans, planned, direction)


def closes(node: Node, start: Node) -> bool:
    """Whether the loop closes at a node that a walk has come to."""
    return node.kind is NodeKind.ENDPOINT and node != start


def far_end(edge: Edge, direction: Direction) -> Node:
    return edge.target if direction == "down" else edge.source


def _grown(start: Node, fans: dict[Node, Fan], planned: set[Node], direction: Direction) -> Tree:
    """Breadth first again: the first place at which a node is met is where its branches stand. Made from the leaves
    up, since a chain may be deeper than Python's stack."""
    placed: list[tuple[Node, Edge | None, bool]] = [(start, None, True)]
    children: list[list[int]] = []
    seen = {start}
    for index in _growing(placed):
        node, _, here = placed[index]
        children.append([])
        for edge in fans[node].edges if here and node in fans else ():
            end = far_end(edge, direction)
            children[index].append(len(placed))
            placed.append((end, edge, end not in seen))
            seen.add(end)
    made: dict[int, Tree] = {}
    for index in range(len(placed) - 1, -1, -1):
        node, led, here = placed[index]
        branches = tuple(made.pop(each) for each in children[index])
        if node in fans:
            made[index] = _tree(node, led, fans[node], branches, here)
        else:
            made[index] = Tree(node=node, edge=led, cut=node not in planned or not closes(node, start))
    return made[0]


def _growing(placed: list[tuple[Node, Edge | None, bool]]) -> Iterator[int]:
    index = 0
    while index < len(placed):
        yield index
        index += 1


def _tree(node: Node, edge: Edge | None, fan: Fan, branches: tuple[Tree, ...], here: bool) -> Tree:
    if not here:
        return Tree(node=node, edge=edge, shown_elsewhere=bool(fan.edges))
    return Tree(node=node, edge=edge, branches=branches, more=fan.more, uncounted=fan.uncounted)
