"""What one variant says against another, and what labels teach: whole files, in any order."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from tests.unit.usecases.test_loop import answer_all
from tests.worlds import Loop, capture_file, capture_line, project
from trueup.model import CaptureFile, Selection


def file_of(variant: str, name: str = "a", hour: str = "09") -> CaptureFile:
    return replace(capture_file(), variant=variant, key=f"pets/pets/{variant}/2026/11/24/{hour}/{name}.jsonl")


def write(loop: Loop, file: CaptureFile, answers: dict[int, list[float]], calls: bool = True) -> CaptureFile:
    """Captures by number, whose event ids are of the variant and whose inference ids are the caller's."""
    lines = []
    for number, row in answers.items():
        record = json.loads(capture_line(number, row))
        record["eventMetadata"]["eventId"] = f"{file.variant}-{number}"
        if calls:
            record["eventMetadata"]["inferenceId"] = f"call {number}"
        lines.append(json.dumps(record).encode() + b"\n")
    loop.archive.files[file.uri] = b"".join(lines)
    return file


def asked(loop: Loop) -> list[Selection]:
    return sorted(loop.tasks._selections.values(), key=lambda each: each.event_id)


CAT, DOG = [0.8, 0.1, 0.1], [0.1, 0.8, 0.1]
POLICY = {"strategy": "disagreement", "audit_share": 0.0, "rate": 0.2, "picker": "top"}


@pytest.mark.parametrize("first", ["AllTraffic", "Shadow"])
def test_whichever_variant_is_read_last_finds_where_they_differ(first: str) -> None:
    loop = Loop(project(selection=POLICY))
    answers = dict.fromkeys(range(30), CAT)
    files = {
        "AllTraffic": write(loop, file_of("AllTraffic"), answers),
        "Shadow": write(loop, file_of("Shadow"), {**answers, 7: DOG, 21: [0.3, 0.4, 0.3]}),
    }
    last = next(each for each in files if each != first)
    hidden = loop.archive.files.pop(files[last].uri)
    assert loop.ingest(files[first]).selected == 0
    loop.archive.files[files[last].uri] = hidden
    receipt = loop.ingest(files[last])
    assert receipt.wanted == receipt.granted
    found = asked(loop)
    assert [(each.event_id, each.strategy) for each in found] == [
        (f"{last}-21", "disagreement"),
        (f"{last}-7", "disagreement"),
    ]
    assert found[1].score > found[0].score > 0


def test_only_files_of_the_same_hour_and_endpoint_are_compared() -> None:
    loop = Loop(project(selection=POLICY))
    file = write(loop, file_of("AllTraffic"), {1: CAT, 2: CAT})
    write(loop, file_of("Shadow", hour="08"), {1: DOG})
    elsewhere = replace(file_of("Shadow"), endpoint="b", key="pets/b/Shadow/2026/11/24/09/a.jsonl")
    write(loop, elsewhere, {1: DOG})
    write(loop, file_of("Broken"), {1: DOG})
    loop.archive.files[file_of("Broken").uri] = b"no record: call 1\n"
    assert loop.ingest(file).selected == 0


def test_without_inference_ids_equal_event_ids_are_compared() -> None:
    loop = Loop(project(selection=POLICY))
    file = write(loop, file_of("AllTraffic"), {1: CAT, 2: CAT, 3: CAT, 4: CAT, 5: CAT}, calls=False)
    twin = write(loop, file_of("B"), {1: CAT}, calls=False)
    loop.archive.files[twin.uri] = loop.archive.files[file.uri].replace(b"0.8, 0.1, 0.1", b"0.1, 0.8, 0.1", 1)
    assert loop.ingest(file).selected == 1
    assert asked(loop)[0].event_id == "AllTraffic-1"


def with_slice(number: int, region: str) -> bytes:
    record = json.loads(capture_line(number))
    record["eventMetadata"]["customAttributes"] = [f"region={region}"]
    return json.dumps(record).encode() + b"\n"


def test_a_slice_that_has_few_labels_is_asked_about_next() -> None:
    policy = {"strategy": "under_represented", "audit_share": 0.0, "rate": 1.0, "slice_by": "attribute:region"}
    loop = Loop(project(selection=policy, consensus={"overlap": 1, "max_overlap": 1, "target": 0.5}))
    first = capture_file("first")
    loop.archive.files[first.uri] = b"".join(with_slice(each, "north") for each in range(9))
    loop.ingest(first)
    answer_all(loop)
    loop.commit("pets", "test", force=True)
    assert loop.knowledge.knowledge("pets").labelled_slices == {"north": 9}
    second = capture_file("second")
    lines = [with_slice(100 + each, "south" if each in (3, 8) else "north") for each in range(20)]
    loop.archive.files[second.uri] = b"".join(lines)
    narrow = msgspec.structs.replace(loop.config, selection=replace(loop.config.selection, rate=0.1))
    loop.ingest.projects["pets"] = narrow  # type: ignore[index]
    loop.ingest(second)
    found = {each.event_id for each in asked(loop)} - {f"event-{each}" for each in range(9)}
    assert found == {"event-103", "event-108"}


def row(number: int, shift: float) -> bytes:
    values = np.random.default_rng(number).normal(size=8) + shift
    record = json.loads(capture_line(number))
    data = ",".join(f"{each:.4f}" for each in values)
    record["captureData"]["endpointInput"] |= {"encoding": "CSV", "observedContentType": "text/csv", "data": data}
    return json.dumps(record).encode() + b"\n"


def test_what_is_like_no_label_is_asked_about_next() -> None:
    policy: dict[str, Any] = {"strategy": "novelty", "picker": "top", "audit_share": 0.0, "rate": 1.0}
    loop = Loop(project(selection=policy, consensus={"overlap": 1, "max_overlap": 1, "target": 0.5}))
    first = capture_file("first")
    loop.archive.files[first.uri] = b"".join(row(each, 0.0) for each in range(40))
    assert loop.ingest(first).selected == 40
    answer_all(loop)
    loop.commit("pets", "test", force=True)
    assert loop.knowledge.knowledge("pets").places.length == 8
    second = capture_file("second")
    loop.archive.files[second.uri] = b"".join(row(100 + each, 12.0 if each in (4, 17) else 0.0) for each in range(20))
    narrow = msgspec.structs.replace(loop.config, selection=replace(loop.config.selection, rate=0.1))
    loop.ingest.projects["pets"] = narrow  # type: ignore[index]
    loop.ingest(second)
    found = {each.event_id for each in asked(loop)} - {f"event-{each}" for each in range(40)}
    assert found == {"event-104", "event-117"}


def test_rows_that_hardly_differ_are_asked_about_once() -> None:
    loop = Loop(project(selection={"rate": 1.0, "audit_share": 0.0}))
    values = np.random.default_rng(0).normal(size=96)
    texts = [",".join(f"{each:.5f}" for each in values * scale) for scale in (1.0, 1.0004)]
    texts.append(",".join(f"{each:.5f}" for each in np.random.default_rng(1).normal(size=96)))
    lines = []
    for number, text in enumerate(texts):
        record = json.loads(capture_line(number))
        record["captureData"]["endpointInput"] |= {"encoding": "CSV", "observedContentType": "text/csv", "data": text}
        lines.append(json.dumps(record).encode() + b"\n")
    for number, each in enumerate(lines):
        file = capture_file(f"f{number}")
        loop.archive.files[file.uri] = each
        loop.ingest(file)
    assert [each.event_id for each in asked(loop)] == ["event-0", "event-2"]


def test_a_file_whose_key_tells_no_time_has_none_beside_it() -> None:
    loop = Loop(project(selection=POLICY))
    strange = replace(capture_file(), key="pets/pets/AllTraffic/2026/13/45/99/a.jsonl")
    receipt = loop.ingest(write(loop, strange, dict.fromkeys(range(3), CAT)))
    assert (receipt.captures, receipt.selected) == (3, 0)


def test_density_without_audits_reads_a_whole_file() -> None:
    loop = Loop(project(selection={"strategy": "density", "audit_share": 0.0, "rate": 0.2}))
    receipt = loop.ingest(write(loop, file_of("AllTraffic"), dict.fromkeys(range(30), CAT)))
    assert receipt.granted == {"density": 6, "audit": 0}
