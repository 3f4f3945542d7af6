"""The table of export formats: one file each, one line here."""

from __future__ import annotations

from trueup.dataset.exporting import Format
from trueup.dataset.formats import (
    augmented_manifest,
    coco,
    conll,
    croissant,
    csv,
    ground_truth,
    huggingface,
    jsonl,
    label_studio,
    parquet,
    preference_pairs,
    voc,
    webdataset,
    yolo,
)
from trueup.errors import InputError, LabelError
from trueup.model import Kind, LabelSchema

FORMATS: dict[str, Format] = {
    "augmented-manifest": augmented_manifest,
    "coco": coco,
    "conll": conll,
    "croissant": croissant,
    "csv": csv,
    "ground-truth": ground_truth,
    "huggingface": huggingface,
    "jsonl": jsonl,
    "label-studio": label_studio,
    "parquet": parquet,
    "preference-pairs": preference_pairs,
    "voc": voc,
    "webdataset": webdataset,
    "yolo": yolo,
}


def _listed(kinds: tuple[Kind, ...]) -> str:
    return " and ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))


def format_for(name: str, schema: LabelSchema) -> Format:
    """Raises InputError where there is no such format, LabelError where it cannot hold such labels."""
    found = FORMATS.get(name)
    if found is None:
        raise InputError(f"there is no format {name!r}: use one of {', '.join(FORMATS)}", field="--format")
    if schema.kind not in found.KINDS:
        fit = ", ".join(other for other, each in FORMATS.items() if schema.kind in each.KINDS)
        raise LabelError(f"{name} holds {_listed(found.KINDS)}, not {schema.kind}: use one of {fit}", field="--format")
    return found


def cut_format_for(name: str, schema: LabelSchema) -> Format:
    """One that many can write. Raises what `format_for` does, and InputError where it cannot be written in parts."""
    found = format_for(name, schema)
    if found.CUT.rows:
        return found
    fit = ", ".join(other for other, each in FORMATS.items() if each.CUT.rows and schema.kind in each.KINDS)
    raise InputError(
        f"{name} cannot be written by many functions: {found.CUT.why}. Use one of {fit}, or do without --in-cloud",
        field="--format",
    )
