"""Walks: near before far, each node once, bounded reads, what is left out counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import NOW
from trueup.lineage.render import to_builtins, to_dot, tree_lines
from trueup.lineage.walk import DEPTH, Tree, walk
from trueup.model import Edge, Node, NodeKind


def node(name: object, kind: NodeKind = NodeKind.TASK) -> Node:
    return Node(kind=kind, id=str(name))


def edge(source: Node, target: Node, seconds: int = 0, **more: str) -> Edge:
    return Edge(project="pets", source=source, target=target, actor="ada", at=NOW + timedelta(seconds=seconds), **more)


class Graph:
    """Arrows downwards, with a count of reads."""

    def __init__(self, *edges: Edge) -> None:
        self.drawn = edges
        self.reads = 0
        self.counts = 0

    def edges(self, node: Node, limit: int) -> Sequence[Edge]:
        self.reads += 1
        return [each for each in self.drawn if each.source == node][-limit:]

    def count(self, node: Node, at_most: int) -> int:
        self.counts += 1
        return min(at_most, sum(each.source == node for each in self.drawn))


def nodes_of(tree: Tree) -> list[str]:
    return [tree.node.id, *(name for each in tree.branches for name in nodes_of(each))]


def test_what_is_near_is_told_before_what_is_far() -> None:
    a, b, c, d, e = (node(each) for each in "abcde")
    graph = Graph(edge(a, b), edge(b, d), edge(d, e), edge(a, c, 1))
    tree = walk(a, graph, "down", max_nodes=3)
    assert tree_lines(tree) == [
        "task a",
        "├─ task b  (ada, 2026-11-24 10:00:00)",
        "│  └─ task d  (ada, 2026-11-24 10:00:00)  … more",
        "└─ task c  (ada, 2026-11-24 10:00:01)",
    ]
    assert graph.reads == 3


def test_a_shared_node_is_read_once_and_shown_where_it_is_nearest() -> None:
    a, b, c, d = (node(each) for each in "abcd")
    graph = Graph(edge(a, b), edge(b, c), edge(a, c, 1), edge(c, d))
    lines = tree_lines(walk(a, graph, "down"))
    assert lines[2].endswith("task c  (ada, 2026-11-24 10:00:00)  ↑ shown elsewhere")
    assert lines[3:] == ["└─ task c  (ada, 2026-11-24 10:00:01)", "   └─ task d  (ada, 2026-11-24 10:00:00)"]
    assert graph.reads == 4


def test_a_cycle_ends() -> None:
    a, b = node("a"), node("b")
    assert nodes_of(walk(a, Graph(edge(a, b), edge(b, a)), "down")) == ["a", "b", "a"]


def test_a_fan_is_cut_and_counted() -> None:
    a = node("a")
    graph = Graph(*(edge(a, node(f"{each:04}")) for each in range(70)))
    tree = walk(a, graph, "down", fan=8)
    assert (len(tree.branches), tree.more, tree.uncounted) == (8, 62, False)
    assert tree_lines(tree)[-1] == "└─ … and 62 more"
    assert to_builtins(tree)["more"] == 62
    assert graph.counts == 1
    many = Graph(*(edge(a, node(f"{each:04}")) for each in range(1200)))
    assert tree_lines(walk(a, many, "down", fan=8))[-1] == "└─ … and more than 992 more"


def test_a_walk_ends_at_an_endpoint_but_goes_on_from_one() -> None:
    model, endpoint, capture = node("m", NodeKind.MODEL), node("e", NodeKind.ENDPOINT), node("c", NodeKind.CAPTURE)
    graph = Graph(edge(model, endpoint), edge(endpoint, capture))
    assert nodes_of(walk(model, graph, "down")) == ["m", "e"]
    assert not walk(model, graph, "down").branches[0].cut
    assert nodes_of(walk(endpoint, graph, "down")) == ["e", "c"]


def test_a_chain_is_followed_as_far_as_it_can_be_drawn() -> None:
    chain = Graph(*(edge(node(each), node(each + 1)) for each in range(1500)))
    tree = walk(node(0), chain, "down", max_nodes=2000)
    assert len(tree_lines(tree)) == DEPTH + 2
    assert tree_lines(tree)[-1].endswith("… more")
    to_builtins(tree)


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40), st.integers(1, 12), st.integers(1, 5))
def test_any_graph_is_read_within_bounds_and_no_arrow_is_invented(
    pairs: list[tuple[int, int]], max_nodes: int, fan: int
) -> None:
    edges = {edge(node(source), node(target)) for source, target in pairs}
    graph = Graph(*sorted(edges, key=str))
    tree = walk(node(0), graph, "down", max_nodes, fan)
    assert graph.reads <= max_nodes
    shown: list[Edge] = []
    waiting = [tree]
    while waiting:
        found = waiting.pop()
        waiting += found.branches
        shown += [found.edge] if found.edge else []
        left = sum(each.source == found.node for each in edges)
        if not found.cut and not found.shown_elsewhere and (found.branches or found.more):
            assert len(found.branches) + found.more == left
    assert len(shown) == len(set(shown))
    assert set(shown) <= edges


def test_graphviz_reads_names_with_quotes() -> None:
    odd = node('a"b\\c')
    graph = to_dot([walk(odd, Graph(edge(odd, node("d"))), "down")])
    assert '"task:a\\"b\\\\c" -> "task:d"' in graph
