"""Augmented manifests: one JSON line per object, with a label under an attribute and what is told of it under
`<attribute>-metadata` ("Output Data", Amazon SageMaker Developer Guide).

A job that continues another one leaves the other's attributes in its lines. What an object that failed looks like is
not documented: its metadata says why under `failure-reason`, or it has no label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from trueup.dataset.importing.files import (
    beside,
    chosen,
    document,
    each_of,
    group_named,
    numbered,
    of_files,
    split_named,
    whole,
)
from trueup.dataset.manifest_labels import said_in_manifest, says_none
from trueup.dataset.sources import Answer, Item, Labelled, LeftOut, Reading
from trueup.errors import InputError, ManifestError
from trueup.labels.ground_truth_answers import utc
from trueup.model import Kind

_METADATA, _REFERENCE, _FAILURE = "-metadata", "-ref", "failure-reason"
# Types of jobs ("groundtruth/…") by the kind of label that they make; custom ones may make any.
_TYPES: Mapping[Kind, tuple[str, ...]] = {
    "classification": ("image-classification", "text-classification"),
    "multilabel": ("image-classification-multilabel", "text-classification-multilabel"),
    "boxes": ("object-detection",),
    "mask": ("semantic-segmentation",),
    "spans": ("text-span",),
}
# The answers that an object has, by its place in the job's input, from 0.
AnswersOf = Callable[[int], tuple[Answer, ...]]


def read(reading: Reading) -> Iterator[Item]:
    """The lines of a manifest, or of all *.manifest files of a place."""
    names = chosen(reading, (".manifest", ".manifest.gz"), "manifest")
    return of_files(names, lambda name: read_manifest(reading, name))


def read_manifest(reading: Reading, name: str, answers_of: AnswersOf | None = None) -> Iterator[Item]:
    """Raises InputError where it is not clear which attribute holds the label."""
    attribute = reading.attribute or _found_attribute(reading, name)

    def made(where: str, raw: tuple[int, bytes]) -> Item:
        place, line = raw
        found = _item(reading, name, where, document(line), attribute)
        if answers_of is None or not isinstance(found, Labelled):
            return found
        return msgspec.structs.replace(found, answers=answers_of(place))

    rows = ((f"{name}:{number}", (number - 1, raw)) for number, raw in numbered(reading.source, name))
    return each_of(rows, made)


def _item(reading: Reading, name: str, where: str, line: Mapping[str, Any], attribute: str) -> Item:
    attribute = _beside_masks(line, attribute)
    metadata = line.get(f"{attribute}{_METADATA}", {})
    if not isinstance(metadata, dict):
        raise ManifestError(f"{attribute}{_METADATA} is not a JSON object")
    if metadata.get(_FAILURE):
        return LeftOut(where=where, why=f"failed in its job: {str(metadata[_FAILURE])[:120]}")
    if line.get(attribute) is None:
        return LeftOut(where=where, why=f"no label under {attribute!r}")
    text, ref = line.get("source"), line.get("source-ref")
    if not isinstance(text if ref is None else ref, str) or (text is not None and ref is not None):
        raise ManifestError('the line needs one of "source" (a text) and "source-ref" (the name of a file)')
    return Labelled(
        where=where,
        label=said_in_manifest(line[attribute], metadata, reading.schema, lambda place: _mask(reading, name, place)),
        data=None if text is None else text.encode(),
        ref=None if ref is None else beside(reading, name, ref),
        content_type=line.get("content-type") or ("text/plain" if text is not None else None),
        group=group_named(line, reading.group, "trueup-group"),
        split=split_named(line.get("trueup-split")),
        confidence=_confidence(metadata),
        labelled_at=_time(metadata.get("creation-date")),
        by_model=metadata.get("human-annotated") == "no",
    )


def _beside_masks(line: Mapping[str, Any], attribute: str) -> str:
    """Where trueup's exports say that no class fits: there is no picture of that for a reference to lead to."""
    plain = attribute.removesuffix(_REFERENCE)
    return plain if attribute not in line and says_none(line.get(plain)) else attribute


def _mask(reading: Reading, name: str, place: str) -> bytes:
    return whole(reading.source, place if place.startswith("s3://") else beside(reading, name, place))


def _confidence(metadata: Mapping[str, Any]) -> float | None:
    """Of several the least. Ground Truth says 0 where a single worker answered, which is not how sure a label is."""
    found = [metadata.get("confidence"), *_each(metadata.get("confidence-map"))]
    for things in ("objects", "entities", "internal-color-map"):
        found += [each.get("confidence") for each in _each(metadata.get(things)) if isinstance(each, dict)]
    numbers = [float(each) for each in found if isinstance(each, int | float) and 0 < each <= 1]
    return min(numbers, default=None)


def _each(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _time(text: object) -> datetime | None:
    try:
        return utc(datetime.fromisoformat(str(text)))
    except ValueError:
        return None


def _found_attribute(reading: Reading, name: str) -> str:
    """The only one whose job makes labels of the schema's kind. Raises InputError that lists those there are."""
    jobs = _attributes(reading, name)
    fitting = [each for each in jobs if _fits(jobs[each], reading.schema.kind)]
    if len(fitting) == 1:
        return fitting[0]
    if not jobs:
        raise InputError(
            f"no line of {name} has a label: there is no attribute with -metadata beside it. Name it with --attribute",
            field="--attribute",
        )
    told = "; ".join(f"{each} ({job})" for each, job in jobs.items())
    raise InputError(
        f"{name} has {'several labels' if fitting else f'no label of kind {reading.schema.kind}'}: {told}. "
        "Choose one with --attribute",
        field="--attribute",
    )


def _fits(job: str, kind: Kind) -> bool:
    made = job.partition(",")[0].removeprefix("groundtruth/")
    return made in ("", "custom") or made in _TYPES.get(kind, ())


def _attributes(reading: Reading, name: str) -> dict[str, str]:
    """Attributes with "type, job" of the first line that tells. A bare `label` is one, too. What only says that no
    class fits may stand beside the attribute that holds the labels, and is one where there is no other."""
    found: dict[str, str] = {}
    without_class: dict[str, str] = {}
    for _, raw in numbered(reading.source, name):
        try:
            line = document(raw)
        except ManifestError:
            continue
        for attribute, told in _metadata_in(line):
            there = without_class if says_none(line.get(attribute)) else found
            there[attribute] = there.get(attribute) or told
        if not found and "label" in line and not without_class:
            found["label"] = ""
    return found or without_class


def _metadata_in(line: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Attributes with "type, job"."""
    for key, told in line.items():
        if key.endswith(_METADATA) and isinstance(told, dict):
            job = ", ".join(str(told[each]) for each in ("type", "job-name") if told.get(each))
            yield key.removesuffix(_METADATA), job
