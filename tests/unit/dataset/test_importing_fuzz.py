"""Files that were cut, garbled or spliced: an importer answers with problems or an error of ours, and no other."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.imports import DATA, folder, reading, schema
from trueup.dataset.importing import IMPORTS
from trueup.dataset.sources import Labelled, LeftOut, Problem
from trueup.errors import TrueupError
from trueup.labels.reading import checked
from trueup.model import LabelSchema

NAMES = ("cat", "dog", "fox", "crate", "label", "person")
TASK = (
    b'[{"id":1,"data":{"text":"a cat"},"annotations":[{"id":1,"completed_by":{"id":2},"result":[{"from_name":"l",'
    b'"type":"choices","value":{"choices":["cat"]}}]}]}]'
)
ROW = b'{"text":"a cat","label":"cat","group":"g","split":"train","posterior":0.5}\n'
PAIR = b'{"prompt":"p","chosen":"a","rejected":"b"}\n{"chosen":[{"role":"user","content":"x"}],"rejected":[]}\n'
RESPONSE = (DATA / "ground-truth" / "worker_response_bounding_box.json").read_bytes()
BOXES = (DATA / "ground-truth" / "output_bounding_box.manifest").read_bytes()


def below(name: str) -> dict[str, bytes]:
    return folder(DATA / name)


WHOLE: Mapping[str, tuple[dict[str, bytes], tuple[LabelSchema, ...]]] = {
    "augmented-manifest": (
        {each: data for each, data in below("ground-truth").items() if each.endswith(".manifest")},
        tuple(schema(kind, *NAMES) for kind in ("boxes", "classification", "mask", "spans", "multilabel", "text")),
    ),
    "coco": (below("coco"), tuple(schema(kind, *NAMES) for kind in ("boxes", "polygons", "mask", "multilabel"))),
    "conll": (below("conll"), (schema("spans", "PER", "ORG", media="text"),)),
    "csv": ({"a.csv": b'text,label,group\n"a ""cat""",cat,g\nb,dog,\n'}, (schema("classification", *NAMES),)),
    "ground-truth": (
        {
            "manifests/output/output.manifest": BOXES,
            "annotations/worker-response/iteration-1/0/1.json": RESPONSE,
        },
        (schema("boxes", *NAMES),),
    ),
    "huggingface": (
        {**below("huggingface-folder"), **below("huggingface-parquet"), **below("huggingface-disk")},
        (schema("boxes", *NAMES), schema("classification", *NAMES)),
    ),
    "jsonl": ({"a.jsonl": ROW * 2}, tuple(schema(kind, *NAMES) for kind in ("classification", "rating", "multilabel"))),
    "label-studio": (
        {"a.json": TASK},
        tuple(schema(kind, *NAMES, media="text") for kind in ("classification", "text")),
    ),
    "parquet": (below("huggingface-parquet"), (schema("classification", *NAMES),)),
    "preference-pairs": ({"a.jsonl": PAIR}, (schema("preference", media="text"),)),
    "voc": (below("voc"), tuple(schema(kind, *NAMES) for kind in ("boxes", "mask", "classification"))),
    "webdataset": (below("webdataset"), (schema("classification", *NAMES),)),
    "yolo": (below("yolo"), tuple(schema(kind, *NAMES) for kind in ("boxes", "polygons", "mask"))),
}


def test_every_format_is_tried() -> None:
    assert WHOLE.keys() == IMPORTS.keys()


@st.composite
def mangled(draw: st.DrawFn, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """One file cut, overwritten, doubled in the middle, or exchanged for another one; perhaps one is gone."""
    made = dict(files)
    name = draw(st.sampled_from(sorted(made)))
    data = made[name]
    at = draw(st.integers(0, len(data)))
    how = draw(st.sampled_from(["cut", "garble", "splice", "swap", "drop", "words"]))
    if how == "cut":
        made[name] = data[:at]
    elif how == "garble":
        noise = draw(st.binary(min_size=1, max_size=8))
        made[name] = data[:at] + noise + data[at + len(noise) :]
    elif how == "splice":
        made[name] = data[:at] + data[draw(st.integers(0, len(data))) :]
    elif how == "swap":
        made[name] = made[draw(st.sampled_from(sorted(made)))]
    elif how == "words":
        old = draw(st.sampled_from([b'"', b"0", b"1", b":", b"{", b"[", b"\n", b",", b"cat", b"label", b"null"]))
        new = draw(
            st.sampled_from([b"", b"null", b"-1", b"1e400", b"{}", b"[]", b'"x"', b"\xff", b"\0", b"99999999999"])
        )
        made[name] = data.replace(old, new, draw(st.integers(1, 4)))
    else:
        del made[name]
    return made


@pytest.mark.slow
@pytest.mark.parametrize("form", sorted(IMPORTS))
@given(draws=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_file_is_too_bad_to_be_told_what_is_wrong(form: str, draws: st.DataObject) -> None:
    files, schemas = WHOLE[form]
    asked = draws.draw(st.sampled_from(schemas))
    attribute = draws.draw(st.sampled_from([None, None, "label", "boxes", "0"]))
    given_files = draws.draw(mangled(files))
    found = []
    with contextlib.suppress(TrueupError):
        found += IMPORTS[form](reading(given_files, asked, attribute=attribute))
    for each in found:
        assert isinstance(each, Labelled | Problem | LeftOut)
        if isinstance(each, Labelled):
            assert (each.data is None) != (each.ref is None)
            check(each, asked)


def check(label: Labelled, asked: LabelSchema) -> None:
    try:
        text = checked(label.label, asked)
    except TrueupError:
        return
    assert checked(text, asked) == text
