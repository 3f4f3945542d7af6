"""What could not be used comes again, once."""

from __future__ import annotations

import json

import pytest

from tests.worlds import Loop, capture_line, project
from trueup.adapters.memory import MemoryQuarantine
from trueup.capture.records import parse_key
from trueup.errors import NotFoundError
from trueup.model import CaptureFile
from trueup.usecases.replay_quarantine import ReplayQuarantine


def file_of(uri: str) -> CaptureFile:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return parse_key(bucket, key)


def logits(number: int) -> bytes:
    """An answer that the decoder named in the project cannot read."""
    record = json.loads(capture_line(number))
    record["captureData"]["endpointOutput"]["data"] = json.dumps({"logits": [2.0, 1.0, 0.5]})
    return json.dumps(record).encode()


def broken_loop() -> tuple[Loop, CaptureFile]:
    loop = Loop(project(selection={"decoder": "json_probabilities", "rate": 1.0}))
    file = loop.capture(2)
    loop.archive.files[file.uri] += b"\xff not a record\n" + logits(7) + b"\n" + logits(8) + b"\n"
    assert (loop.ingest(file).quarantined, loop.ingest(file).selected) == (3, 2)
    return loop, file


def test_after_a_fix_what_waited_becomes_tasks_once() -> None:
    loop, file = broken_loop()
    replay = ReplayQuarantine(quarantine=MemoryQuarantine(loop.archive))
    (seen,) = replay.look("pets")
    assert (seen.file, seen.lines, seen.first_lines, seen.replayed_as) == (file.uri, 3, (3, 4, 5), None)
    assert sum(seen.reasons.values()) == 3
    (done,) = replay("pets", file.uri)
    assert done.replayed_as is not None
    assert replay.look("pets") == []
    fixed = Loop(project(selection={"decoder": "json_logits", "rate": 1.0}))
    fixed.archive.files |= loop.archive.files
    again = file_of(done.replayed_as)
    assert (again.endpoint, again.variant, again.key.rpartition("/")[0]) == (
        file.endpoint,
        file.variant,
        file.key.rpartition("/")[0],
    )
    receipt = fixed.ingest(again)
    assert (receipt.captures, receipt.quarantined, receipt.selected) == (2, 1, 2)
    (bad,) = fixed.archive.quarantined[again.file_id]
    assert bad.raw == b"\xff not a record"


def test_what_is_still_wrong_is_replayed_under_another_name_each_time() -> None:
    loop, _ = broken_loop()
    replay = ReplayQuarantine(quarantine=MemoryQuarantine(loop.archive))
    names = set()
    for _ in range(3):
        (done,) = replay("pets")
        assert done.replayed_as is not None
        names.add(done.replayed_as)
        assert loop.ingest(file_of(done.replayed_as)).quarantined == 3
    assert len(names) == 3


def test_a_file_of_which_nothing_waits_is_told() -> None:
    loop, _ = broken_loop()
    replay = ReplayQuarantine(quarantine=MemoryQuarantine(loop.archive))
    with pytest.raises(NotFoundError, match="no line of s3://captures/other"):
        replay("pets", "s3://captures/other")
    assert replay("dogs") == []
