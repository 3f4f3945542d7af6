"""Any bytes may lie in a capture file: none raises, each line is accounted for, and each reason says what is wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.worlds import Loop, capture_file, capture_line
from trueup.capture.records import Duplicate, Joined, parse_key, read_captures
from trueup.errors import CaptureError
from trueup.model import Capture, CaptureFile, Quarantined

HIGH_SURROGATE, DEEP = "\ud800", b"[" * 20_000 + b"]" * 20_000
ODD_TEXTS = st.one_of(
    st.text(st.characters(), max_size=30),
    st.sampled_from(["", "é", HIGH_SURROGATE, "\udc00", "x" * 5000, "text/plain\r\nX-Amz-Acl: public-read", "\x00"]),
)
ODD_TIMES = st.sampled_from(
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T23:59:60Z",
        "2026-01-01T00:00:00+99:99",
        "2026-01-01T00:00:00",
        "now",
    ]
)
ODD_VALUES = st.one_of(
    ODD_TEXTS,
    ODD_TIMES,
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.lists(ODD_TEXTS, max_size=3),
    st.dictionaries(ODD_TEXTS, ODD_TEXTS, max_size=3),
)
PATHS = (
    ("captureData",),
    ("captureData", "endpointInput"),
    ("captureData", "endpointInput", "data"),
    ("captureData", "endpointInput", "encoding"),
    ("captureData", "endpointInput", "observedContentType"),
    ("captureData", "endpointOutput", "data"),
    ("captureData", "endpointOutput", "encoding"),
    ("eventMetadata",),
    ("eventMetadata", "eventId"),
    ("eventMetadata", "inferenceTime"),
    ("eventMetadata", "inferenceId"),
    ("eventMetadata", "customAttributes"),
    ("eventVersion",),
    ("unknown",),
)


def changed(path: tuple[str, ...], value: Any) -> bytes:
    """A valid record with one field that holds something else."""
    record = json.loads(capture_line(1))
    *above, last = path
    place = record
    for each in above:
        place = place[each]
    place[last] = value
    return json.dumps(record).encode()


def spliced(line: bytes, at: int, piece: bytes) -> bytes:
    return line[: at % len(line)] + piece + line[at % len(line) :]


LINES = st.one_of(
    st.integers(0, 3).map(capture_line),
    st.builds(changed, st.sampled_from(PATHS), ODD_VALUES),
    st.builds(spliced, st.just(capture_line(2)), st.integers(0, 500), st.binary(min_size=1, max_size=4)),
    st.binary(max_size=40),
    st.sampled_from(
        [DEEP, b'{"deep":' + DEEP + b"}", b'{"captureData":' + b"9" * 5000 + b"}", b"NaN", b"\xef\xbb\xbf{}"]
    ),
)


def only(line: bytes) -> Capture | Quarantined | Duplicate:
    (item,) = read_captures([(0, line)])
    return item


@pytest.mark.slow
@given(st.lists(LINES, max_size=12))
@example([b'{"deep":' + DEEP + b"}"])
def test_any_lines_are_read_or_quarantined_and_counted(lines: list[bytes]) -> None:
    items = list(read_captures(enumerate(lines)))
    filled = [number for number, each in enumerate(lines, start=1) if each.strip()]
    assert sorted(each.line for each in items) == filled
    for each in items:
        assert isinstance(each, Capture | Quarantined | Duplicate | Joined)
        msgspec.json.encode(each)
    for bad in [each for each in items if isinstance(each, Quarantined)]:
        assert bad.raw == lines[bad.line - 1]
        assert 0 < len(bad.reason) < 1000


@pytest.mark.slow
@given(st.lists(LINES.filter(lambda each: b"\n" not in each), max_size=12))
def test_a_file_of_any_lines_is_wholly_accounted_for(lines: list[bytes]) -> None:
    loop = Loop()
    file = capture_file()
    loop.archive.files[file.uri] = b"\n".join(lines)
    receipt = loop.ingest(file)
    assert receipt.lines == sum(bool(each.removesuffix(b"\r").strip()) for each in lines)
    assert receipt.lines == receipt.captures + receipt.quarantined + receipt.duplicates
    assert receipt.quarantined == len(loop.archive.quarantined.get(file.file_id, []))


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_no_calendar_holds_in_utc_keeps_its_numbers(time: str) -> None:
    item = only(changed(("eventMetadata", "inferenceTime"), time))
    assert isinstance(item, Capture)
    assert item.inference_time.isoformat() == f"{time[:19]}+00:00"


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("eventMetadata", "eventId"), "x" * 5000, "length <= 200.*eventMetadata.eventId"),
        (("eventMetadata", "eventId"), HIGH_SURROGATE, "surrogate"),
        (("captureData", "endpointInput", "data"), "é", "endpointInput.data is not base64: .*ASCII"),
        (("captureData", "endpointInput", "data"), "a", "endpointInput.data is not base64"),
        (("captureData", "endpointOutput", "data"), HIGH_SURROGATE, "surrogate"),
        (("captureData", "endpointInput", "observedContentType"), "a\r\nb", "endpointInput.observedContentType"),
        (("captureData", "endpointInput", "observedContentType"), "é", "endpointInput.observedContentType"),
        (("captureData",), 10**400, "captureData"),
    ],
)
def test_the_reason_says_what_is_wrong(path: tuple[str, ...], value: Any, says: str) -> None:
    item = only(changed(path, value))
    assert isinstance(item, Quarantined)
    assert re.search(says, item.reason), item.reason


def test_deep_json_is_quarantined() -> None:
    item = only(b'{"deep":' + DEEP + b"}")
    assert isinstance(item, Quarantined)
    assert item.reason.endswith("nested too deeply to be read")


def test_the_byte_that_is_not_utf8_is_named_by_its_place_in_the_line() -> None:
    line = capture_line(1).replace(b"event-1", b"event-\xff")
    item = only(line)
    assert isinstance(item, Quarantined)
    place = line.index(b"\xff")
    assert f"byte {place} of the line is not UTF-8" in item.reason


KEY_PARTS = st.one_of(st.text(max_size=6), st.sampled_from(["pets", "e", "v", "2026", "11", "24", "09", "a.jsonl", ""]))


def parsed(key: str) -> CaptureFile | str:
    """The file, or why there is none."""
    try:
        return parse_key("captures", key)
    except CaptureError as error:
        return str(error)


@pytest.mark.slow
@given(st.lists(KEY_PARTS, max_size=12).map("/".join))
def test_any_key_is_read_or_refused(key: str) -> None:
    file = parsed(key)
    if isinstance(file, str):
        assert key in file
        return
    assert file.project
    assert f"{file.project}/{file.endpoint}/{file.variant}/" in key


@pytest.mark.parametrize(
    "key",
    [
        "/e/v/2026/11/24/09/a.jsonl",
        "pets//e/v/2026/11/24/09/a.jsonl",
        "pets/-e/v/2026/11/24/09/a.jsonl",
        "pets/e/v/2026/11/24/09/",
        "pets/e/v/٢٠٢٦/11/24/09/a.jsonl",
        "pets/e/v/2026/11/24/09/a/b.jsonl",
        "pets/e/v/2026/11/24/09/a.jsonl\n/",
        "",
    ],
)
def test_odd_keys_are_refused(key: str) -> None:
    with pytest.raises(CaptureError):
        parse_key("captures", key)


def test_a_long_key_is_judged_at_once() -> None:
    with pytest.raises(CaptureError):
        parse_key("captures", "a-/" * 340)
