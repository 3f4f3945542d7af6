"""Imports out of memory, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueup.adapters.memory_operations import MemoryFiles, MemoryObjects
from trueup.dataset.importing import IMPORTS
from trueup.dataset.sources import Item, Labelled, LeftOut, Problem, Reading
from trueup.model import LabelClass, LabelSchema, Payload

DATA = Path(__file__).parent / "data" / "imports"


def schema(kind: str, *names: str, media: str = "image", **more: Any) -> LabelSchema:
    return LabelSchema(kind=kind, media=media, classes=tuple(LabelClass(name=each) for each in names), **more)


def reading(
    files: Mapping[str, bytes], asked: LabelSchema, objects: Mapping[str, bytes] | None = None, **more: Any
) -> Reading:
    elsewhere = MemoryObjects({uri: Payload(data=each, content_type="") for uri, each in (objects or {}).items()})
    source = MemoryFiles(files, elsewhere)
    return Reading(**{"source": source, "files": source, "schema": asked, **more})


def items(form: str, files: Mapping[str, bytes], asked: LabelSchema, **more: Any) -> list[Item]:
    return list(IMPORTS[form](reading(files, asked, **more)))


def labelled(form: str, files: Mapping[str, bytes], asked: LabelSchema, **more: Any) -> list[Labelled]:
    """All of it, which must be nothing but labels and what is left out for a reason."""
    found = items(form, files, asked, **more)
    assert not [each for each in found if isinstance(each, Problem)]
    return [each for each in found if isinstance(each, Labelled)]


def problems(form: str, files: Mapping[str, bytes], asked: LabelSchema, **more: Any) -> list[str]:
    """Of each that cannot be read where and why."""
    found = items(form, files, asked, **more)
    return [f"{each.where}: {each.what}" for each in found if isinstance(each, Problem)]


def left_out(form: str, files: Mapping[str, bytes], asked: LabelSchema, **more: Any) -> list[str]:
    return [each.why for each in items(form, files, asked, **more) if isinstance(each, LeftOut)]


def folder(path: Path) -> dict[str, bytes]:
    """Files below a folder by name."""
    return {each.relative_to(path).as_posix(): each.read_bytes() for each in path.rglob("*") if each.is_file()}
