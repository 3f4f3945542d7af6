"""Capture files as they may lie in a bucket: cut off, growing, empty; each is accounted for, or told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import Loop, capture_file, capture_line
from trueup.model import TaskStatus

LINES = [capture_line(number) for number in range(1, 6)]
WHOLE = b"".join(each + b"\n" for each in LINES)


@pytest.mark.slow
@given(st.integers(0, len(WHOLE)))
def test_a_file_that_was_cut_off_anywhere_is_accounted_for(end: int) -> None:
    loop, cut = Loop(), WHOLE[:end]
    loop.archive.files[capture_file().uri] = cut
    receipt = loop.ingest(capture_file())
    lines = [each for each in cut.split(b"\n") if each]
    broken = bool(lines) and lines[-1] not in LINES
    assert (receipt.lines, receipt.quarantined) == (len(lines), int(broken))
    assert receipt.captures == receipt.selected == len(lines) - broken


def test_what_a_file_grows_by_after_it_was_read_is_another_file() -> None:
    """Objects of S3 do not grow: a longer one is a new one of the same name, which is accounted for already."""
    loop = Loop()
    loop.archive.files[capture_file().uri] = WHOLE[: len(LINES[0]) + 1]
    first = loop.ingest(capture_file())
    loop.archive.files[capture_file().uri] = WHOLE
    assert loop.ingest(capture_file()) == first
    loop.archive.files[capture_file("again").uri] = WHOLE
    assert loop.ingest(capture_file("again")).captures == 5
    assert loop.tasks.count("pets", TaskStatus.OPEN) == 5


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\n", b"  \n"])
def test_an_empty_file_is_accounted_for(data: bytes) -> None:
    loop = Loop()
    loop.archive.files[capture_file().uri] = data
    receipt = loop.ingest(capture_file())
    assert (receipt.lines, receipt.captures, receipt.quarantined, receipt.predictions) == (0, 0, 0, 0)
    assert loop.ingest(capture_file()) == receipt


def test_a_line_of_nothing_but_its_zeros_is_quarantined() -> None:
    loop = Loop()
    loop.archive.files[capture_file().uri] = WHOLE + b"\0" * 512
    receipt = loop.ingest(capture_file())
    assert (receipt.captures, receipt.quarantined) == (5, 1)
