"""Ground Truth's calls before and after people answer, by the samples of the contract page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from moto import mock_aws

from functions.labeling_prepare.handler import handler as prepare
from tests.contract.implementations import DATASET, clients_of_moto
from trueup.adapters.backends.ground_truth import worker_template
from trueup.adapters.backends.ground_truth_pages import Gather
from trueup.errors import InputError
from trueup.model import LabelSchema
from trueup.settings import LabelingGatherSettings
from trueup.wiring.labeling_gather import gather

DATA = Path(__file__).parent.parent / "data" / "groundtruth"


def sample(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text())


def test_a_page_gets_the_text_or_the_place_of_an_object() -> None:
    assert prepare(sample("pre_annotation_request_source_ref"), None) == sample("pre_annotation_response")
    shown = prepare(sample("pre_annotation_request_source"), None)
    assert shown == {"taskInput": {"taskObject": "My card was charged twice"}, "isHumanAnnotationRequired": True}


def test_a_text_with_a_prompt_comes_in_parts() -> None:
    text = json.dumps({"prompt": "Say hi", "first": "hi", "second": "ho", "other": 1})
    shown = prepare({"dataObject": {"source": text, "trueup-task": "t"}}, None)["taskInput"]
    assert shown == {"taskObject": text, "prompt": "Say hi", "first": "hi", "second": "ho"}
    for plain in ("[1]", '{"answer": 1}', "prompt"):
        assert prepare({"dataObject": {"source": plain}}, None)["taskInput"] == {"taskObject": plain}


@pytest.mark.parametrize("line", [{}, {"source": ""}, {"source-ref": 1}])
def test_an_object_without_a_source_is_refused(line: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        prepare({"dataObject": line}, None)


def test_who_answered_is_told_of_each_object() -> None:
    files = {
        sample("post_annotation_request")["payload"]["s3Uri"]: (DATA / "post_annotation_payload_file.json").read_bytes()
    }
    gather = Gather(files.__getitem__)
    workers = ["private.us-east-1.99887766554433aa", "private.us-east-1.a12b3c4d5e6f7a8b"]
    told = {
        "datasetObjectId": "0",
        "consolidatedAnnotation": {"content": {"triage": {"answers": 2, "workers": workers}}},
    }
    assert gather(sample("post_annotation_request")) == [told] == gather(sample("post_annotation_request"))


@pytest.mark.parametrize("event", [{}, {"labelAttributeName": "a", "payload": {"s3Uri": "broken"}}])
def test_what_is_no_consolidation_request_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Gather({"broken": b"[{}]"}.__getitem__)(event)


@pytest.mark.parametrize(
    ("schema", "holds"),
    [
        ({"kind": "polygons", "media": "image", "classes": [{"name": "a {{ b }}"}]}, ("crowd-polygon", "grant_read")),
        ({"kind": "text", "media": "image"}, ("crowd-text-area", "<img")),
        ({"kind": "text", "media": "text"}, ("crowd-text-area", "task.input.prompt")),
        ({"kind": "rating", "media": "text", "scale": {"low": 1, "high": 7}}, ("crowd-slider", 'max="7"', "critique")),
        ({"kind": "preference", "media": "text"}, ("crowd-classifier", "task.input.second", "critique")),
    ],
)
def test_pages_of_kinds_without_a_built_in_task(schema: dict[str, Any], holds: tuple[str, ...]) -> None:
    made = msgspec.convert({**schema, "guidelines": "{% raw %}"}, LabelSchema)
    page = worker_template(made).decode()
    assert all(each in page for each in holds)
    assert "{% raw %}" not in page
    assert "{{ b }}" not in page
    assert page.count("{% if") == page.count("{% endif %}")


def test_the_function_reads_the_file_that_ground_truth_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        clients = clients_of_moto()
        clients["s3"].create_bucket(Bucket=DATASET)
        body = (DATA / "post_annotation_payload_file.json").read_bytes()
        clients["s3"].put_object(Bucket=DATASET, Key="pets/labeling/a/request.json", Body=body)
        event = {
            "labelAttributeName": "trueup-label",
            "payload": {"s3Uri": f"s3://{DATASET}/pets/labeling/a/request.json"},
        }
        made = gather(LabelingGatherSettings(stage="test", dataset_bucket=DATASET), clients)
        ((told,),) = [made(event)]
    assert told["consolidatedAnnotation"]["content"]["trueup-label"]["answers"] == 2
