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
    "autogluon_tabular.csv",
    "autogluon_tabular_column_oriented.json",
    "autopilot_all_keys.csv",
    "autopilot_predicted_label_probability.csv",
    "blazingtext_batch.jsonl",
    "blazingtext_realtime.json",
    "huggingface_text_classification.json",
    "image_classification_builtin_batch.jsonl",
    "huggingface_text_classification_all_scores.json",
    "image_classification_builtin.json",
    "jumpstart_text_classification_default.json",
    "jumpstart_text_classification_verbose.json",
    "linear_learner_binary.json",
    "linear_learner_jsonlines.jsonl",
    "linear_learner_multiclass.json",
    "sklearn_predict_proba.json",
    "tensorflow_serving.json",
    "tensorflow_serving_named_outputs.json",
    "triton_v2.json",
    "xgboost_accept_json.json",
    "xgboost_accept_json_softprob.json",
    "xgboost_binary_logistic_many.csv",
    "xgboost_binary_logistic_one.csv",
    "xgboost_multi_softprob_many.csv",
    "xgboost_multi_softprob_one.csv",
    "xgboost_selectable_inference.csv",
    "xgboost_selectable_inference.json",
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
        assert prediction.partial == (sum(each.values()) < 0.98)


def test_labels_alone_are_read_without_a_probability() -> None:
    payload = Payload(data=(DATA / "sklearn_predict_labels.json").read_bytes(), content_type="application/json")
    predictions, decoder = decode(payload, ("ham", "spam"))
    assert decoder == "json_labels"
    assert [(each.label, each.probabilities, each.partial) for each in predictions] == [
        ("ham", (), True),
        ("spam", (), True),
    ]
    with pytest.raises(DecodeError, match="'spam' is no class of the label schema"):
        decode(payload, ("ham", "eggs"))


def test_logits_are_read_where_the_project_says_so() -> None:
    payload = Payload(data=(DATA / "pytorch_logits.json").read_bytes(), content_type="application/json")
    ((found,), _) = decode(payload, ("0", "1", "2"), "json_logits")
    wanted = EXPECTED["pytorch_logits.json"]["instances"][0]
    assert dict(zip(found.classes, found.probabilities, strict=True)) == pytest.approx(wanted, abs=1e-5)
    with pytest.raises(DecodeError, match="not probabilities"):
        decode(payload, ("0", "1", "2"))


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"pred,a_proba\nx", "text/csv", "row 2 of the table has 1 cells under 2 columns"),
        (b"pred,a_proba\nx,much", "text/csv", "row 2 of the table holds 'much' where a probability"),
        (b'yes,0.5,"[a"', "text/csv", "row 1 of the table holds what is no list"),
        (b"yes,0.5,\"['a', 'b']\"", "text/csv", "neither a list of probabilities nor a winner"),
        (b'{"a_proba": [1]}', "application/json", "are not objects of rows"),
        (b'{"a_proba": {"0": null}}', "application/json", "no number for every class"),
        (b'{"outputs": [{"name": "x", "datatype": "INT8"}]}', "application/json", "which of the tensors 'x'"),
        (
            b'{"outputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1]}]}',
            "application/json",
            "holds 1",
        ),
    ],
)
def test_tables_and_tensors_are_refused_with_the_place(data: bytes, kind: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decode(Payload(data=data, content_type=kind), ("a", "b"))


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"[2.5, -1.0, 0.3]", "application/json", "not probabilities"),
        (b"[0.5, 0.1, 0.1]", "application/json", "sum to"),
        (b"{}", "application/json", "holds none of"),
        (b"a,b", "text/csv", "where a probability should be"),
        (b"0.5,b", "text/csv", "not numbers"),
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
