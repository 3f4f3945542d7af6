"""A label schema of each kind, and labels that fit it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from trueup.model import Kind, LabelClass, LabelSchema

NAMES = ("cat", "dog", "fox")
CLASSES = tuple(LabelClass(name=each) for each in NAMES)
RELATIONS = (LabelClass(name="chases"), LabelClass(name="fears"))


def schema(kind: Kind) -> LabelSchema:
    return LabelSchema(
        kind=kind,
        media="text" if kind in ("spans", "preference") else "image",
        classes=() if kind in ("text", "rating", "preference") else CLASSES,
        relations=RELATIONS if kind == "spans" else (),
    )


KINDS: tuple[Kind, ...] = (
    "classification",
    "multilabel",
    "boxes",
    "polygons",
    "mask",
    "spans",
    "text",
    "rating",
    "preference",
)
# All kinds; to draw and to read shapes takes long.
SLOW_SHAPES = [pytest.param(each, marks=pytest.mark.slow) if each in ("boxes", "polygons") else each for each in KINDS]
name = st.sampled_from(NAMES)
place = st.integers(0, 6000).map(lambda each: each / 100)
extent = st.integers(1, 3000).map(lambda each: each / 100)


def _box(parts: tuple[str, float, float, float, float]) -> dict[str, Any]:
    label, left, top, width, height = parts
    return {"label": label, "left": left, "top": top, "right": left + width, "bottom": top + height}


def _polygon(parts: tuple[str, float, float, float, float]) -> dict[str, Any]:
    label, left, top, width, height = parts
    return {"label": label, "points": [[left, top], [left + width, top], [left + width / 2, top + height]]}


def _mask(pixels: list[int]) -> dict[str, Any]:
    return {"width": 4, "height": len(pixels) // 4, "runs": [[each, 1] for each in pixels]}


def _spans(parts: tuple[list[tuple[str, int, int]], int]) -> dict[str, Any]:
    spans = [{"label": label, "start": start, "end": start + length} for label, start, length in parts[0]]
    distinct = len({json.dumps(each) for each in spans}) == len(spans)
    links = [{"label": "chases", "from": 0, "to": len(spans) - 1}] if distinct and len(spans) > 1 and parts[1] else []
    return {"spans": spans, "relations": links}


_boxed = st.lists(st.tuples(name, place, place, extent, extent), max_size=5)
LABELS: dict[Kind, st.SearchStrategy[str]] = {
    "classification": name,
    "multilabel": st.lists(name, unique=True).map(lambda each: json.dumps({"classes": each})),
    "boxes": _boxed.map(lambda each: json.dumps({"width": 100, "height": 100, "boxes": [_box(one) for one in each]})),
    "polygons": _boxed.map(lambda each: json.dumps({"polygons": [_polygon(one) for one in each]})),
    "mask": st.lists(st.integers(0, 3), min_size=16, max_size=16).map(lambda each: json.dumps(_mask(each))),
    "spans": st.tuples(
        st.lists(st.tuples(name, st.integers(0, 30), st.integers(1, 9)), max_size=5), st.integers(0, 1)
    ).map(lambda each: json.dumps(_spans(each))),
    "text": st.text(min_size=1).filter(lambda each: each.strip()).map(lambda each: json.dumps({"text": each})),
    "rating": st.integers(1, 5).map(lambda each: json.dumps({"rating": each, "critique": "so"})),
    "preference": st.sampled_from(["first", "second", "tie"]).map(lambda each: json.dumps({"preferred": each})),
}
