"""Manifests of batch transforms: read as AWS writes them, refused with what is wrong, paired by names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from trueup.capture.manifests import Manifest, manifest_file, pair_up, read_manifest
from trueup.capture.records import parse_key
from trueup.errors import ManifestError
from trueup.model import TransformPair

DATA = Path(__file__).resolve().parents[2] / "data" / "sources"
URI = "s3://captures/pets/nightly/output/2026/11/20/02/e30a.json"


def manifest(prefix: str, *names: str) -> Manifest:
    return Manifest(uri=URI, prefix=prefix, names=names)


def test_the_published_manifests_are_read_and_paired() -> None:
    inputs, outputs = (
        read_manifest(URI, (DATA / f"batch_{each}_manifest.json").read_bytes()) for each in ("input", "output")
    )
    pairs = pair_up(outputs, [inputs])
    assert pairs is not None
    assert [(each.input, each.output) for each in pairs] == [
        ("s3://acme-batch-in/2026-11-20/part-0.csv", "s3://acme-batch-out/2026-11-20/part-0.csv.out"),
        ("s3://acme-batch-in/2026-11-20/part-1.csv", "s3://acme-batch-out/2026-11-20/part-1.csv.out"),
    ]


def test_a_uri_says_the_project_and_where_captures_go() -> None:
    place = manifest_file("s3://captures/any/where/pets/nightly/output/2026/11/20/02/e30a.json")
    assert (place.project, place.name, place.side, place.at) == (
        "pets",
        "nightly",
        "output",
        datetime(2026, 11, 20, 2, tzinfo=UTC),
    )
    file = place.capture_file("s3://out/part-0.csv.out", 1)
    assert parse_key(file.bucket, file.key) == file
    assert file.key.startswith("any/where/pets/nightly/transform/2026/11/20/02/")
    assert place.capture_file("s3://out/part-0.csv.out", 1) == file
    others = [place.capture_file("s3://out/part-1.csv.out", 1), place.capture_file("s3://out/part-0.csv.out", 2)]
    assert len({file.key, *(each.key for each in others)}) == 3


def test_inputs_are_looked_for_in_the_neighbouring_hours_too() -> None:
    place = manifest_file("s3://captures/pets/nightly/output/2026/12/31/23/e30a.json")
    assert place.inputs() == (
        "s3://captures/pets/nightly/input/2026/12/31/23/",
        "s3://captures/pets/nightly/input/2026/12/31/22/",
        "s3://captures/pets/nightly/input/2027/01/01/00/",
    )


@pytest.mark.parametrize(
    "key",
    [
        "pets/output/2026/11/20/02/e30a.json",
        "pets/nightly/outputs/2026/11/20/02/e30a.json",
        "pets/nightly/output/2026/11/20/e30a.json",
        "pets/nightly/output/2026/11/20/02/e30a.jsonl",
        "pets/night_ly/output/2026/11/20/02/e30a.json",
        "",
    ],
)
def test_another_layout_is_refused_with_what_to_do(key: str) -> None:
    with pytest.raises(
        ManifestError, match=r"not a capture manifest; expected <project>/<name>/input\|output"
    ) as caught:
        manifest_file(f"s3://captures/{key}")
    assert caught.value.field == f"s3://captures/{key}"
    assert "DestinationS3Uri" in str(caught.value)


def test_an_hour_that_is_none_is_refused() -> None:
    with pytest.raises(ManifestError, match="2026/13/20/02 is no hour"):
        _ = manifest_file("s3://captures/pets/nightly/output/2026/13/20/02/e30a.json").at


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a capture manifest"),
        (b"{}", "not a capture manifest"),
        (b"[]", "the manifest is empty"),
        (b"\xff", "not a capture manifest"),
        (b'[{"prefix": "s3://in/"}, "a.csv', "not a capture manifest"),
        (b'["a.csv"]', "element 1 must be"),
        (b'[{"prefix": "in/"}, "a.csv"]', "element 1 must be"),
        (b'[{"Prefix": "s3://in/"}, "a.csv"]', "element 1 must be"),
        (b'[{"prefix": "s3://in/"}, "a.csv", {"prefix": "s3://b/"}]', "element 3 must be the name of an object"),
        (b'[{"prefix": "s3://in/"}, ""]', "element 2 must be the name of an object"),
        (b'[{"prefix": "s3://in/"}, 7]', "not a capture manifest"),
    ],
)
def test_a_bad_manifest_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason) as caught:
        read_manifest(URI, data)
    assert str(caught.value).startswith(f"{URI}: ")


def test_a_deeply_nested_manifest_is_refused() -> None:
    with pytest.raises(ManifestError, match="not a capture manifest"):
        read_manifest(URI, b"[" * 100_000)


def test_inputs_that_were_not_transformed_have_no_pair() -> None:
    pairs = pair_up(manifest("s3://out/", "a.csv.out"), [manifest("s3://in/", "a.csv", "bad.csv")])
    assert [each.input for each in pairs or ()] == ["s3://in/a.csv"]


def test_outputs_may_be_named_by_several_input_manifests_of_one_prefix() -> None:
    inputs = [manifest("s3://in/", "a.csv"), manifest("s3://in/", "b.csv")]
    pairs = pair_up(manifest("s3://out/", "a.csv.out", "b.csv.out"), inputs)
    assert [each.output for each in pairs or ()] == ["s3://out/a.csv.out", "s3://out/b.csv.out"]


def test_none_names_them() -> None:
    output = manifest("s3://out/", "a.csv.out")
    assert pair_up(output, []) is None
    assert pair_up(output, [manifest("s3://in/", "b.csv")]) is None
    assert pair_up(manifest("s3://out/"), []) == ()


def test_of_two_jobs_that_of_the_same_names_alone_is_meant() -> None:
    one, more = manifest("s3://in/1/", "a.csv"), manifest("s3://in/2/", "a.csv", "b.csv")
    pairs = pair_up(manifest("s3://out/", "a.csv.out"), [more, one])
    assert [each.input for each in pairs or ()] == ["s3://in/1/a.csv"]


def test_two_jobs_of_the_same_names_are_not_guessed_between() -> None:
    twins = [manifest("s3://in/1/", "a.csv"), manifest("s3://in/2/", "a.csv")]
    with pytest.raises(ManifestError, match="may be those under any of s3://in/1/, s3://in/2/") as caught:
        pair_up(manifest("s3://out/", "a.csv.out"), twins)
    assert "destinations of their own" in str(caught.value)


@pytest.mark.parametrize("name", ["a.csv", ".out"])
def test_an_output_without_its_ending_is_refused(name: str) -> None:
    with pytest.raises(ManifestError, match=r"is no output of a transform: it must end in \.out"):
        pair_up(manifest("s3://out/", name), [manifest("s3://in/", "a.csv")])


def test_pairs_survive_the_queue() -> None:
    pairs = pair_up(manifest("s3://out/", "ä b.csv.out"), [manifest("s3://in/", "ä b.csv")])
    assert pairs is not None
    assert msgspec.convert(json.loads(msgspec.json.encode(pairs[0])), TransformPair) == pairs[0]
