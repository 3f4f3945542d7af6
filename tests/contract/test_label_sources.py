"""Where labels are imported from: in memory, on this machine, and in S3."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import moto
import pytest

from tests.contract.implementations import clients_of_moto
from trueup.adapters.aws.label_sources import AwsLabelSources, S3Files
from trueup.adapters.local_sources import LocalFiles
from trueup.adapters.memory_operations import MemoryFiles, MemoryLabelSources, MemoryObjects
from trueup.dataset.sources import Source
from trueup.errors import InputError, NotFoundError
from trueup.model import Payload
from trueup.ports import LabelSources

FILES = {
    "a.manifest": b"one\ntwo\n",
    "a/1.txt": b"1",
    "a/b/2.txt": b"2",
    "a-b.txt": b"-",
    "images/val/deep/x y+z%.jpg": bytes(range(256)) * 3000,
    "empty": b"",
}
ELSEWHERE = "s3://other/dir/dog.txt"
Made = Callable[[Mapping[str, bytes]], Source]


@pytest.fixture(params=["memory", "local", "s3"])
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    if request.param == "memory":
        objects = MemoryObjects({ELSEWHERE: Payload(data=b"woof", content_type="")})
        yield lambda files: MemoryFiles(files, objects)
    elif request.param == "local":
        yield lambda files: on_disk(tmp_path, files)
    else:
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        with moto.mock_aws():
            yield in_s3


def on_disk(root: Path, files: Mapping[str, bytes]) -> LocalFiles:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)

    def elsewhere(uri: str) -> io.BytesIO:
        if uri != ELSEWHERE:
            raise NotFoundError(uri)
        return io.BytesIO(b"woof")

    return LocalFiles(root, elsewhere)


def in_s3(files: Mapping[str, bytes]) -> S3Files:
    client = clients_of_moto()["s3"]
    for bucket in ("labels", "other"):
        client.create_bucket(Bucket=bucket)
    for name, data in files.items():
        client.put_object(Bucket="labels", Key=f"job/{name}", Body=data)
    client.put_object(Bucket="labels", Key="job/folder/", Body=b"")
    client.put_object(Bucket="labels", Key="job2/not-ours", Body=b"")
    client.put_object(Bucket="other", Key="dir/dog.txt", Body=b"woof")
    return S3Files(client, "labels", "job/")


def test_names_come_in_order_and_by_their_beginning(made: Made) -> None:
    source = made(FILES)
    assert list(source.names()) == sorted(FILES)
    assert list(source.names("a/")) == ["a/1.txt", "a/b/2.txt"]
    assert list(source.names("a")) == sorted(each for each in FILES if each.startswith("a"))
    assert list(source.names("images/val/d")) == ["images/val/deep/x y+z%.jpg"]
    assert list(source.names("nothing/")) == []
    assert source.place


def test_every_file_is_read_from_its_beginning(made: Made) -> None:
    source = made(FILES)
    for name, data in FILES.items():
        for _ in range(2):
            with source.open(name) as stream:
                assert stream.read() == data
    with source.open("a.manifest") as stream:
        assert [stream.readline(), stream.readline(2), stream.read(), stream.readline()] == [
            b"one\n",
            b"tw",
            b"o\n",
            b"",
        ]


def test_a_stream_goes_where_a_reader_wants(made: Made) -> None:
    data = FILES["images/val/deep/x y+z%.jpg"]
    with made(FILES).open("images/val/deep/x y+z%.jpg") as stream:
        assert stream.seekable()
        for place, whence in ((-5, 2), (7, 0), (700_000, 0), (0, 0), (3, 1), (0, 2)):
            at = stream.seek(place, whence)
            assert stream.tell() == at
            assert stream.read(9) == data[at : at + 9]


def test_objects_elsewhere_are_opened_by_their_uri(made: Made) -> None:
    source = made(FILES)
    with source.open(ELSEWHERE) as stream:
        assert stream.read() == b"woof"
    with pytest.raises(NotFoundError):
        source.open("s3://other/gone")


def test_what_is_not_there_is_not_found(made: Made) -> None:
    source = made(FILES)
    for name in ("gone", "a/gone", "a.manifest/below", "a"):
        with pytest.raises(NotFoundError):
            source.open(name)


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "/etc/passwd", "..", "a/..", "..\\secret", "nul\0"])
def test_no_name_leads_out_of_the_place(made: Made, name: str) -> None:
    with pytest.raises(InputError, match="leads out of the place"):
        made(FILES).open(name)


@pytest.fixture(params=["memory", "aws"])
def sources(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LabelSources]:
    if request.param == "memory":
        found = {f"s3://labels/job/{name}": data for name, data in FILES.items()}
        yield MemoryLabelSources(
            MemoryObjects({uri: Payload(data=data, content_type="") for uri, data in found.items()})
        )
        return
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with moto.mock_aws():
        in_s3(FILES)
        clients = clients_of_moto()
        yield AwsLabelSources(clients["s3"], clients["sagemaker"])


@pytest.mark.parametrize(
    ("place", "file", "names"),
    [
        ("s3://labels/job/", None, sorted(FILES)),
        ("s3://labels/job", None, sorted(FILES)),
        ("s3://labels/job/a/", None, ["1.txt", "b/2.txt"]),
        ("s3://labels/job/a.manifest", "a.manifest", sorted(FILES)),
        ("s3://labels/job/a/1.txt", "1.txt", ["1.txt", "b/2.txt"]),
    ],
)
def test_a_place_is_a_file_or_a_folder(sources: LabelSources, place: str, file: str | None, names: list[str]) -> None:
    found = sources.at(place)
    assert found.file == file
    assert list(found.source.names()) == names


def test_a_place_on_this_machine(sources: LabelSources, tmp_path: Path) -> None:
    on_disk(tmp_path, FILES)
    assert list(sources.at(str(tmp_path)).source.names()) == sorted(FILES)
    found = sources.at(str(tmp_path / "a.manifest"))
    assert found.file == "a.manifest"
    with found.source.open("a/1.txt") as stream:
        assert stream.read() == b"1"
    with found.source.open("s3://labels/job/a/b/2.txt") as stream:
        assert stream.read() == b"2"
    with pytest.raises(NotFoundError):
        sources.at(str(tmp_path / "gone"))


def test_a_place_that_is_not_there(sources: LabelSources) -> None:
    with pytest.raises(NotFoundError):
        sources.at("s3://labels/gone")


def test_links_are_followed_but_not_for_ever(tmp_path: Path) -> None:
    source = on_disk(tmp_path, {"a/1.txt": b"1"})
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    names = list(itertools.islice(source.names(), 50))
    assert names == ["a/1.txt", "b/1.txt"]
