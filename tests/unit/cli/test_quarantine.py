"""capture quarantine and replay."""

from __future__ import annotations

from tests.unit.cli.conftest import FakeDeployed, Terminal
from tests.worlds import capture_file, capture_half, capture_line

BAD = b"not a record\n" * 3


def put_away(place: FakeDeployed) -> str:
    file = capture_file("bad")
    place.loop.archive.files[file.uri] = BAD
    assert place.loop.ingest(file).quarantined == 3
    return file.uri


def test_what_waits_is_shown_with_its_reason(trueup: Terminal, place: FakeDeployed) -> None:
    assert "nothing waits" in trueup("capture", "quarantine").stdout
    uri = put_away(place)
    said = trueup("capture", "quarantine", "--project", "pets")
    assert said.exit_code == 0, said.output
    assert f"{uri}  3 lines: 1, 2, 3" in said.stdout
    assert "3   1, 2, 3   not a capture record" in said.stdout
    (found,) = trueup.json("capture", "quarantine", "--file", uri)
    assert (found["lines"], found["first_lines"], found["replayed_as"]) == (3, [1, 2, 3], None)


def test_each_reason_is_told_with_its_lines_in_their_order(trueup: Terminal, place: FakeDeployed) -> None:
    file = capture_file("bad")
    half, strange = capture_half(1, "endpointInput"), capture_line(2, [5.0, 1.0, 2.0])
    place.loop.archive.files[file.uri] = b"\n".join([half, *BAD.splitlines() * 2, strange])
    assert place.loop.ingest(file).quarantined == 8
    (found,) = trueup.json("capture", "quarantine")
    assert found["first_lines"] == [1, 2, 3, 4, 5]
    lines = {name.partition(":")[0]: each for name, each in found["reason_lines"].items()}
    assert lines["not a capture record"] == [2, 3, 4, 5, 6]
    assert lines["the record has no output"] == [1]
    shown = trueup("capture", "quarantine").stdout
    assert "8 lines: 1, 2, 3, 4, 5, …" in shown
    assert "6   2, 3, 4, 5, 6, …   not a capture record" in shown


def test_it_is_brought_back_once_a_person_says_so(trueup: Terminal, place: FakeDeployed) -> None:
    uri = put_away(place)
    before = dict(place.loop.archive.files)
    assert "3" in trueup("capture", "replay", "--dry-run").stdout
    refused = trueup("capture", "replay")
    assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    assert place.loop.archive.files == before
    said = trueup("capture", "replay", "--yes")
    assert (said.exit_code, "3 lines brought back" in said.stdout) == (0, True), said.output
    (again,) = set(place.loop.archive.files) - set(before)
    assert place.loop.archive.files[again] == BAD
    assert "nothing waits" in trueup("capture", "replay", "--yes").stdout
    gone = trueup("capture", "replay", "--file", uri, "--yes")
    assert (gone.exit_code, "trueup capture quarantine shows what there is" in gone.stderr) == (4, True)
