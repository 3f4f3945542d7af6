"""Data sets of the Hugging Face Hub, as a folder: tables (Parquet, JSON Lines, CSV, Arrow), pictures with a metadata
table beside them, or pictures in a folder for each class (https://huggingface.co/docs/hub/datasets-adding).

Names of classes are those of Parquet's and Arrow's schema, or else of `dataset_info` in README.md. Splits are told by
folders and names of files.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from trueup.dataset.importing.files import UNREADABLE, beside, each_of, of_files, split_in, split_named, text_of
from trueup.dataset.importing.rows import Names
from trueup.dataset.importing.tables import (
    arrow_items,
    csv_items,
    jsonl_items,
    names_of_features,
    parquet_items,
)
from trueup.dataset.importing.yaml import read_yaml
from trueup.dataset.sources import Item, Labelled, Reading
from trueup.errors import InputError, ManifestError, NotFoundError

_TABLES: Mapping[str, Callable[[Reading, str, Names], Iterator[Item]]] = {
    ".parquet": parquet_items,
    ".jsonl": jsonl_items,
    ".csv": csv_items,
    ".arrow": arrow_items,
}
_METADATA = tuple(f"metadata{ending}" for ending in (".jsonl", ".csv", ".parquet"))
_MEDIA = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".wav", ".mp3", ".flac", ".ogg", ".m4a")
_FRONT = "---\n"


def read(reading: Reading) -> Iterator[Item]:
    """Raises NotFoundError for a folder without any of these, InputError for a README.md that cannot be read."""
    names = [reading.file] if reading.file else list(reading.source.names())
    metadata = [each for each in names if posixpath.basename(each) in _METADATA]
    tables = metadata or [each for each in names if _ending(each) in _TABLES]
    classes = _classes(reading)
    if tables:
        return of_files(tables, lambda name: _TABLES[_ending(name)](reading, name, classes))
    pictures = [each for each in names if _ending(each) in _MEDIA]
    if not pictures:
        raise NotFoundError(
            f"{reading.source.place} holds no table ({', '.join(_TABLES)}) and no pictures: is it a data set's folder?"
        )
    return each_of(((each, each) for each in pictures), lambda _, name: _of_folder(reading, name))


def _ending(name: str) -> str:
    return posixpath.splitext(name)[1].lower()


def _of_folder(reading: Reading, name: str) -> Item:
    """The folder is the class; those above it may tell the split."""
    folders = posixpath.dirname(name).split("/")
    if not folders[-1] or (len(folders) == 1 and split_named(folders[0])):
        raise ManifestError("the file lies in no folder of a class, nor does a metadata.csv tell of it")
    if reading.schema.kind != "classification":
        raise ManifestError(f"folders tell classes, no labels of kind {reading.schema.kind}: add a metadata.jsonl")
    return Labelled(
        where=name,
        label=folders[-1],
        ref=beside(reading, "", name),
        split=split_in("/".join(folders[:-1])),
    )


def _classes(reading: Reading) -> Names:
    """Raises InputError for a README.md whose first lines are no YAML."""
    return _of_info(reading) or _of_card(reading)


def _of_info(reading: Reading) -> Names:
    """What `save_to_disk` writes beside its tables."""
    try:
        found = msgspec.json.decode(text_of(reading.source, "dataset_info.json"))
    except (NotFoundError, InputError, *UNREADABLE):
        return {}
    return names_of_features(found.get("features")) if isinstance(found, dict) else {}


def _of_card(reading: Reading) -> Names:
    try:
        card = text_of(reading.source, "README.md").replace("\r\n", "\n")
    except NotFoundError:
        return {}
    if not card.startswith(_FRONT) or "\n---" not in card[len(_FRONT) :]:
        return {}
    front = card[len(_FRONT) :].partition("\n---")[0]
    info = read_yaml(front, "README.md").get("dataset_info")
    configurations = info if isinstance(info, list) else [info]
    found: dict[str, list[str]] = {}
    for each in configurations:
        for feature in (each.get("features") if isinstance(each, dict) else None) or ():
            found |= _feature(feature)
    return found


def _feature(feature: Any) -> dict[str, list[str]]:
    """{name: label, dtype: {class_label: {names: {'0': cat}}}}, or the same in a sequence."""
    if not isinstance(feature, dict):
        return {}
    names = _class_label(feature)
    return {str(feature.get("name")): names} if names else {}


def _class_label(value: Any) -> list[str]:
    if isinstance(value, dict):
        told = value.get("class_label")
        names = told.get("names") if isinstance(told, dict) else None
        if isinstance(names, dict):
            return [str(names[each]) for each in sorted(names, key=_number)]
        if isinstance(names, list):
            return [str(each) for each in names]
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for found in map(_class_label, below) if found), [])


def _number(text: object) -> int:
    try:
        return int(str(text))
    except ValueError:
        raise InputError(f"README.md numbers a class {text!r}", field="README.md: dataset_info") from None
