"""What trueup exports for Label Studio, imported into a real server: every kind, and the labels are the same
there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.shelf import NONE, Shelf, shelf
from tests.studio.people import Studio
from tests.unit.labels.schemas import KINDS
from trueup.labels.exporting import to_label_studio
from trueup.labels.label_studio import label_of
from trueup.model import Kind

pytestmark = pytest.mark.studio


def imported(studio: Studio, made: Shelf) -> list[dict[str, Any]]:
    """The tasks that the server made of an export."""
    told = {"title": f"export of {made.schema.kind}", "label_config": to_label_studio(made.schema)}
    project = int(studio.call("POST", "/api/projects/", told)["id"])
    answer = studio.call("POST", f"/api/projects/{project}/import", json.loads(made.single("label-studio")))
    assert (answer["task_count"], answer["annotation_count"]) == (len(made.samples), len(made.samples))
    return studio.tasks(project)


@pytest.mark.parametrize("kind", KINDS)
def test_label_studio_imports_every_kind(studio: Studio, kind: Kind) -> None:
    made = shelf(kind, NONE)
    for task, sample in zip(imported(studio, made), made.samples, strict=True):
        (annotation,) = task["annotations"]
        assert task["meta"]["trueup"]["sample"] == sample.sample_id
        assert task["is_labeled"]
        label = label_of(annotation["result"], made.schema)
        if "boxes" in sample.label:
            # Of a picture without boxes Label Studio keeps no size; of one with, we tell it.
            assert json.loads(label)["boxes"] == json.loads(sample.label)["boxes"]
        else:
            assert label == sample.label
