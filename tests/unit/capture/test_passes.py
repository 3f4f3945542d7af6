"""Several passes over the same input become their mean, and how much they disagree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trueup.capture.decoders import decode
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

CLASSES = ("cat", "dog", "fox")


def read(document: Any, decoder: str | None = None) -> list[Prediction]:
    payload = Payload(data=json.dumps(document).encode(), content_type="application/json")
    found, name = decode(payload, CLASSES, decoder)
    assert name == "passes"
    return found


def information(rows: list[list[float]]) -> float:
    table = np.array(rows)
    entropy = lambda each: -(each * np.log(each, where=each > 0, out=np.zeros_like(each))).sum(axis=-1)  # noqa: E731
    return float((entropy(table.mean(axis=0)) - entropy(table).mean()) / np.log(table.shape[1]))


AGREE = [[0.8, 0.1, 0.1], [0.8, 0.1, 0.1]]
DIFFER = [[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.2, 0.2, 0.6]]


def test_the_golden_answer_of_a_tensorflow_serving_model_with_dropout() -> None:
    data = (Path(__file__).parents[2] / "data/responses/monte_carlo_dropout.json").read_bytes()
    found, name = decode(Payload(data=data, content_type="application/json"), CLASSES)
    assert (name, [each.label for each in found]) == ("passes", ["cat", "fox"])
    passes = [each["passes"] for each in json.loads(data)["predictions"]]
    assert [each.information for each in found] == pytest.approx([information(each) for each in passes])


def test_one_instance() -> None:
    (found,) = read({"passes": DIFFER})
    assert found.classes == CLASSES
    assert found.probabilities == pytest.approx(np.mean(DIFFER, axis=0))
    assert found.information == pytest.approx(information(DIFFER))
    (sure,) = read({"passes": AGREE})
    assert sure.information == pytest.approx(0.0)


def test_each_pass_may_speak_of_all_instances_and_each_instance_hold_its_passes() -> None:
    by_pass = read({"passes": [[AGREE[0], DIFFER[0]], [AGREE[1], DIFFER[1]]]})
    by_instance = read({"predictions": [{"passes": AGREE}, {"passes": DIFFER[:2]}]})
    assert by_pass == by_instance
    assert [each.information for each in by_pass] == pytest.approx([0.0, information(DIFFER[:2])])


def test_raw_scores_names_and_binary_answers() -> None:
    (scores,) = read({"passes": [[2.0, -1.0], [3.0, 1.0]], "classes": ["yes", "no"]})
    assert scores.classes == ("yes", "no")
    assert sum(scores.probabilities) == pytest.approx(1.0)
    (binary,) = read({"passes": [[0.2], [0.6]]})
    assert binary.probabilities == pytest.approx((0.6, 0.4))
    assert binary.information == pytest.approx(information([[0.8, 0.2], [0.4, 0.6]]))
    (bare,) = read({"passes": [0.2, 0.6]})
    assert bare == binary


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"passes": [[0.5, 0.5]]}, "1 passes: there must be two or more"),
        ({"passes": []}, "0 passes"),
        ({"passes": [[0.5, 0.5], [1.0]]}, "of as many classes each"),
        ({"passes": [[0.5, 0.5], [0.5, "x"]]}, "'x' are not the probabilities of a pass"),
        ({"passes": [[[0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]]}, "the passes speak of 1, 2 instances"),
        ({"passes": [[0.5, 0.5], [0.5, 0.5]], "classes": "cat"}, "'cat' are not the names of classes"),
        ({"passes": [[0.5, 0.2], [0.5, 0.2]]}, "sum to 0.7"),
        ({"scores": []}, "the answer holds no passes"),
    ],
)
def test_what_is_wrong_is_said(document: Any, says: str) -> None:
    with pytest.raises(DecodeError) as refused:
        read(document, "passes")
    assert says in str(refused.value)
