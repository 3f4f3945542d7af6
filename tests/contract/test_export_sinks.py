"""Where exports go: memory, a folder, and a prefix of a bucket behave alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from tests.contract.implementations import clients_of_moto
from trueup.adapters.aws.export_sink import S3ExportSink
from trueup.adapters.local_files import LocalExportSink
from trueup.adapters.memory import MemoryExportSink
from trueup.errors import InputError, NotFoundError
from trueup.ports import ExportSink

MB = 1024 * 1024


@pytest.fixture(params=["memory", "folder", "s3"])
def sink(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExportSink]:
    if request.param == "memory":
        yield MemoryExportSink()
    elif request.param == "folder":
        yield LocalExportSink(tmp_path / "not" / "there yet")
    else:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            clients_of_moto()["s3"].create_bucket(Bucket="exports")
            yield S3ExportSink(clients_of_moto()["s3"], "s3://exports/pets/v1")


def test_what_is_written_is_read_and_removed(sink: ExportSink) -> None:
    assert not sink.holds_anything()
    assert sink.read("a/b.txt") is None
    sink.write("a/b.txt", iter([b"one ", b"", b"two"]))
    sink.write("empty", iter(()))
    assert sink.read("a/b.txt") == b"one two"
    assert sink.read("empty") == b""
    assert sink.holds_anything()
    for path in ("a/b.txt", "empty", "never"):
        sink.remove(path)
    assert sink.read("a/b.txt") is None


def test_a_file_is_replaced_whole(sink: ExportSink) -> None:
    sink.write("x", iter([b"a long text that was there"]))
    sink.write("x", iter([b"short"]))
    assert sink.read("x") == b"short"


@pytest.mark.parametrize("size", [0, 3, 9 * MB, pytest.param(20 * MB, marks=pytest.mark.slow)])
def test_what_breaks_off_changes_nothing(sink: ExportSink, size: int) -> None:
    sink.write("x", iter([b"before"]))

    def breaking() -> Iterator[bytes]:
        for _ in range(size // MB):
            yield bytes(MB)
        yield b"...\0"[: size % MB]
        raise ValueError("the samples end here")

    for name in ("x", "y"):
        with pytest.raises(ValueError, match="end here"):
            sink.write(name, breaking())
    assert sink.read("x") == b"before"
    assert sink.read("y") is None


@pytest.mark.slow
def test_large_files_go_in_parts(sink: ExportSink) -> None:
    """Twenty megabytes in pieces that fit into no part."""
    piece = bytes(range(256)) * 3001
    sink.write("large", iter([piece] * 28))
    found = sink.read("large")
    assert found == piece * 28


def test_one_file_is_written_while_another_is(sink: ExportSink) -> None:
    """As the report of an export is, which appears last."""

    def outer() -> Iterator[bytes]:
        yield b"first, "
        sink.write("inner", iter([b"within"]))
        assert sink.read("outer") is None
        yield b"then"

    sink.write("outer", outer())
    assert (sink.read("outer"), sink.read("inner")) == (b"first, then", b"within")


# ---------------------------------------------------------------- each for itself


def test_a_folder_is_left_as_it_was(tmp_path: Path) -> None:
    """No parts of files, nothing outside, and errors that say what is wrong."""
    sink = LocalExportSink(tmp_path / "out")
    assert sink.root == ""

    def breaking() -> Iterator[bytes]:
        yield b"half"
        raise ValueError

    with pytest.raises(ValueError):
        sink.write("a/x", breaking())
    assert [each for each in (tmp_path / "out").rglob("*") if each.is_file()] == []
    for path in ("../x", "/etc/x", "a/../../x", "."):
        with pytest.raises(InputError, match="leads out of"):
            sink.write(path, iter([b"x"]))
        with pytest.raises(InputError, match="leads out of"):
            sink.remove(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/x cannot be written: (Not a directory|File exists)"):
        LocalExportSink(tmp_path / "file").write("x", iter([b"x"]))
    with pytest.raises(InputError, match="file cannot be read: Not a directory"):
        LocalExportSink(tmp_path / "file").holds_anything()


def test_files_may_be_read_as_others_of_this_user(tmp_path: Path) -> None:
    LocalExportSink(tmp_path).write("x", iter([b"x"]))
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_upload_that_breaks_off_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 would keep, and charge for, its parts."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3 = clients_of_moto()["s3"]
        s3.create_bucket(Bucket="exports")
        sink = S3ExportSink(s3, "s3://exports/pets/")

        def breaking() -> Iterator[bytes]:
            yield bytes(20 * MB)
            raise ValueError

        with pytest.raises(ValueError):
            sink.write("x", breaking())
        assert "Uploads" not in s3.list_multipart_uploads(Bucket="exports")


def test_prefixes_of_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3 = clients_of_moto()["s3"]
        s3.create_bucket(Bucket="exports")
        assert S3ExportSink(s3, "s3://exports/pets").root == "s3://exports/pets/"
        assert S3ExportSink(s3, "s3://exports").root == "s3://exports/"
        S3ExportSink(s3, "s3://exports/pets").write("a/b.json", iter([b"{}"]))
        told = s3.head_object(Bucket="exports", Key="pets/a/b.json")
        assert told["ContentType"] == "application/json"
        # A neighbour's name begins alike.
        assert not S3ExportSink(s3, "s3://exports/pet").holds_anything()
        with pytest.raises(NotFoundError, match="nowhere"):
            S3ExportSink(s3, "s3://nowhere/x").write("x", iter([b"x"]))
        with pytest.raises(InputError, match="is not an s3:// URI"):
            S3ExportSink(s3, "s3:///x")
