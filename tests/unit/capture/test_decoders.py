"""Golden payloads: what AWS's containers answer, and the probabilities a reader should find in it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from trueup.capture.decoders import DECODERS, decode
from trueup.capture.instances import split_input
from trueup.errors import DecodeError
from trueup.model import NO_LABEL, Found, Payload, Prediction

DATA = Path(__file__).resolve().parents[2] / "data" / "responses"
EXPECTED = json.loads((DATA / "expected_probabilities.json").read_text())
TYPES = {".csv": "text/csv; charset=utf-8", ".json": "application/json", ".jsonl": "application/jsonlines"}


FAMILIES = sorted(each for each in EXPECTED if not each.startswith("_"))
KINDS = {"labels-only": "labels"}
# What tells that a class is not read from the payload is known from its sample: the schema gives it.
SCHEMAS = {
    "sklearn_predict_labels.json": ("ham", "spam"),
    "object_detection_builtin.json": ("0", "1", "2"),
    "object_detection_accept_annotation.json": ("0", "1", "2"),
}


def golden(name: str) -> Payload:
    return Payload(data=(DATA / name).read_bytes(), content_type=TYPES[Path(name).suffix])


def answer(text: str, kind: str = "application/json") -> Payload:
    return Payload(data=text.encode(), content_type=kind)


def chances(prediction: Prediction) -> dict[str, float]:
    return dict(zip(prediction.classes, prediction.probabilities, strict=True))


def test_every_sample_is_expected_to_be_read() -> None:
    assert {each.name for each in DATA.iterdir()} - {"expected_probabilities.json"} == set(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_payload_decodes_to_the_documented_probabilities(name: str) -> None:
    expected = EXPECTED[name]
    wanted = expected["instances"]
    predictions, decoder = decode(golden(name), SCHEMAS.get(name, tuple(wanted[0])))
    assert decoder in DECODERS
    assert len(predictions) == len(wanted)
    for prediction, each in zip(predictions, wanted, strict=True):
        assert prediction.kind == KINDS.get(expected["kind"], expected["kind"])
        assert prediction.partial == expected.get("partial", False)
        if each:
            assert chances(prediction) == pytest.approx(each, abs=1e-5)
        else:
            assert prediction.probabilities == ()


def test_labels_alone_are_read_without_a_probability() -> None:
    payload = Payload(data=(DATA / "sklearn_predict_labels.json").read_bytes(), content_type="application/json")
    predictions, decoder = decode(payload, ("ham", "spam"))
    assert decoder == "json_labels"
    assert [(each.label, each.probabilities, each.partial) for each in predictions] == [
        ("ham", (), True),
        ("spam", (), True),
    ]
    with pytest.raises(DecodeError, match="no class of the label schema is called 'spam'"):
        decode(payload, ("ham", "eggs"))


def test_labels_may_be_lines_of_csv_where_the_project_says_so() -> None:
    def labels(text: str, classes: tuple[str, ...]) -> list[str]:
        payload = Payload(data=text.encode(), content_type="text/csv; charset=utf-8")
        return [each.label for each in decode(payload, classes, "json_labels")[0]]

    assert labels('ham\r\n"spam"\n\n', ("ham", "spam")) == ["ham", "spam"]
    assert labels("2.0\n0\n", ("a", "b", "c")) == ["c", "a"]
    assert labels("2.0", ("2.0", "b", "c")) == ["2.0"]
    for text, says in (("eggs", "is called 'eggs'"), ("1.5", "not the index"), ("nan", "not the index"), ("", "list")):
        with pytest.raises(DecodeError, match=says):
            labels(text, ("ham", "spam"))
    with pytest.raises(DecodeError, match="not UTF-8"):
        decode(Payload(data=b"\xff", content_type="text/csv"), ("ham",), "json_labels")


@pytest.mark.parametrize("text", ["[2.5, -1.0, 0.5]", "[0.9, 0.05, 0.05]", "[[0.9, 0.05, 0.05]]"])
def test_scores_that_may_be_something_else_get_a_softmax_where_the_project_says_so(text: str) -> None:
    ((found,), _) = decode(answer(text), ("0", "1", "2"), "json_logits")
    assert found.kind == "logits"
    assert sum(found.probabilities) == pytest.approx(1)
    assert found.label == "0"


@pytest.mark.parametrize(
    "text",
    [
        "[[2.5, -1.0], [0.1, 0.2]]",
        '{"predictions": [[2.5, -1.0], [0.1, 0.2]]}',
        '{"predictions": [{"logits": [2.5, -1.0]}, {"logits": [0.1, 0.2]}]}',
        '{"logits": [[2.5, -1.0], [0.1, 0.2]]}',
        '{"outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 2], "data": [2.5, -1.0, 0.1, 0.2]}]}',
    ],
)
def test_rows_that_cannot_be_probabilities_are_logits(text: str) -> None:
    found, _ = decode(answer(text), ("a", "b"))
    assert [(each.kind, each.label) for each in found] == [("logits", "a"), ("logits", "b")]


def test_a_tensor_called_logits_is_logits() -> None:
    text = '{"outputs": [{"name": "logits", "datatype": "FP32", "shape": [1, 2], "data": [0.1, 0.2]}]}'
    ((found,), _) = decode(answer(text), ("a", "b"))
    assert found.probabilities == pytest.approx((0.475021, 0.524979), abs=1e-6)


def test_boxes_are_told_with_their_unit() -> None:
    ((rows,), _) = decode(golden("object_detection_builtin.json"), ("dog", "fox", "cat"))
    assert rows.objects[0] == Found(label="cat", score=0.8123, box=(0.11, 0.08, 0.42, 0.57), unit="share")
    ((pixels,), _) = decode(golden("object_detection_accept_annotation.json"), ("dog", "fox", "cat"))
    assert pixels.objects[1] == Found(label="dog", score=0.0141, box=(352, 192, 531, 465), unit="pixel")
    ((named,), _) = decode(golden("jumpstart_object_detection_verbose.json"), ())
    assert named.objects == (Found(label="cat", score=0.8123, box=(0.11, 0.08, 0.42, 0.57), unit="share"),)
    text = '[{"score": 0.9, "label": "cat", "box": {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}}]'
    ((piped,), name) = decode(answer(text), ())
    assert (name, piped.kind) == ("huggingface_objects", "detections")
    assert piped.objects == (Found(label="cat", score=0.9, box=(1, 2, 3, 4), unit="pixel"),)


def test_spans_are_told_by_their_characters() -> None:
    ((found,), _) = decode(golden("huggingface_token_classification.json"), ())
    assert found.objects == (Found(label="ORG", score=0.8812, start=0, end=4, text="Acme"),)
    text = (
        '[[{"entity": "B-PER", "score": 0.9, "word": "Ada", "start": 0, "end": 3}], [],'
        ' [{"entity": "I-PER", "score": 0.4, "word": "L", "start": null, "end": null}]]'
    )
    first, nothing, last = decode(answer(text), ())[0]
    assert (first.label, last.label, last.objects[0].start) == ("PER", "PER", None)
    assert (nothing.label, nothing.objects) == (NO_LABEL, ())


def test_no_object_found_is_an_answer() -> None:
    ((found,), name) = decode(answer('{"prediction": []}'), ("a", "b"))
    assert (name, found.kind, found.classes, found.label) == ("object_detection", "detections", (), NO_LABEL)


def test_the_surest_hundred_objects_are_kept() -> None:
    rows = [[0, each / 1000, 0, 0, 1, 1] for each in range(400)]
    ((found,), _) = decode(answer(json.dumps({"prediction": rows})), ("a", "b"))
    assert len(found.objects) == 100
    assert found.objects[0].score == found.probabilities[0] == 0.399


def test_labels_of_the_caller_exclude_each_other_where_they_add_up() -> None:
    one = {"sequence": "I want my money", "labels": ["billing", "praise"], "scores": [0.9, 0.1]}
    ((found,), name) = decode(answer(json.dumps(one)), ("a", "b", "c"))
    assert (name, found.kind, found.classes) == ("zero_shot", "probabilities", ("billing", "praise"))
    ((several,), _) = decode(answer(json.dumps([{**one, "scores": [0.9, 0.8]}])), ())
    assert (several.kind, several.probabilities) == ("multilabel", (0.9, 0.8))


@pytest.mark.parametrize(
    ("text", "kind", "decoder"),
    [
        ("[[0.9, 0.8, 0.1]]", "application/json", "multilabel"),
        ("0.9,0.8,0.1\n", "text/csv", "multilabel"),
        ('{"predictions": [[0.9, 0.8, 0.1]], "multi_label": true}', "application/json", None),
        (
            '{"probabilities": [0.9, 0.8, 0.1], "problem_type": "multi_label_classification"}',
            "application/json",
            None,
        ),
    ],
)
def test_classes_that_do_not_exclude_each_other_are_read_where_that_is_said(
    text: str, kind: str, decoder: str | None
) -> None:
    ((found,), name) = decode(answer(text, kind), ("a", "b", "c"), decoder)
    assert (name, found.kind) == ("multilabel", "multilabel")
    assert chances(found) == {"a": 0.9, "b": 0.8, "c": 0.1}


@pytest.mark.parametrize(
    ("text", "kind", "decoder", "wanted"),
    [
        ("3.5\n-2\n", "text/csv", "regression", [(3.5, None), (-2.0, None)]),
        ("3.5,3,4.5", "text/csv", "regression", [(3.5, (3.0, 4.5))]),
        ('{"predictions": [{"score": 0.4}, {"score": 7}]}', "application/json", "regression", [(0.4, None), (7, None)]),
        ("[[3.5], [4.5]]", "application/json", "regression", [(3.5, None), (4.5, None)]),
        ('{"predictions": [{"value": 2, "lower": 1, "upper": 4}]}', "application/json", None, [(2.0, (1.0, 4.0))]),
        ('{"predicted_value": 2, "interval": [1, 4]}', "application/json", None, [(2.0, (1.0, 4.0))]),
    ],
)
def test_numbers_are_read_with_their_intervals(
    text: str, kind: str, decoder: str | None, wanted: list[tuple[float, tuple[float, float] | None]]
) -> None:
    found, name = decode(answer(text, kind), ("a", "b"), decoder)
    assert name == "regression"
    assert [(each.value, each.interval) for each in found] == wanted
    assert all(each.label == NO_LABEL for each in found)


def test_neighbours_vote() -> None:
    text = '{"predictions": [{"predicted_label": 2.0, "distances": [1, 2, 3, 4], "labels": [2.0, 2.0, 2.0, 0.0]}]}'
    ((found,), name) = decode(answer(text), ("a", "b", "c"))
    assert (name, found.label, chances(found)) == ("knn", "c", {"c": 0.75, "a": 0.25})
    alone, _ = decode(answer('{"predicted_label": 0.0}\n{"predicted_label": 2.0}', "application/jsonlines"), ("a", "b"))
    assert [(each.kind, each.label) for each in alone] == [("labels", "a"), ("labels", "2")]


def chat(text: str, *tokens: tuple[str, float], top: dict[str, float] | None = None) -> Payload:
    steps = [{"token": token, "logprob": logprob, "top_logprobs": []} for token, logprob in tokens]
    if steps:
        steps[0]["top_logprobs"] = [{"token": each, "logprob": chance} for each, chance in (top or {}).items()]
    choice = {"message": {"role": "assistant", "content": text}, "logprobs": {"content": steps} if steps else None}
    return answer(json.dumps({"choices": [choice]}))


def test_a_written_answer_is_as_sure_as_its_tokens() -> None:
    half = math.log(0.5)
    ((two,), _) = decode(chat("billing", ("bill", half), ("ing", half), ("<|end|>", 0.0)), ())
    assert (two.kind, two.partial) == ("logprobs", True)
    assert chances(two) == pytest.approx({"billing": 0.25})
    top = {"yes": half, " yes": math.log(0.25), "no": math.log(0.2)}
    ((one,), _) = decode(chat("yes", ("yes", half), ("<|end|>", -0.1), top=top), ())
    assert chances(one) == pytest.approx({"yes": 0.75, "no": 0.2})
    ((bare,), _) = decode(chat("yes"), ())
    assert (bare.kind, bare.label, bare.probabilities) == ("labels", "yes", ())
    ((long,), _) = decode(chat("so " * 400), ())
    assert len(long.label) == 100


def test_generated_text_without_details_is_a_label() -> None:
    found, name = decode(answer('[{"generated_text": " yes"}]'), ())
    assert (name, [(each.kind, each.label) for each in found]) == ("text_generation", [("labels", "yes")])


@pytest.mark.parametrize(
    "text",
    [
        '{"outputs": {"probabilities": [[0.25, 0.75]], "classes": [1]}}',
        '{"outputs": [[0.25, 0.75]]}',
        '{"predictions": [{"dense_1": [0.25, 0.75]}]}',
    ],
)
def test_tensorflow_serving_names_its_outputs_as_it_likes(text: str) -> None:
    ((found,), _) = decode(answer(text), ("a", "b"))
    assert (found.kind, chances(found)) == ("probabilities", {"a": 0.25, "b": 0.75})


def test_labels_may_be_whole_numbers_where_the_project_says_so() -> None:
    found, _ = decode(answer('{"predictions": [1, 0]}'), ("a", "b"), "json_labels")
    assert [each.label for each in found] == ["b", "a"]
    with pytest.raises(DecodeError, match="no class of the label schema is called '7'"):
        decode(answer("[7]"), ("a", "b"), "json_labels")


@pytest.mark.parametrize(
    ("decoder", "text", "message"),
    [
        ("object_detection", '{"prediction": [[0.5, 0.5, 0, 0, 1, 1]]}', "0.5 is not the index of a class"),
        ("object_detection", '{"prediction": [[0, "x", 0, 0, 1, 1]]}', "the corners of a box"),
        ("object_detection", '{"prediction": [[0, 2, 0, 0, 1, 1]]}', "not probabilities between 0 and 1"),
        (
            "object_detection",
            '{"prediction": [[0, 0.5, 0, 0, 1, 1], [0, -0.5, 0, 0, 1, 1]]}',
            "not probabilities between 0 and 1",
        ),
        ("object_detection", "[0.5, 0.5]", "neither rows"),
        ("object_detection", '{"image_size": [], "annotations": [{"score": 1}]}', "has not all of score, left"),
        ("jumpstart_detection", '{"normalized_boxes": [[0]], "classes": []}', "of one length"),
        ("jumpstart_detection", '{"normalized_boxes": [[0]], "classes": [0], "scores": [1]}', "corners of a box"),
        ("huggingface_objects", '[{"entity": "A", "score": "x"}]', "not an entity or a box with its score"),
        ("huggingface_objects", '[{"label": "A", "score": 1, "box": {"xmin": 1}}]', "has not all of xmin"),
        ("huggingface_objects", "{}", "not a list of entities or boxes"),
        ("huggingface_objects", "[[], {}]", "not a list of entities or boxes"),
        ("zero_shot", '{"sequence": "x", "labels": ["a"]}', "no lists of labels and scores"),
        ("chat_completions", '{"choices": []}', "not a choice with a message of text"),
        ("chat_completions", '{"choices": [{"message": {"content": " "}}]}', "wrote no text"),
        (
            "chat_completions",
            '{"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"token": "x"}]}}]}',
            "not a token with its logprob",
        ),
        (
            "chat_completions",
            '{"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"token": "x", "logprob": 2}]}}]}',
            "not the logarithm of a probability",
        ),
        ("text_generation", "[{}]", "has no generated_text"),
        ("text_generation", '{"generated_text": "x", "details": {"tokens": [3]}}', "not a token with its logprob"),
        ("multilabel", "[0.5, 7]", "not probabilities between 0 and 1"),
        ("regression", '["x"]', "not a number"),
        ("regression", "[[1, 2]]", "nor one with the two ends"),
        ("regression", '{"value": 1, "interval": [3, 2]}', "ends at 2 before it begins at 3"),
        ("regression", '{"value": 1, "interval": 3}', "nor one with the two ends"),
        ("knn", '[{"label": 1}]', "is not a predicted_label"),
        ("knn", '{"predicted_label": null}', "None is not the index of a class"),
        ("json_logits", "[1]", "not the scores of two classes or more"),
        ("json_labels", "{}", "not a list of labels"),
    ],
)
def test_families_refuse_what_is_not_theirs_with_the_reason(decoder: str, text: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decode(answer(text), ("a", "b"), decoder)


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

    files = {each.stem for each in Path(room.__file__).parent.glob("*.py")} - {
        "__init__",
        "answer_path",
        "columns",
        "family",
    }
    assert files == set(DECODERS)


def test_instances_of_a_request_become_samples_of_their_own() -> None:
    csv = Payload(data=b"1,2\n3,4\n", content_type="text/csv")
    assert [each.data for each in split_input(csv, 2)] == [b"1,2", b"3,4"]
    with pytest.raises(DecodeError, match="3 predictions to a request of 2"):
        split_input(csv, 3)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('[{"label": "cat", "score": 0.995}]', "winner"),
        ('[{"label": ["__label__cat"], "prob": [0.995]}]', "probabilities"),
        (
            '[{"score": 0.6, "label": "cat"}, {"score": 0.2, "label": "dog"}, {"score": 0.1, "label": "fox"}]',
            "probabilities",
        ),
    ],
)
def test_the_likeliest_alone_leave_something_to_the_others(text: str, kind: str) -> None:
    ((found,), _) = decode(answer(text), ("cat", "dog"))
    assert (found.kind, found.label, found.partial) == (kind, "cat", True)


def test_the_lines_of_batch_mode_may_be_lists() -> None:
    found, name = decode(answer("[0.25, 0.75]\n[0.5, 0.5]\n", "text/csv"), ("a", "b"))
    assert (name, [each.probabilities for each in found]) == ("csv_probabilities", [(0.25, 0.75), (0.5, 0.5)])
    nested, name = decode(answer("[[0.25, 0.75]]", "text/csv"), ("a", "b"))
    assert (name, nested[0].probabilities) == ("json_probabilities", (0.25, 0.75))
