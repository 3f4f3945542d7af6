"""Answers of one's own making, read by a path."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.worlds import Loop, capture_file, capture_line, project
from trueup.capture.decoders import decode
from trueup.errors import ConfigurationError, DecodeError
from trueup.model import AnswerPath, Payload

CLASSES = ("cat", "dog", "fox")
SEVERAL = {"out": [{"p": [0.2, 0.8], "n": ["x", "y"]}, {"p": [0.6, 0.4], "n": ["y", "x"]}]}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=4),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), each, max_size=2),
    max_leaves=8,
)


def read(document: Any, **path: Any) -> list[tuple[tuple[str, ...], list[float], str]]:
    payload = Payload(data=json.dumps(document).encode(), content_type="application/json")
    found, name = decode(payload, CLASSES, AnswerPath(**path))
    assert name == "answer_path"
    return [(each.classes, [round(one, 4) for one in each.probabilities], each.kind) for each in found]


@pytest.mark.parametrize(
    ("document", "path", "wanted"),
    [
        ({"r": {"s": [0.5, 0.3, 0.2]}}, {"values": "r.s"}, [(CLASSES, [0.5, 0.3, 0.2], "probabilities")]),
        ({"r": [0.5, 0.5]}, {"values": "r", "classes": ("a", "b")}, [(("a", "b"), [0.5, 0.5], "probabilities")]),
        ({"score": 0.75}, {"values": "score", "classes": ("no", "yes")}, [(("no", "yes"), [0.25, 0.75], "binary")]),
        ({"z": [0, 0, 0]}, {"values": "z", "logits": True}, [(CLASSES, [0.3333] * 3, "logits")]),
        (
            SEVERAL,
            {"values": "out[*].p", "labels": "out[*].n"},
            [(("x", "y"), [0.2, 0.8], "probabilities"), (("y", "x"), [0.6, 0.4], "probabilities")],
        ),
        (
            {"names": ["x", "y"], "rows": [[0.2, 0.8], [1, 0]]},
            {"values": "rows", "labels": "names"},
            [(("x", "y"), [0.2, 0.8], "probabilities"), (("x", "y"), [1.0, 0.0], "probabilities")],
        ),
    ],
)
def test_a_path_leads_to_predictions(document: Any, path: dict[str, Any], wanted: Any) -> None:
    assert read(document, **path) == wanted


@pytest.mark.parametrize(
    ("document", "path", "says"),
    [
        ({"a": 1}, {"values": "b"}, "b leads to nothing"),
        ({"a": "high"}, {"values": "a"}, "'high', where numbers should be"),
        ({"a": [0.5, None]}, {"values": "a"}, "where numbers should be"),
        ({"a": [0.5, 0.5], "n": "x"}, {"values": "a", "labels": "n"}, "'x', where names of classes"),
        ({"a": [[1, 0], [1, 0]], "n": [["x", "y"]]}, {"values": "a", "labels": "n"}, "1 instances, a to 2"),
        ({"a": 1}, {"values": "length(a)"}, "does not fit the answer"),
        ({"a": [3, 4, 5]}, {"values": "a"}, "not probabilities"),
    ],
)
def test_what_a_path_does_not_lead_to_is_told(document: Any, path: dict[str, Any], says: str) -> None:
    with pytest.raises(DecodeError, match=says):
        read(document, **path)


@pytest.mark.slow
@example({"a": [[]], "b": {"a": None}}, "a", False)
@example({"a": [[]], "b": True}, "a", False)
@given(JSON, st.sampled_from(["a", "a.b", "[*]", "a[*].b", "@", "keys(@)", "b[0]"]), st.booleans())
def test_any_document_is_read_or_refused(document: Any, values: str, logits: bool) -> None:
    payload = Payload(data=json.dumps(document).encode(), content_type="application/json")
    with suppress(DecodeError):
        found, _ = decode(payload, CLASSES, AnswerPath(values=values, labels="b", logits=logits))
        assert found


def test_a_project_reads_by_its_path_and_the_receipt_says_so() -> None:
    loop = Loop(project(selection={"rate": 1.0, "answer": {"values": "mine.deep"}}))
    record = json.loads(capture_line(1))
    record["captureData"]["endpointOutput"]["data"] = json.dumps({"mine": {"deep": [0.2, 0.3, 0.5]}})
    file = capture_file()
    loop.archive.files[file.uri] = json.dumps(record).encode() + b"\n" + capture_line(2)
    receipt = loop.ingest(file)
    assert (receipt.captures, receipt.quarantined, dict(receipt.decoders)) == (1, 1, {"answer_path": 1})
    assert receipt.class_counts == {"fox": 1}


def test_answers_are_read_in_one_way() -> None:
    with pytest.raises(ConfigurationError, match=r"selection\.answer is there beside selection\.decoder"):
        project(selection={"decoder": "knn", "answer": {"values": "a"}})
