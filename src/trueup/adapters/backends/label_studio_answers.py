"""What passes between a task and Label Studio: its data, and the model's prediction. What an annotation means is read
in labels/label_studio.py, which says whose formats these are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trueup.errors import InputError
from trueup.labels.exporting import CONTROL, SAMPLE
from trueup.labels.showing import shown
from trueup.model import Found, Kind, LabelSchema, Payload, Prediction, Task

# A model shows what it is rather sure of: an annotator removes what is wrong, and draws what is missing.
SURE = 0.5


# ---------------------------------------------------------------- what an annotator starts from


def result_of(prediction: Prediction, schema: LabelSchema) -> list[dict[str, Any]]:
    """The model's prediction as the `result` of a Label Studio prediction: its class, its classes of at least SURE, and
    the boxes and spans of such. Empty for what cannot be said so: other kinds, classes that the schema has not, and
    boxes in pixels of an image whose size nobody knows."""
    make = _STARTS.get(schema.kind)
    return make(prediction, schema) if make else []


def _start_class(prediction: Prediction, schema: LabelSchema) -> list[dict[str, Any]]:
    return _choice([prediction.label] if prediction.label in schema.names else [])


def _start_classes(prediction: Prediction, schema: LabelSchema) -> list[dict[str, Any]]:
    chances = dict(zip(prediction.classes, prediction.probabilities, strict=False))
    return _choice([each for each in schema.names if chances.get(each, 0.0) >= SURE])


def _choice(names: list[str]) -> list[dict[str, Any]]:
    return [_region(0, "choices", {"choices": names})] if names else []


def _start_boxes(prediction: Prediction, schema: LabelSchema) -> list[dict[str, Any]]:
    found = (each for each in _shown(prediction, schema) if each.unit == "share")
    return [_region(index, "rectanglelabels", value) for index, value in enumerate(map(_rectangle, found)) if value]


def _rectangle(found: Found) -> dict[str, Any]:
    left, top, right, bottom = (min(max(each, 0.0), 1.0) * 100 for each in found.box or (0.0,) * 4)
    if left >= right or top >= bottom:
        return {}
    sides = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return {**sides, "rotation": 0, "rectanglelabels": [found.label]}


def _start_spans(prediction: Prediction, schema: LabelSchema) -> list[dict[str, Any]]:
    places = [(each.start, each.end, each.label) for each in _shown(prediction, schema)]
    marked = [
        {"start": start, "end": end, "labels": [label]}
        for start, end, label in places
        if start is not None and end is not None and 0 <= start < end
    ]
    return [_region(index, "labels", value) for index, value in enumerate(marked)]


def _shown(prediction: Prediction, schema: LabelSchema) -> Iterator[Found]:
    return (each for each in prediction.objects if each.score >= SURE and each.label in schema.names)


def _region(index: int, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"model-{index}", "from_name": CONTROL, "to_name": SAMPLE, "type": kind, "value": value}


_STARTS: Mapping[Kind, Callable[[Prediction, LabelSchema], list[dict[str, Any]]]] = {
    "classification": _start_class,
    "multilabel": _start_classes,
    "boxes": _start_boxes,
    "spans": _start_spans,
}


# ---------------------------------------------------------------- what an annotator sees


def data_of(task: Task, payload: bytes, schema: LabelSchema) -> dict[str, Any]:
    """The task's `data`, as labels/showing.py makes it. Raises InputError naming the task."""
    try:
        return shown(task.payload_uri, Payload(data=payload, content_type=task.content_type), schema)
    except InputError as error:
        raise InputError(f"the input of task {task.task_id} {error}", field=error.field) from error
