"""The lineage graph around a node: as trees of causes and consequences, or as a piece of the graph."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.errors import InputError, NotFoundError
from trueup.lineage.walk import MOST_NODES, Direction, Fan, Tree, closes, fan_of, far_end, walk
from trueup.model import Edge, Node, NodeKind, Project, Record
from trueup.ports import DatasetStore, LineageStore
from trueup.usecases.find_project import project_named

BOTH: tuple[Direction, ...] = ("up", "down")
# What a picture has room for on each side.
_PICTURE_NODES = 40


@dataclass(frozen=True)
class Side:
    """The arrows on one side of a project's nodes."""

    lineage: LineageStore
    project: str
    direction: Direction

    def edges(self, node: Node, limit: int) -> Sequence[Edge]:
        read = self.lineage.edges_from if self.direction == "down" else self.lineage.edges_to
        return read(self.project, node, limit)

    def count(self, node: Node, at_most: int) -> int:
        counted = self.lineage.count_from if self.direction == "down" else self.lineage.count_to
        return counted(self.project, node, at_most)


class Seen(Record, frozen=True, kw_only=True):
    """A node of a picture. `up` and `down` are arrows that the picture leaves out, None where nobody looked; `at_least`
    tells that there are more of them than that. `step` is how far it is from the middle, causes below zero. `title` is
    what people call it, where that is not its id."""

    node: Node
    step: int
    title: str = ""
    up: int | None = None
    down: int | None = None
    at_least: bool = False


class Piece(Record, frozen=True, kw_only=True):
    """A piece of the graph around `middle`."""

    project: str
    middle: Node
    nodes: tuple[Seen, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class ShowLineage:
    """Raises NotFoundError (project, or a node that nothing leads from or to), InputError (no kind of node)."""

    projects: Mapping[str, Project]
    lineage: LineageStore
    datasets: DatasetStore

    def trees(
        self, project: str, node: Node, directions: Sequence[Direction] = BOTH, limit: int = MOST_NODES
    ) -> dict[Direction, Tree]:
        return {each: walk(node, Side(self.lineage, project, each), each, limit) for each in directions}

    def piece(self, project_name: str, text: str, steps: int, fan: int) -> Piece:
        """All that is at most so many arrows up, and so many down, as far as a picture has room for it: two reads and
        perhaps two counts for each node that it shows."""
        project = project_named(self.projects, project_name).name
        if not text:
            raise InputError("say of what: a kind and an id, or an id alone", field="id")
        middle = self.find([project], text)[1]
        piece = _Piece(middle)
        for each in BOTH:
            piece.grow(Side(self.lineage, project, each), each, steps, fan)
        notes = {each.target: each.note for each in piece.edges if each.note}
        nodes = tuple(
            replace(each, title=notes.get(each.node) or self._number(project, each.node)) for each in piece.nodes()
        )
        return Piece(project=project, middle=middle, nodes=nodes, edges=tuple(piece.edges))

    def find(self, names: Sequence[str], text: str) -> tuple[str, Node]:
        """The project and the node that are meant by a kind and an id, or by an id alone; a version also by its number
        or the beginning of its id."""
        for project in names:
            for node in self._meant(project, text):
                if self._is_there(project, node):
                    return project, node
        raise NotFoundError(f"lineage knows no {text!r} in {', '.join(names)}")

    def _number(self, project: str, node: Node) -> str:
        """What people call a version."""
        if node.kind is not NodeKind.VERSION:
            return ""
        try:
            return f"v{self.datasets.version(project, node.id).number}"
        except NotFoundError:
            return ""

    def _is_there(self, project: str, node: Node) -> bool:
        """A version that was imported came from nothing that is known here, and is there all the same."""
        return bool(
            self.lineage.edges_from(project, node, 1)
            or self.lineage.edges_to(project, node, 1)
            or (node.kind is NodeKind.VERSION and node in self._version(project, node.id))
        )

    def _meant(self, project: str, text: str) -> list[Node]:
        kind, colon, name = text.partition(":")
        if colon and kind in list(NodeKind):
            kinds, name = [NodeKind(kind)], name
        elif colon and kind != "arn":
            kinds_known = ", ".join(each.value for each in NodeKind)
            raise InputError(f"{kind!r} is no kind of node: use one of {kinds_known}", field="ID")
        else:
            kinds, name = list(NodeKind), text
        exact = [Node(kind=each, id=name) for each in kinds]
        return [*exact, *self._version(project, name)] if NodeKind.VERSION in kinds else exact

    def _version(self, project: str, name: str) -> list[Node]:
        try:
            return [Node(kind=NodeKind.VERSION, id=self.datasets.version(project, name).version_id)]
        except NotFoundError:
            return []


class _Piece:
    def __init__(self, middle: Node) -> None:
        self.edges: dict[Edge, None] = {}
        self._middle = middle
        self._steps = {middle: 0}
        self._left: dict[tuple[Node, Direction], Fan] = {}

    def grow(self, side: Side, direction: Direction, steps: int, fan: int) -> None:
        sign = 1 if direction == "down" else -1
        """Half as many arrows of what is not in the middle, so that it is the first fan that is seen."""
        waiting = deque([self._middle])
        looked = {self._middle}
        room = len(self._steps) + _PICTURE_NODES
        while waiting:
            node = waiting.popleft()
            if abs(self._steps[node]) >= steps or closes(node, self._middle):
                continue
            found = fan_of(node, side, fan if node == self._middle else max(1, fan // 2))
            self._left[node, direction] = found
            for edge in found.edges:
                end = far_end(edge, direction)
                if end not in self._steps and len(self._steps) >= room:
                    self._left[node, direction] = _one_more(self._left[node, direction])
                    continue
                self.edges[edge] = None
                self._steps.setdefault(end, self._steps[node] + sign)
                if end not in looked:
                    looked.add(end)
                    waiting.append(end)

    def nodes(self) -> tuple[Seen, ...]:
        return tuple(self._seen(node, step) for node, step in self._steps.items())

    def _seen(self, node: Node, step: int) -> Seen:
        up, down = (self._left.get((node, each)) for each in BOTH)
        return Seen(
            node=node,
            step=step,
            up=up.more if up else None,
            down=down.more if down else None,
            at_least=any(each.uncounted for each in (up, down) if each),
        )


def _one_more(fan: Fan) -> Fan:
    return Fan(edges=fan.edges, more=fan.more + 1, uncounted=fan.uncounted)
