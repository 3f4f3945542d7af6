"""Dataset versions of each kind of label, with inputs that fit, and what exports make of them."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.unit.labels.schemas import schema as schema_of
from tests.worlds import NOW, project
from trueup.adapters.local_files import LocalExportSink
from trueup.adapters.memory import (
    FixedClock,
    MemoryDatasetStore,
    MemoryExportSink,
    MemoryPayloadStore,
    MemoryTaskStore,
    World,
)
from trueup.labels.importing import document
from trueup.model import DatasetVersion, Kind, LabelledSample, LabelSchema, Payload
from trueup.usecases.export_version import Export, ExportVersion
from trueup.usecases.import_labels import ImportedLabel, ImportLabels
from trueup.usecases.making_versions import view_of

# Ten of them fall into all three splits.
COUNT = 10
SPLIT = {"validation_share": 0.3, "test_share": 0.3}
TEXTS = (
    "Ann's cat sat.\nA dog barked at it!",
    "naïve   foxes,  e-mail@x.org",
    "日本の猫 and a 🦊 met",
    "one, two; three",
    "  a line\n\nand another one  ",
    "cats",
    "dogs & <foxes>",
    'she said "meow"',
    "tabs\tand spaces",
    "the last one",
)
SIZES = ((40, 30), (33, 57), (64, 64), (21, 90), (100, 40))


@dataclass
class Shelf:
    """A project's dataset of one version, in memory. Labels are as people give them, one for each input, and so are
    groups, where None stands alone; without any each input has one."""

    schema: LabelSchema
    inputs: Sequence[Payload]
    labels: Sequence[str]
    groups: Sequence[str | None] = ()
    payloads: MemoryPayloadStore = field(default_factory=MemoryPayloadStore)

    def __post_init__(self) -> None:
        config = project(label_schema=document(self.schema), triggers={"action": "notify"}, commit=SPLIT)
        world = World()
        self.datasets = MemoryDatasetStore(world)
        projects = {"pets": config}
        groups = self.groups or [f"group {number}" for number in range(len(self.inputs))]
        given = [
            ImportedLabel(payload=payload, label=label, group=group)
            for payload, label, group in zip(self.inputs, self.labels, groups, strict=True)
        ]
        make = ImportLabels(projects, self.payloads, self.datasets, FixedClock(NOW), MemoryTaskStore(world))
        made = make("pets", given, "shelf")
        assert made is not None
        self.version: DatasetVersion = made
        self.export_version = ExportVersion(projects, self.datasets, self.payloads)

    @property
    def samples(self) -> list[LabelledSample]:
        return list(view_of(self.datasets, "pets", self.version))

    def of(self, split: str) -> list[LabelledSample]:
        return [each for each in self.samples if each.split == split]

    def payload(self, sample: LabelledSample) -> Payload:
        return self.payloads.get(sample.payload_uri)

    def into(self, folder: Path, form: str, split: str | None = None) -> Export:
        return self.export_version(self.version, form, LocalExportSink(folder), split)

    def files(self, form: str, split: str | None = None, root: str = "") -> Mapping[str, bytes]:
        sink = MemoryExportSink(root)
        self.export_version(self.version, form, sink, split)
        return sink.files

    def single(self, form: str, split: str | None = None) -> bytes:
        return b"".join(self.export_version.single(self.version, form, split).chunks())


def shelf(kind: Kind, *more: str, **changes: Any) -> Shelf:
    """One label for each input, then `more` ones for inputs of their own."""
    made = {"kind": kind, **changes}
    schema = LabelSchema(**{**{name: getattr(schema_of(kind), name) for name in LabelSchema.__struct_fields__}, **made})
    count = COUNT + len(more)
    labels = [*itertools.islice(itertools.cycle(LABELS[kind]), COUNT), *more]
    return Shelf(schema, [_input(schema, number) for number in range(count)], labels)


def picture(number: int, form: str = "PNG") -> Payload:
    """Noise, all of it different."""
    width, height = SIZES[number % len(SIZES)]
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **({"lossless": True} if form == "WEBP" else {}))
    return Payload(data=out.getvalue(), content_type=f"image/{form.lower()}")


def _input(schema: LabelSchema, number: int) -> Payload:
    if schema.kind == "preference":
        pair = {"prompt": f"Which {number}?", "first": f"the first “{number}”", "second": f"the second\n{number}"}
        return Payload(data=json.dumps(pair).encode(), content_type="application/json")
    if schema.media == "image":
        return picture(number, "JPEG" if number % 4 == 3 else "PNG")
    text = TEXTS[number] if number < len(TEXTS) else f"{TEXTS[number % len(TEXTS)]} {number}"
    return Payload(data=text.encode(), content_type="text/plain")


def _json(*labels: Any) -> list[str]:
    return [json.dumps(each) for each in labels]


def _boxes(*boxes: tuple[str, float, float, float, float]) -> list[dict[str, Any]]:
    names = ("label", "left", "top", "right", "bottom")
    return [dict(zip(names, each, strict=True)) for each in boxes]


def _masks() -> list[str]:
    """As large as the pictures are: each of the next five."""
    found = []
    for number, (width, height) in enumerate(SIZES):
        rng = np.random.default_rng(100 + number)
        coarse = rng.integers(0, 4, (height // 7 + 1, width // 5 + 1))
        pixels = np.kron(coarse, np.ones((7, 5), dtype=int))[:height, :width].ravel()
        runs = [[int(which), len(list(group))] for which, group in itertools.groupby(pixels.tolist())]
        found.append(json.dumps({"width": width, "height": height, "runs": runs}))
    return found


def _sized(**shapes: Any) -> list[str]:
    return [json.dumps({"width": width, "height": height, **shapes}) for width, height in SIZES]


LABELS: Mapping[Kind, Sequence[str]] = {
    "classification": ["cat", "dog", "fox"],
    "multilabel": _json({"classes": ["cat", "fox"]}, {"classes": []}, {"classes": ["dog"]}),
    "boxes": [
        *_sized(boxes=_boxes(("cat", 1.25, 2, 20.5, 30), ("fox", 3, 4.75, 12, 13)))[:3],
        # Some annotator's page did not know how large the picture was.
        *_json({"boxes": _boxes(("dog", 0, 0, 9, 9))}, {"boxes": []}),
    ],
    "polygons": [
        *_sized(
            polygons=[
                {"label": "dog", "points": [[2, 3], [19.5, 4], [11, 28.25]]},
                {"label": "cat", "points": [[0, 0], [9, 0], [9, 9], [0, 9]]},
            ]
        )
    ],
    "mask": _masks(),
    "spans": _json(
        {
            "spans": [
                {"label": "cat", "start": 0, "end": 3},
                {"label": "fox", "start": 2, "end": 4},
                {"label": "dog", "start": 0, "end": 4},
            ],
            "relations": [{"label": "chases", "from": 0, "to": 1}],
        },
        {"spans": [{"label": "fox", "start": 1, "end": 2}]},
        {"spans": []},
    ),
    "text": _json({"text": "a cat,\nin the hay"}, {"text": "“foxes”"}),
    "rating": _json({"rating": 4, "critique": "short"}, {"rating": 1, "critique": ""}),
    "preference": _json(
        {"preferred": "first", "critique": ""},
        {"preferred": "second", "critique": "shorter"},
        {"preferred": "tie", "critique": ""},
    ),
}
NONE = '{"none":true,"proposed":"lynx"}'
