"""Spans: what enough people marked, with the label and the relations that most say.

Of several people's edges those are taken that lie nearest to the median, so that a span ends where somebody ended it,
and not within a word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trueup.labels.values import Relation, Span, Spans
from trueup.model import AnnotatorSkill, LabelSchema
from trueup.quality.merging import Merged, Said
from trueup.quality.merging.shared import Thing, kept, sureness, trust
from trueup.quality.methods import Method
from trueup.quality.shapes import Shape, SharedShape, existence, overlaps, shared_shapes, similarity

_SAME = 0.5
_RELATED = 0.5


@dataclass(frozen=True)
class _Link:
    """A relation that somebody saw between two shared spans."""

    existence: float
    posterior: float = 1.0


def merge(
    said: Sequence[Said],
    schema: LabelSchema,  # noqa: ARG001
    skills: Mapping[str, AnnotatorSkill],
    method: Method,  # noqa: ARG001 - spans are matched, not classified
) -> Merged:
    drawn = {each.annotator: _shapes(each.value) for each in said}
    found = shared_shapes(drawn, skills=trust(said, skills))
    spans = sorted({_span(each, drawn) for each in kept(found)}, key=lambda each: (each.start, each.end, each.label))
    seen = Counter(link for each in said for link in _links(each.value, spans))
    links = {link: _Link(existence(count, len(said))) for link, count in seen.items()}
    related = sorted(
        (link for link, each in links.items() if each.existence > _RELATED),
        key=lambda each: (each.source, each.target, each.label),
    )
    things: list[Thing] = [*found, *links.values()]
    return Merged(Spans(spans=tuple(spans), relations=tuple(related)), sureness(things, len(said)))


def likeness(one: Spans, other: Spans, schema: LabelSchema) -> float:
    """Of the spans; where the schema has relations, with a share of the matched ones in the same measure."""
    spans = similarity(_shapes(one), _shapes(other))
    if not schema.relations or not (one.relations or other.relations):
        return spans
    mine, theirs = set(_links(one, one.spans)), set(_links(other, one.spans))
    either = mine | theirs | {each for each in other.relations if not theirs}
    return (spans + len(mine & theirs) / max(1, len(either))) / 2


def _shapes(value: Spans) -> list[Shape]:
    return [Shape(each.label, (each.start, each.end)) for each in value.spans]


def _span(shared: SharedShape, drawn: Mapping[str, Sequence[Shape]]) -> Span:
    middle = Shape(shared.label, shared.edges)
    theirs = [each for person in shared.annotators for each in drawn[person]]
    near = overlaps([middle], theirs)[0]
    close = [each for each, share in zip(theirs, near, strict=True) if share >= _SAME] or theirs
    best = min(close, key=lambda each: (_distance(each, middle), each.edges))
    return Span(label=shared.label, start=int(best.edges[0]), end=int(best.edges[1]))


def _distance(one: Shape, other: Shape) -> float:
    return sum(abs(a - b) for a, b in zip(one.edges, other.edges, strict=True))


def _links(value: Spans, spans: Sequence[Span]) -> list[Relation]:
    """Somebody's relations, as relations between the shared spans that theirs are nearest to."""
    place = [_nearest(each, spans) for each in value.spans]
    moved = ((each.label, place[each.source], place[each.target]) for each in value.relations)
    return [
        Relation(label=label, source=source, target=target)
        for label, source, target in moved
        if source is not None and target is not None and source != target
    ]


def _nearest(span: Span, spans: Sequence[Span]) -> int | None:
    if not spans:
        return None
    own = Shape(span.label, (span.start, span.end))
    near = overlaps([own], [Shape(each.label, (each.start, each.end)) for each in spans])[0].tolist()
    best = max(range(len(spans)), key=lambda each: (near[each], spans[each].label == span.label, -each))
    return best if near[best] >= _SAME else None
