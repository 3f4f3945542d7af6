"""Labels of other tools: one format each, one line in the table.

An importer streams what a source holds, one item at a time, so that memory does not grow with the source's inputs. What
cannot be read is an item as well, so that one bad line hides no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from trueup.dataset.importing import (
    augmented_manifest,
    coco,
    conll,
    ground_truth,
    huggingface,
    label_studio,
    preference_pairs,
    tables,
    voc,
    webdataset,
    yolo,
)
from trueup.dataset.sources import Item, Reading


class Importer(Protocol):
    """Raises InputError and NotFoundError for a source that is not of the format at all."""

    def __call__(self, reading: Reading) -> Iterator[Item]: ...


IMPORTS: Mapping[str, Importer] = {
    "augmented-manifest": augmented_manifest.read,
    "coco": coco.read,
    "conll": conll.read,
    "csv": tables.read_csv,
    "ground-truth": ground_truth.read,
    "huggingface": huggingface.read,
    "jsonl": tables.read_jsonl,
    "label-studio": label_studio.read,
    "parquet": tables.read_parquet,
    "preference-pairs": preference_pairs.read,
    "voc": voc.read,
    "webdataset": webdataset.read,
    "yolo": yolo.read,
}
