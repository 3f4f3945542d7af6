"""The first bytes of pictures, as Pillow writes them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trueup.dataset.pictures import picture_type, size_in, size_of, suffix_of
from trueup.labels.masks import colours, indices_of
from trueup.labels.png import read_png, written_png
from trueup.labels.values import Mask
from trueup.model import Payload

FORMS: dict[str, tuple[str, dict[str, object]]] = {
    "png": ("PNG", {}),
    "jpeg": ("JPEG", {}),
    "progressive": ("JPEG", {"progressive": True, "comment": b"x" * 300}),
    "exif": ("JPEG", {"exif": b"Exif\0\0" + b"\xff\xc0" * 50}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "lossy": ("WEBP", {}),
    "lossless": ("WEBP", {"lossless": True}),
    "extended": ("WEBP", {"lossless": True, "exif": b"Exif\0\0 something"}),
}
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "BMP": ".bmp", "WEBP": ".webp"}


def saved(form: str, width: int, height: int) -> bytes:
    kind, more = FORMS[form]
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 7)).save(out, kind, **more)
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@given(size=st.tuples(st.integers(1, 700), st.integers(1, 700)))
def test_sizes_are_those_that_were_saved(form: str, size: tuple[int, int]) -> None:
    data = saved(form, *size)
    assert size_of(data) == size
    assert suffix_of(Payload(data=data, content_type="application/x-image")) == SUFFIXES[FORMS[form][0]]


@pytest.mark.parametrize("form", FORMS)
def test_what_was_cut_off_says_nothing_or_the_same(form: str) -> None:
    data = saved(form, 300, 200)
    for length in range(min(len(data), 700)):
        assert size_of(data[:length]) in (None, (300, 200))


@pytest.mark.parametrize("form", FORMS)
def test_the_kind_is_told_as_a_media_type(form: str) -> None:
    kind = FORMS[form][0]
    assert picture_type(saved(form, 30, 20)) == f"image/{kind.lower()}"
    assert picture_type(b"II*\0 and what makes a TIFF") is None


def behind(before: bytes) -> bytes:
    """A JPEG of 30 by 20 whose frame stands behind these bytes."""
    jpeg = saved("jpeg", 30, 20)
    return jpeg[:2] + before + jpeg[2:]


def test_a_stream_is_read_to_where_the_size_stands() -> None:
    """Of a JPEG over its profiles and fill bytes, of the rest no further than the head."""
    profile = b"\xff\xe2\xff\xff" + b"p" * 65533
    stream = io.BytesIO(behind(profile * 3 + b"\xff" * 9) + bytes(1_000_000))
    assert size_in(stream) == (30, 20)
    assert stream.tell() < 200_000
    stream = io.BytesIO(saved("png", 30, 20) + bytes(1_000_000))
    assert size_in(stream) == (30, 20)
    assert stream.tell() == 32


@pytest.mark.slow
@pytest.mark.parametrize("endless", [b"\xff\xe2\xff\xff" + b"p" * 65533, b"\xff" * 65536])
def test_a_jpeg_that_never_comes_to_its_frame_is_given_up(endless: bytes) -> None:
    stream = io.BytesIO(behind(endless * 100))
    assert size_in(stream) is None
    assert stream.tell() < 5_000_000


@given(
    st.binary(max_size=80),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF....WEBP", b"BM", b"GIF8"]),
)
def test_whatever_follows_is_no_error(data: bytes, magic: bytes) -> None:
    found = size_of(magic + data)
    assert found is None or all(each > 0 for each in found)


@pytest.mark.parametrize(
    ("content_type", "suffix"),
    [
        ("text/plain; charset=utf-8", ".txt"),
        ("text/csv", ".csv"),
        ("application/json", ".json"),
        ("APPLICATION/JSONLINES", ".jsonl"),
        ("audio/x-wav", ".wav"),
        ("application/pdf", ".pdf"),
        ("application/x-recordio-protobuf", ".bin"),
        ("", ".bin"),
    ],
)
def test_other_inputs_are_called_by_their_type(content_type: str, suffix: str) -> None:
    assert suffix_of(Payload(data=b"anything", content_type=content_type)) == suffix


@pytest.mark.slow
@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_written_pngs_are_read_by_pillow_and_by_ourselves(width: int, height: int, data: st.DataObject) -> None:
    flat = data.draw(st.lists(st.integers(0, 255), min_size=width * height, max_size=width * height))
    places = np.array(flat, dtype=np.uint8).reshape(height, width)
    palette = colours(255)
    written = written_png(places, palette)
    picture = Image.open(io.BytesIO(written))
    assert (np.asarray(picture) == places).all()
    assert (np.asarray(picture.convert("RGB")) == np.array(palette, dtype=np.uint8)[places]).all()
    assert (read_png(written, 100).samples[:, :, 0] == places).all()


def test_the_devkits_colours() -> None:
    """The first classes of Pascal VOC 2012: background, aeroplane, bicycle, bird, boat; person (15), monitor (20)."""
    found = colours(20)
    assert found[:5] == [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)]
    assert (found[15], found[20]) == ((192, 128, 128), (0, 64, 128))


def test_a_masks_places_are_those_of_the_names_given() -> None:
    mask = Mask(width=3, height=2, classes=("dog", "fox"), runs=((0, 2), (2, 3), (1, 1)))
    assert indices_of(mask, ("cat", "dog", "fox")).tolist() == [[0, 0, 3], [3, 3, 2]]
