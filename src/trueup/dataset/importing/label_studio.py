"""Label Studio's JSON export (https://labelstud.io/guide/export): tasks with their data and everybody's annotations.

Of several annotations of a task the one that is marked as ground truth counts, or else what most say. The document is
read into memory; pictures are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from trueup.dataset.importing.files import (
    beside,
    chosen,
    converted,
    decoded,
    each_of,
    group_named,
    of_files,
    split_in,
    split_named,
    whole,
)
from trueup.dataset.sources import Answer, Item, Labelled, LeftOut, Reading
from trueup.errors import InputError, LabelError, ManifestError
from trueup.labels.exporting import CONTROL, OURS
from trueup.labels.ground_truth_answers import utc
from trueup.labels.label_studio import said_in
from trueup.model import Kind

# Types of the regions that answer a question of the kind.
_TYPES: Mapping[Kind, tuple[str, ...]] = {
    "classification": ("choices",),
    "multilabel": ("choices",),
    "boxes": ("rectanglelabels",),
    "polygons": ("polygonlabels",),
    "mask": ("brushlabels",),
    "spans": ("labels", "hypertextlabels", "paragraphlabels"),
    "text": ("textarea",),
    "rating": ("rating",),
    "preference": ("pairwise",),
}
_UPLOADED, _LOCAL = "/data/upload/", "/data/local-files/"


class _Annotation(msgspec.Struct, frozen=True):
    result: list[dict[str, Any]] = []
    id: int | str | None = None
    completed_by: Any = None
    was_cancelled: bool = False
    ground_truth: bool = False
    lead_time: float | None = None
    updated_at: datetime | None = None
    created_at: datetime | None = None

    @property
    def person(self) -> str:
        who = self.completed_by
        if isinstance(who, dict):
            who = who.get("id") or who.get("email")
        return "unknown" if who is None else str(who)

    @property
    def at(self) -> datetime | None:
        told = self.updated_at or self.created_at
        return utc(told) if told else None


class _Ours(msgspec.Struct, frozen=True):
    """What trueup's own exports say of a task."""

    split: str | None = None
    group: str | None = None
    content_type: str | None = None


class _Meta(msgspec.Struct, frozen=True):
    trueup: _Ours = _Ours()


class _Task(msgspec.Struct, frozen=True):
    data: dict[str, Any]
    meta: _Meta | None = None
    id: int | str | None = None
    annotations: list[_Annotation] = []
    completions: list[_Annotation] = []


def read(reading: Reading) -> Iterator[Item]:
    """Raises NotFoundError."""
    return of_files(chosen(reading, (".json",), "JSON export"), lambda name: _items(reading, name))


def _items(reading: Reading, name: str) -> Iterator[Item]:
    told = "is no list of tasks, as Label Studio's format JSON is"
    tasks = decoded(whole(reading.source, name), list[msgspec.Raw], told)
    rows = ((f"{name}:[{place}]", bytes(raw)) for place, raw in enumerate(tasks))
    return each_of(rows, lambda where, raw: _item(reading, name, where, raw))


def _item(reading: Reading, name: str, where: str, raw: bytes) -> Item:
    task = decoded(raw, _Task, "the task is not as Label Studio's format JSON has it")
    given = [each for each in (*task.annotations, *task.completions) if not each.was_cancelled]
    if not given:
        return LeftOut(where=where, why="a task that nobody annotated")
    answers = [_answer(each, reading) for each in given]
    label, agreement = _label(given, answers)
    text, ref = _input(task.data, reading)
    ours = (task.meta or _Meta()).trueup
    return Labelled(
        where=where,
        label=label,
        data=text,
        ref=None if ref is None else beside(reading, name, ref),
        content_type=ours.content_type if text is None else _content_type(reading),
        group=ours.group if reading.group is None else group_named(task.data, reading.group),
        split=split_named(ours.split) or split_in(name),
        agreement=agreement,
        labelled_at=max((each.at for each in given if each.at), default=None),
        answers=tuple(answers),
    )


def _answer(annotation: _Annotation, reading: Reading) -> Answer:
    return Answer(
        annotator=annotation.person,
        label=said_in(_asked(annotation.result, reading), reading.schema.kind),
        submitted_at=annotation.at,
        seconds_spent=annotation.lead_time or 0.0,
    )


def _asked(result: Sequence[dict[str, Any]], reading: Reading) -> list[dict[str, Any]]:
    """The regions of the one control that answers, under the name that ours have, and what trueup's own pages ask
    beside it. Raises ManifestError where several do."""
    kind = reading.schema.kind
    controls = {
        str(each.get("from_name")): None
        for each in result
        if each.get("type") in _TYPES[kind] and not str(each.get("from_name")).startswith(OURS)
    }
    if len(controls) > 1 and reading.attribute is None:
        raise InputError(
            f"annotations answer through several controls ({', '.join(controls)}): choose one with --attribute",
            field="--attribute",
        )
    asked = reading.attribute or next(iter(controls), CONTROL)
    kept = []
    for each in result:
        if each.get("from_name") == asked:
            kept.append({**each, "from_name": CONTROL})
        elif each.get("type") == "relation" or str(each.get("from_name")).startswith(OURS):
            kept.append(each)
    return kept


def _label(given: Sequence[_Annotation], answers: Sequence[Answer]) -> tuple[str, float]:
    """With the share of people who say the same. Raises LabelError for a tie."""
    marked = [answer.label for each, answer in zip(given, answers, strict=True) if each.ground_truth]
    votes = Counter(each.label for each in answers)
    (best, most), *others = votes.most_common()
    if marked:
        best = marked[-1]
    elif others and others[0][1] == most:
        raise LabelError(
            f"{len(answers)} people say {len(votes)} different things, none of them more often than others: mark one "
            "as ground truth in Label Studio"
        )
    return best, votes[best] / len(answers)


def _input(data: Mapping[str, Any], reading: Reading) -> tuple[bytes | None, str | None]:
    """Its bytes, or the name of its file."""
    schema = reading.schema
    if schema.kind == "preference":
        told = {name: data.get(name) for name in ("prompt", "first", "second")}
        return msgspec.json.encode(converted(told, dict[str, str], "the task's data")), None
    value = data.get("table" if schema.media == "tabular" else schema.media, _only(data))
    if schema.media == "tabular":
        return msgspec.json.encode(value), None
    if not isinstance(value, str) or not value:
        raise ManifestError(
            f"the task's data has no {schema.media!r}, and not one text alone: its keys are {', '.join(data)}"
        )
    return (value.encode(), None) if schema.media == "text" else (None, _file(value))


def _only(data: Mapping[str, Any]) -> Any:
    texts = [each for name, each in data.items() if isinstance(each, str) and not name.startswith(OURS)]
    return texts[0] if len(texts) == 1 else None


def _file(value: str) -> str:
    """Label Studio's own addresses lead to what was uploaded, or lies on its disk."""
    place = urlsplit(value)
    if place.path.startswith(_LOCAL) and not place.scheme:
        return parse_qs(place.query).get("d", [""])[0].lstrip("/")
    return value.removeprefix(_UPLOADED)


def _content_type(reading: Reading) -> str:
    return (
        "text/plain" if reading.schema.media == "text" and reading.schema.kind != "preference" else "application/json"
    )
