"""Every payload family goes through ingest: its lines are accounted for, and it is asked about where it may be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.worlds import Loop, capture_file, capture_line, project
from trueup.model import NO_LABEL, Prediction, Selection

RESPONSES = Path(__file__).resolve().parents[2] / "data" / "responses"
EXPECTED = json.loads((RESPONSES / "expected_probabilities.json").read_text())
FAMILIES = sorted(each for each in EXPECTED if not each.startswith("_"))
TYPES = {".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines"}


def answered(number: int, answer: str, kind: str, instances: int = 1) -> bytes:
    """A capture of a request of so many instances, with this answer."""
    record: dict[str, Any] = json.loads(capture_line(number))
    sides = record["captureData"]
    sides["endpointOutput"].update(data=answer, observedContentType=kind)
    rows = "\n".join(f"{number},{each}" for each in range(instances))
    sides["endpointInput"].update(data=rows, observedContentType="text/csv", encoding="CSV")
    return json.dumps(record).encode()


def loop_of(classes: list[str], **selection: Any) -> Loop:
    schema = {"media": "text", "classes": [{"name": each} for each in classes]}
    return Loop(project(label_schema=schema, selection={"rate": 1.0, "audit_share": 0.0, **selection}))


def asked_of(loop: Loop) -> list[Selection]:
    found = (loop.tasks.selection("pets", each.sample_id) for each in loop.tasks._tasks.values())
    return [each for each in found if each is not None]


@pytest.mark.parametrize("strategy", ["margin", "least_confidence", "entropy", "random"])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_accounted_for_and_asked_about(name: str, strategy: str) -> None:
    wanted = EXPECTED[name]["instances"]
    named = list(wanted[0]) or ["ham", "spam"]
    loop = loop_of(named if len(named) > 1 else [*named, "other"], strategy=strategy)
    file = capture_file()
    text = (RESPONSES / name).read_text()
    loop.archive.files[file.uri] = answered(1, text, TYPES[Path(name).suffix], len(wanted)) + b"\n"
    receipt = loop.ingest(file)
    assert (receipt.lines, receipt.captures, receipt.quarantined) == (1, 1, 0), loop.archive.quarantined
    assert receipt.predictions == receipt.selected == len(wanted)
    for each in asked_of(loop):
        assert msgspec.json.decode(msgspec.json.encode(each), type=Selection) == each


def test_what_names_no_class_is_counted_as_such() -> None:
    loop = loop_of(["cat", "dog"])
    file = capture_file()
    loop.archive.files[file.uri] = answered(1, '{"prediction": []}', "application/json") + b"\n"
    assert loop.ingest(file).class_counts == {NO_LABEL: 1}


def test_the_receipt_ends_however_many_things_a_model_says() -> None:
    loop = loop_of(["cat", "dog"], rate=0.001)
    file = capture_file()
    lines = [
        answered(each, json.dumps({"generated_text": f"answer {each}"}), "application/json") for each in range(510)
    ]
    loop.archive.files[file.uri] = b"\n".join(lines) + b"\n"
    counts = loop.ingest(file).class_counts
    assert len(counts) == 501
    assert counts["(others)"] == 10


def test_predictions_that_were_stored_earlier_are_read() -> None:
    old = b'{"classes":["a","b"],"probabilities":[0.25,0.75]}'
    found = msgspec.json.decode(old, type=Prediction)
    assert (found.kind, found.objects, found.value, found.partial) == ("probabilities", (), None, False)
