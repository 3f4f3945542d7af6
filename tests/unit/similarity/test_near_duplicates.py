"""Texts that are nearly the same are asked about once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import Loop, capture_file, capture_line, project
from trueup.similarity.near_duplicates import Fingerprints, fingerprint

LONG = (
    "Dear support, my parcel with the number {number} was to arrive on Monday but has not come yet, the tracking page "
    "says that it is still in the depot of your carrier, could you please find out where it is and when it will come, "
    "since I am away from Thursday on and nobody else can take it, thank you very much and kind regards"
)
OTHER = (
    "The app crashes each time that I open the settings on my phone after the last update, I have removed it and "
    "put it on again twice, nothing helps, the log says that a file of the cache cannot be read, what am I to do now"
)


def found(text: str, kind: str = "text/plain") -> int:
    value = fingerprint(text.encode(), kind)
    assert value is not None
    return value


def test_alike_texts_are_near_and_others_are_not() -> None:
    known = Fingerprints([found(LONG.format(number=1234567))])
    assert known.near(found(LONG.format(number=7654321)))
    assert known.near(found(LONG.format(number=1).upper()))
    assert not known.near(found(OTHER))
    known.add(found(OTHER))
    assert known.near(found(OTHER.replace("twice", "thrice")))
    assert not Fingerprints().near(found(OTHER))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"too few words to tell", "text/plain"),
        (b"1,2,3,4,5,6,7,8,9,10,11,12", "text/csv"),
        (b"\xff\xfe", "text/plain"),
        (OTHER.encode(), "image/png"),
        (b"", "application/json"),
    ],
)
def test_what_is_no_text_has_no_fingerprint(data: bytes, kind: str) -> None:
    assert fingerprint(data, kind) is None


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    value = fingerprint(text.encode("utf-8", "ignore"), "text/plain")
    assert value is None or 0 <= value < 2**64


def line(number: int, text: str) -> bytes:
    record = json.loads(capture_line(number))
    record["captureData"]["endpointInput"] |= {"data": json.dumps({"inputs": text}), "encoding": "JSON"}
    record["captureData"]["endpointInput"]["observedContentType"] = "application/json"
    return json.dumps(record).encode()


def test_of_texts_that_are_alike_one_is_asked_about_in_a_file_and_over_files() -> None:
    loop = Loop(project(selection={"rate": 1.0, "audit_share": 0.0}))
    files = [capture_file(name) for name in "ab"]
    for place, file in enumerate(files):
        texts = [LONG.format(number=1000 + place), LONG.format(number=2000 + place), OTHER + " again" * place]
        loop.archive.files[file.uri] = b"\n".join(line(10 * place + each, text) for each, text in enumerate(texts))
    first = loop.ingest(files[0])
    assert (first.predictions, first.selected, len(first.fingerprints)) == (3, 2, 2)
    assert loop.ingest(files[1]).selected == 0


def test_an_audit_meets_its_own_candidates_alone() -> None:
    """What a strategy looked at and did not choose must stay in the audit's reach."""
    loop = Loop(project(selection={"rate": 0.5, "audit_share": 1.0}))
    file = capture_file()
    loop.archive.files[file.uri] = b"\n".join(
        line(each, f"{OTHER} {each} " * 3 + f"word{each}" * 9) for each in range(2)
    )
    assert loop.ingest(file).selected == 1
