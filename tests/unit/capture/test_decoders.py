"""Golden payloads: what AWS's containers answer, and the probabilities a reader should find in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trueup.capture.decoders import DECODERS, decode
from trueup.capture.instances import split_input
from trueup.errors import DecodeError
from trueup.model import Payload

DATA = Path(__file__).resolve().parents[2] / "data" / "responses"
EXPECTED = json.loads((DATA / "expected_probabilities.json").read_text())
FAMILIES = [
    "huggingface_text_classification_all_scores.json",
    "image_classification_builtin.json",
    "jumpstart_text_classification_default.json",
    "jumpstart_text_classification_verbose.json",
    "linear_learner_binary.json",
    "linear_learner_jsonlines.jsonl",
    "linear_learner_multiclass.json",
    "sklearn_predict_proba.json",
    "tensorflow_serving.json",
    "xgboost_accept_json.json",
    "xgboost_accept_json_softprob.json",
    "xgboost_binary_logistic_many.csv",
    "xgboost_binary_logistic_one.csv",
    "xgboost_multi_softprob_many.csv",
    "xgboost_multi_softprob_one.csv",
]
TYPES = {".csv": "text/csv; charset=utf-8", ".json": "application/json", ".jsonl": "application/jsonlines"}


@pytest.mark.parametrize("name", FAMILIES)
def test_payload_decodes_to_the_documented_probabilities(name: str) -> None:
    wanted = EXPECTED[name]["instances"]
    classes = tuple(wanted[0])
    payload = Payload(data=(DATA / name).read_bytes(), content_type=TYPES[Path(name).suffix])
    predictions, decoder = decode(payload, classes)
    assert decoder in DECODERS
    assert len(predictions) == len(wanted)
    for prediction, each in zip(predictions, wanted, strict=True):
        assert dict(zip(prediction.classes, prediction.probabilities, strict=True)) == pytest.approx(each)


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"[2.5, -1.0, 0.3]", "application/json", "not probabilities"),
        (b"[0.5, 0.1, 0.1]", "application/json", "sum to"),
        (b"{}", "application/json", "holds none of"),
        (b"a,b", "text/csv", "not numbers"),
        (b"", "text/csv", "empty"),
        (b"\x89PNG", "image/png", "no decoder recognises"),
        (b"[NaN, 0.5, 0.5]", "application/json", "not probabilities"),
        (b"[0.25, 0.25, 0.25, 0.25]", "application/json", "4 probabilities for 3 classes"),
    ],
)
def test_what_is_no_distribution_is_refused_with_the_reason(data: bytes, kind: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decode(Payload(data=data, content_type=kind), ("a", "b", "c"))


def test_a_model_that_does_not_know_the_newest_class_is_read() -> None:
    predictions, _ = decode(Payload(data=b"[0.25, 0.75]", content_type="application/json"), ("a", "b", "c"))
    assert predictions[0].classes == ("a", "b")
    assert predictions[0].label == "b"


def test_every_decoder_file_is_in_the_table() -> None:
    import trueup.capture.decoders as room

    files = {each.stem for each in Path(room.__file__).parent.glob("*.py")} - {"__init__", "family"}
    assert files == set(DECODERS)


def test_instances_of_a_request_become_samples_of_their_own() -> None:
    csv = Payload(data=b"1,2\n3,4\n", content_type="text/csv")
    assert [each.data for each in split_input(csv, 2)] == [b"1,2", b"3,4"]
    with pytest.raises(DecodeError, match="3 predictions to a request of 2"):
        split_input(csv, 3)
