"""The route of the lineage picture."""

from __future__ import annotations

from typing import Any

from functions.annotation_api.reviews import check_reviewer
from functions.annotation_api.shapes import Request, Response
from trueup.errors import InputError
from trueup.model import Edge
from trueup.usecases.show_lineage import Seen
from trueup.wiring.annotation_desk import AnnotationDesk

MOST_STEPS = 12
FAN = 8
MOST_FAN = 50


def show(desk: AnnotationDesk, request: Request) -> Response:
    """The graph around `id` (kind:id, or an id alone), as far as `steps` arrows each way and a picture's room reach,
    with at most `fan` arrows on a side of each node."""
    check_reviewer(request, "lineage is")
    steps, fan = _number(request, "steps", MOST_STEPS, MOST_STEPS), _number(request, "fan", FAN, MOST_FAN)
    piece = desk.lineage.piece(request.path["project"], request.query.get("id", ""), steps, fan)
    body = {
        "project": piece.project,
        "middle": str(piece.middle),
        "nodes": [_node(each) for each in piece.nodes],
        "edges": [_edge(each) for each in piece.edges],
    }
    return Response(body=body)


def _number(request: Request, name: str, usual: int, most: int) -> int:
    text = request.query.get(name, str(usual))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise InputError(f"{name} is {text[:20]!r}: a number from 1 to {most}", field=name)
    return int(text)


def _node(seen: Seen) -> dict[str, Any]:
    return {
        "id": str(seen.node),
        "kind": seen.node.kind,
        "name": seen.node.id,
        "title": seen.title,
        "step": seen.step,
        "up": seen.up,
        "down": seen.down,
        "at_least": seen.at_least,
    }


def _edge(edge: Edge) -> dict[str, Any]:
    source_hash, target_hash = edge.hashes
    return {
        "source": str(edge.source),
        "target": str(edge.target),
        "actor": edge.actor,
        "at": edge.at,
        "note": edge.note,
        "source_hash": source_hash,
        "target_hash": target_hash,
    }
