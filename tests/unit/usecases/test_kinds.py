"""Labels of every kind through the loop: answered, settled, ruled on, committed, exported and read back."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.imports import labelled, problems
from tests.unit.labels.schemas import CLASSES, RELATIONS
from tests.worlds import Loop, project
from trueup.dataset.formats.augmented_manifest import lines as manifest_lines
from trueup.dataset.segments import decode
from trueup.errors import LabelError, TaskClosedError
from trueup.labels.reading import checked
from trueup.model import Kind, LabelledSample, TaskStatus
from trueup.quality.consensus import Accepted, NeedsReview
from trueup.usecases.rule_on_task import RuleOnTask
from trueup.usecases.show_reviews import ShowReviews
from trueup.usecases.submit_annotation import Submission

NONE = '{"none":true,"proposed":"lynx"}'
BOX = {"label": "cat", "left": 1, "top": 2, "right": 30, "bottom": 40.5}
SAID: dict[Kind, Any] = {
    "multilabel": {"classes": ["cat", "fox"]},
    "boxes": {"width": 100, "height": 80, "boxes": [BOX]},
    "polygons": {"polygons": [{"label": "dog", "points": [[0, 0], [9, 0], [9, 9]]}]},
    "mask": {"width": 4, "height": 2, "runs": [[0, 2], [2, 3], [0, 3]]},
    "spans": {
        "spans": [{"label": "cat", "start": 0, "end": 3}, {"label": "dog", "start": 4, "end": 9}],
        "relations": [{"label": "chases", "from": 0, "to": 1}],
    },
    "text": {"text": "a cat in the hay"},
    "rating": {"rating": 4, "critique": "short"},
    "preference": {"preferred": "second", "critique": ""},
}
COUNTED = {
    "multilabel": {"cat": 1, "fox": 1},
    "boxes": {"cat": 1},
    "polygons": {"dog": 1},
    "mask": {"dog": 1},
    "spans": {"cat": 1, "dog": 1},
    "text": {},
    "rating": {"4": 1},
    "preference": {"second": 1},
}
TYPES = {
    "multilabel": "image-classification-multilabel",
    "boxes": "object-detection",
    "polygons": "custom",
    "mask": "custom",
    "spans": "text-span",
    "text": "custom",
    "rating": "custom",
    "preference": "custom",
}


def loop_of(kind: Kind) -> Loop:
    schema: dict[str, Any] = {"kind": kind, "media": "text" if kind in ("spans", "preference") else "image"}
    if kind not in ("text", "rating", "preference"):
        schema["classes"] = [{"name": each.name} for each in CLASSES]
    if kind == "spans":
        schema["relations"] = [{"name": each.name} for each in RELATIONS]
    target = 0.6 if kind == "rating" else 0.85
    consensus = {"overlap": 2, "max_overlap": 3, "target": target}
    made = Loop(project(label_schema=schema, triggers={"action": "notify"}, consensus=consensus))
    capture(made, 1)
    return made


def capture(loop: Loop, count: int, name: str = "a", first: int = 1) -> None:
    """Of a model that classifies, or where there are no classes one that writes."""
    file = loop.capture(count, name, first)
    if not loop.config.label_schema.classes:
        told = [json.loads(each) for each in loop.archive.files[file.uri].splitlines()]
        for each in told:
            each["captureData"]["endpointOutput"]["data"] = json.dumps([{"generated_text": "so it is"}])
        loop.archive.files[file.uri] = b"".join(json.dumps(each).encode() + b"\n" for each in told)
    loop.ingest(file)


def answer(loop: Loop, name: str, label: str, **more: Any) -> str:
    claimed = loop.claim("pets", name)
    assert claimed is not None
    token = claimed.lease.token
    given = Submission(
        project="pets", task_id=claimed.task.task_id, annotator=name, label=label, lease_token=token, **more
    )
    loop.submit(given)
    assert loop.submit(given).repeated
    return claimed.task.task_id


def rules(loop: Loop) -> RuleOnTask:
    return RuleOnTask({"pets": loop.config}, loop.tasks, loop.lineage, loop.queue, loop.clock)


@pytest.mark.parametrize("kind", SAID)
def test_what_two_people_say_becomes_a_line_of_the_dataset(kind: Kind) -> None:
    loop = loop_of(kind)
    for name in ("ada", "ben"):
        task_id = answer(loop, name, json.dumps(SAID[kind], indent=1))
    verdict = loop.settle("pets", task_id)
    assert isinstance(verdict, Accepted)
    (version,) = loop.commit("pets", "kinds", force=True)
    assert dict(version.class_counts) == COUNTED[kind]
    (line,) = decode(loop.datasets.segment("pets", version.segments[0].sha256))
    assert line.label == verdict.consensus.label == checked(line.label, loop.config.label_schema)
    told = json.loads(line.label)
    assert {**told, "critique": ""} == {
        **json.loads(checked(json.dumps(SAID[kind]), loop.config.label_schema)),
        "critique": "",
    }
    assert (line.agreement, line.posterior) == (1.0, verdict.consensus.posterior)


@pytest.mark.parametrize("kind", SAID)
def test_a_manifest_brings_the_same_label_back(kind: Kind) -> None:
    schema = loop_of(kind).config.label_schema
    label = checked(json.dumps(SAID[kind]), schema)
    sample = LabelledSample(
        sample_id="0" * 64,
        label=label,
        split="train",
        group="g",
        content_type="image/png",
        payload_uri="s3://b/k",
        posterior=0.9,
    )
    data = b"".join(manifest_lines([sample], schema, "pets"))
    metadata = json.loads(data)["label-metadata"]
    assert metadata["type"] == f"groundtruth/{TYPES[kind]}"
    (found,) = labelled("augmented-manifest", {"a.manifest": data}, schema)
    assert checked(found.label, schema) == label


def test_ground_truths_own_lines_are_read() -> None:
    boxes = loop_of("boxes").config.label_schema
    line = {
        "source-ref": "s3://acme/img-000.jpg",
        "boxes": {
            "image_size": [{"width": 640, "height": 480, "depth": 3}],
            "annotations": [{"class_id": 7, "left": 40, "top": 72, "width": 205, "height": 118}],
        },
        "boxes-metadata": {"objects": [{"confidence": 0.74}], "class-map": {"7": "dog"}},
    }
    (found,) = labelled("augmented-manifest", manifest(line), boxes)
    box = {"label": "dog", "left": 40, "top": 72, "right": 245, "bottom": 190}
    assert json.loads(found.label) == {"width": 640, "height": 480, "boxes": [box]}
    line["boxes-metadata"] = {}
    (problem,) = problems("augmented-manifest", manifest(line), boxes)
    assert problem.startswith("a.manifest:1: class 7 is in no class map")
    line["boxes"] = [1]
    (problem,) = problems("augmented-manifest", manifest(line), boxes)
    assert problem.startswith("a.manifest:1: the value is not what Ground Truth writes")


def manifest(*lines: dict[str, Any]) -> dict[str, bytes]:
    return {"a.manifest": b"".join(json.dumps(each).encode() + b"\n" for each in lines)}


def test_ground_truths_masks_are_read() -> None:
    """The line of the contract page's sample, with a picture of its kind."""
    masks = loop_of("mask").config.label_schema
    picture = Image.fromarray(np.array([[0, 0, 1], [0, 1, 1]], dtype=np.uint8))
    picture.putpalette([255, 255, 255, 0x1F, 0x77, 0xB4])
    target = io.BytesIO()
    picture.save(target, "PNG")
    colours = {
        "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.9},
        "1": {"class-name": "dog", "hex-color": "#1f77b4", "confidence": 0.9},
    }
    metadata = {"internal-color-map": colours, "type": "groundtruth/semantic-segmentation", "human-annotated": "yes"}
    line = {"source-ref": "s3://acme/img.jpg", "mask-ref": "s3://acme/mask.png", "mask-ref-metadata": metadata}
    objects = {"s3://acme/mask.png": target.getvalue()}
    (found,) = labelled("augmented-manifest", manifest(line), masks, objects=objects)
    runs = [[0, 2], [1, 1], [0, 1], [1, 2]]
    assert json.loads(found.label) == {"width": 3, "height": 2, "classes": ["dog"], "runs": runs}
    (problem,) = problems("augmented-manifest", manifest(line), masks)
    assert problem == "a.manifest:1: s3://acme/mask.png does not exist"
    line["mask-ref-metadata"] = {"internal-color-map": {"0": {"class-name": "BACKGROUND"}}}
    (problem,) = problems("augmented-manifest", manifest(line), masks, objects=objects)
    assert problem.startswith("a.manifest:1: the value is not what Ground Truth writes")


def test_boxes_of_an_unknown_image_are_not_exported() -> None:
    schema = loop_of("boxes").config.label_schema
    sample = LabelledSample(
        sample_id="ab" * 32,
        label='{"boxes":[]}',
        split="train",
        group="g",
        content_type="image/png",
        payload_uri="s3://b/k",
    )
    with pytest.raises(LabelError, match="sample abababababab: the boxes do not say how large"):
        list(manifest_lines([sample], schema, "pets"))


def test_what_no_class_fits_is_ruled_out_and_never_committed() -> None:
    loop = Loop(project(consensus={"overlap": 2, "max_overlap": 3}))
    loop.ingest(loop.capture(1))
    for name in ("ada", "ben"):
        task_id = answer(loop, name, NONE)
    assert isinstance(loop.settle("pets", task_id), NeedsReview)
    assert [each.task_id for each in ShowReviews({"pets": loop.config}, loop.tasks).waiting("pets")] == [task_id]
    ruled = rules(loop).label("pets", task_id, "rita", NONE, "a new class")
    assert (ruled.repeated, ruled.ruling.label) == (False, NONE)
    assert rules(loop).label("pets", task_id, "rita", NONE, "a new class").repeated
    assert loop.tasks.get("pets", task_id).status is TaskStatus.CANCELLED
    assert loop.commit("pets", "nothing", force=True) == []
    with pytest.raises(TaskClosedError):
        rules(loop).label("pets", task_id, "rita", "cat", "after all")


def test_that_no_class_fits_is_not_said_of_a_settled_task() -> None:
    loop = Loop(project(consensus={"overlap": 2, "max_overlap": 3}))
    loop.ingest(loop.capture(1))
    for name in ("ada", "ben"):
        task_id = answer(loop, name, "cat")
    loop.settle("pets", task_id)
    with pytest.raises(TaskClosedError, match="of one in review"):
        rules(loop).label("pets", task_id, "rita", NONE, "a new class")


def test_a_flagged_answer_waits_for_a_reviewer_with_its_comment() -> None:
    loop = Loop(project(consensus={"overlap": 2, "max_overlap": 3}))
    loop.ingest(loop.capture(1))
    answer(loop, "ada", "cat", comment="too dark", flagged=True)
    task_id = answer(loop, "ben", "cat")
    verdict = loop.settle("pets", task_id)
    assert isinstance(verdict, NeedsReview)
    seen = ShowReviews({"pets": loop.config}, loop.tasks).task("pets", task_id)
    assert [(each.comment, each.flagged) for each in seen.annotations] == [("too dark", True), ("", False)]


def test_skills_of_boxes_are_fitted_as_answers_come() -> None:
    loop = loop_of("boxes")
    capture(loop, 14, "more", 20)
    other = json.dumps({"boxes": [{**BOX, "left": 60, "right": 90}]})
    for _ in range(12):
        task_id = answer(loop, "ada", json.dumps(SAID["boxes"]))
        loop.settle("pets", task_id)
    for _ in range(12):
        loop.settle("pets", answer(loop, "ben", json.dumps(SAID["boxes"])))
    for _ in range(3):
        loop.settle("pets", answer(loop, "cleo", other))
    skills = {each.annotator: each for each in loop.skills.skills("pets")}
    assert skills["ada"].skill > 0.85
    assert sum(each.answers for each in skills.values()) >= 20
