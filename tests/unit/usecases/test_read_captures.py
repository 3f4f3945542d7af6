"""Files of any size in flat memory, whatever is in them, and the account of each."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from msgspec import structs

from tests.worlds import Loop, capture_file, capture_half, capture_line, project
from trueup.model import CaptureFile, Quarantined
from trueup.ports import CaptureArchive

BLOCK = 400


def plain(number: int) -> bytes:
    return capture_line(number, text=f"{number} " + "x" * 900)


def undecodable(number: int) -> bytes:
    return plain(number).replace(b"probabilities", b"nonsense")


def halves(number: int) -> bytes:
    return capture_half(number, "endpointInput")


def slow(number: int) -> bytes:
    """The labels in the answer take it line by line."""
    return plain(number).replace(
        b'\\"probabilities\\"', b'\\"labels\\": [\\"cat\\", \\"dog\\", \\"fox\\"], \\"probabilities\\"'
    )


@dataclass
class Endless(CaptureArchive):
    """A file that exists only while it is read; of what is put away only the number is kept."""

    line: Callable[[int], bytes]
    blocks_of_file: int
    parts: list[int] = field(default_factory=list)

    def blocks(self, file: CaptureFile) -> Iterator[bytes]:
        for number in range(self.blocks_of_file):
            yield b"".join(self.line(number * BLOCK + each) + b"\n" for each in range(BLOCK))

    def quarantine(self, file: CaptureFile, items: Sequence[Quarantined], part: int = 1) -> str:
        assert part == len(self.parts) + 1
        self.parts.append(len(items))
        return file.uri


@pytest.mark.slow
@pytest.mark.parametrize("line", [plain, undecodable, halves, slow], ids=lambda each: each.__name__)
def test_memory_is_flat_in_the_size_of_a_file(line: Callable[[int], bytes]) -> None:
    loop = Loop(project(selection={"budget": {"per_day": 20}}))
    peaks = []
    for blocks in (8, 24):
        archive = Endless(line, blocks)
        ingest = structs.replace(loop.ingest, archive=archive)
        tracemalloc.start()
        receipt = ingest(capture_file(str(blocks)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert receipt.lines == blocks * BLOCK == receipt.captures + receipt.quarantined
        assert sum(archive.parts) == receipt.quarantined
    assert peaks[1] < peaks[0] * 1.5 + 1_000_000
    assert peaks[1] < 24_000_000


def test_slices_and_decoders_are_counted_in_the_receipt() -> None:
    loop = Loop(project(selection={"rate": 1.0, "slice_by": "attribute:store"}))
    file, lines = capture_file(), []
    for number in range(6):
        record = json.loads(capture_line(number, [0.5, 0.3, 0.2] if number % 2 else [0.1, 0.8, 0.1]))
        record["eventMetadata"]["customAttributes"] = [f"store={'north' if number < 4 else 'south'}"]
        lines.append(json.dumps(record).encode())
    for number, block in enumerate((b"\n".join(lines), b"\n\n".join(lines))):
        name = capture_file(str(number))
        loop.archive.files[name.uri] = block
        receipt = loop.ingest(name)
        assert receipt.class_counts == {"cat": 3, "dog": 3}
        assert {name: sum(each.counts) for name, each in receipt.slice_scores.items()} == {"north": 4, "south": 2}
        assert receipt.decoders == {"json_probabilities": 6}
        assert sum(receipt.scores.counts) == sum(sum(each.counts) for each in receipt.class_scores.values()) == 6
    assert file.uri not in loop.archive.quarantined


def test_an_input_that_turns_out_to_be_broken_is_quarantined_and_another_is_asked_about() -> None:
    loop = Loop(project(selection={"rate": 0.5, "audit_share": 0.0}))
    file = capture_file()
    lines = [capture_line(number, [0.4, 0.35, 0.25]) for number in range(4)]
    record = json.loads(lines[0])
    record["captureData"]["endpointInput"]["data"] = "no base64!"
    record["captureData"]["endpointOutput"]["data"] = json.dumps({"probabilities": [0.34, 0.33, 0.33]})
    loop.archive.files[file.uri] = b"\n".join([json.dumps(record).encode(), *lines[1:]])
    receipt = loop.ingest(file)
    assert (receipt.lines, receipt.captures, receipt.quarantined, receipt.selected) == (4, 3, 1, 2)
    (bad,) = loop.archive.quarantined[file.file_id]
    assert (bad.line, "base64" in bad.reason) == (1, True)
