"""What a package of a function holds of its libraries: all that the function asks for, word for word."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore
import botocore.session
import numpy
import pytest
import urllib3
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from infra.archives import ArchiveWriter
from infra.descriptions import BOTOCORES_OWN, wanted_by, write_descriptions
from infra.left_out import leave_out
from infra.packaging import Packager
from trueup.errors import ConfigurationError
from trueup.settings import FUNCTION_SETTINGS

pytestmark = pytest.mark.infra
BOTOCORE = Path(botocore.__file__).parent
WHOLE = BOTOCORE / "data"
# How adapters call: on a client that they hold, by a paginator, or for a link.
_CALLS = re.compile(r"""(?:_client|_s3|client)\.(\w+)\(|get_paginator\("(\w+)"\)|generate_presigned_url\(\s*"(\w+)\"""")
_NO_CALLS = {"get_paginator", "generate_presigned_url"}


def described(package: Path) -> dict[str, dict[str, Any]]:
    found = (package / "botocore" / "data").glob("*/*/service-2.json")
    return {each.parent.parent.name: json.loads(each.read_text()) for each in found}


def whole(service: str) -> dict[str, Any]:
    found: dict[str, Any] = Loader().load_service_model(service, "service-2")
    return found


def without_prose(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: v for k, v in ((k, without_prose(v)) for k, v in node.items()) if not _is_prose(k, v)}
    return [without_prose(each) for each in node] if isinstance(node, list) else node


def _is_prose(name: str, value: Any) -> bool:
    return name in ("documentation", "documentationUrl") and isinstance(value, str)


@pytest.mark.parametrize("name", sorted(FUNCTION_SETTINGS))
def test_each_operation_that_a_function_calls_is_described(name: str) -> None:
    packager = Packager("host", b"[]")
    sources = [path.read_text() for place, path in packager.closure(name).files if "/aws/" in place]
    called = {word for text in sources for words in _CALLS.findall(text) for word in words if word} - _NO_CALLS
    services = described(packager.package(name))
    known = {xform_name(each) for service in services for each in whole(service)["operations"]}
    kept = {xform_name(each) for service in services.values() for each in service["operations"]}
    assert called & known or not services
    assert called & known <= kept


@pytest.mark.parametrize("name", sorted(FUNCTION_SETTINGS))
def test_what_is_described_is_as_botocore_says_it(name: str) -> None:
    for service, kept in described(Packager("host", b"[]").package(name)).items():
        full = whole(service)
        assert without_prose(kept["metadata"]) == without_prose(full["metadata"])
        for part in ("operations", "shapes"):
            for each, found in kept[part].items():
                assert without_prose(found) == without_prose(full[part][each]), (service, each)
        assert set(_mentioned(kept["operations"])) | set(_mentioned(kept["shapes"])) == set(kept["shapes"])


def _mentioned(node: Any) -> Iterator[str]:
    values = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, each in values:
        if name == "shape" and isinstance(each, str):
            yield each
        else:
            yield from _mentioned(each)


def test_what_botocore_calls_by_itself_is_known() -> None:
    """A new version may call another operation on the way to what it was asked for."""
    called = {word for path in BOTOCORE.glob("*.py") for word in re.findall(r"client\.(\w+)\(", path.read_text())}
    found = {each for each in whole("s3")["operations"] if xform_name(each) in called}
    assert found == BOTOCORES_OWN["s3"]


def test_a_service_without_operations_is_a_mistake(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text('clients["sqs"].put_object()')
    with pytest.raises(ConfigurationError, match="sqs"):
        write_descriptions(WHOLE, tmp_path / "data", wanted_by([source]))


ITEM = {"pk": {"S": "a"}, "sk": {"S": "b"}}
CALLS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "get": ("s3", lambda s3: s3.get_object(Bucket="captures", Key="a b/ä.jsonl")),
    "put": (
        "s3",
        lambda s3: s3.put_object(
            Bucket="data.set", Key="k", Body=b"x", ContentType="t/p", ChecksumAlgorithm="SHA256", IfNoneMatch="*"
        ),
    ),
    "copy": ("s3", lambda s3: s3.copy_object(Bucket="data", Key="k", CopySource={"Bucket": "data", "Key": "j"})),
    "list": ("s3", lambda s3: list(s3.get_paginator("list_objects_v2").paginate(Bucket="data", Prefix="p/"))),
    "read": ("dynamodb", lambda db: db.get_item(TableName="t", Key=ITEM, ConsistentRead=True)),
    "query": (
        "dynamodb",
        lambda db: db.query(
            TableName="t", KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "a"}}
        ),
    ),
    "write": (
        "dynamodb",
        lambda db: db.transact_write_items(
            TransactItems=[{"Put": {"TableName": "t", "Item": ITEM}}], ClientRequestToken="token"
        ),
    ),
    "send": (
        "sqs",
        lambda sqs: sqs.send_message_batch(
            QueueUrl="https://sqs.us-east-1.amazonaws.com/1/q", Entries=[{"Id": "0", "MessageBody": "m"}]
        ),
    ),
}


def client(service: str, data: Path, region: str, answer: AWSResponse, sent: list[Any]) -> Any:
    session = botocore.session.Session()
    session.set_credentials("id", "secret")
    session.register_component(
        "data_loader", Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    )
    made = session.create_client(service, region_name=region)

    def before_send(request: Any, **_: Any) -> AWSResponse:
        sent.append(request)
        return answer

    made.meta.events.register("before-send", before_send)
    return made


class _Raw:
    """The little of a urllib3 response that botocore reads."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._data


def answer_of(status: int, data: bytes, **headers: str) -> AWSResponse:
    return AWSResponse("https://aws", status, headers, _Raw(data))


@pytest.fixture(scope="module")
def cut() -> Path:
    return Packager("host", b"[]").package("capture_ingest") / "botocore" / "data"


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("call", CALLS)
def test_requests_are_the_same_as_with_all_of_botocore(call: str, region: str, cut: Path) -> None:
    service, ask = CALLS[call]
    data = b"<a/>" if service == "s3" else b"{}"
    requests: list[Any] = []
    for folder in (WHOLE, cut):
        ask(client(service, folder, region, answer_of(200, data), requests))
    first, second = map(plain, requests)
    assert first == second


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1"])
@pytest.mark.parametrize("name", sorted(FUNCTION_SETTINGS))
def test_clients_speak_to_the_same_addresses(name: str, region: str) -> None:
    package = Packager("host", b"[]").package(name)
    data = package / "botocore" / "data"
    for service in described(package):
        whole_one, cut_one = (client(service, folder, region, answer_of(200, b""), []) for folder in (WHOLE, data))
        assert whole_one.meta.endpoint_url == cut_one.meta.endpoint_url
        assert whole_one.meta.partition == cut_one.meta.partition


def plain(request: Any) -> tuple[str, str, bytes, Mapping[str, object]]:
    body = request.body.read() if hasattr(request.body, "read") else request.body
    return request.method, request.url, body, plain_headers(request)


def plain_headers(request: Any) -> Mapping[str, object]:
    """Without what differs from one moment to the next."""
    moving = {"x-amz-date", "authorization", "amz-sdk-invocation-id", "amz-sdk-request", "user-agent"}
    return {name.lower(): value for name, value in request.headers.items() if name.lower() not in moving}


def test_errors_tell_as_much_as_with_all_of_botocore(cut: Path) -> None:
    reasons = [{"Code": "ConditionalCheckFailed", "Message": "no"}, {"Code": "None"}]
    name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    body = json.dumps({"__type": name, "Message": "cancelled", "CancellationReasons": reasons}).encode()
    told = []
    for folder in (WHOLE, cut):
        with pytest.raises(ClientError) as caught:
            CALLS["write"][1](client("dynamodb", folder, "us-east-1", answer_of(400, body), []))
        told.append((caught.value.response["Error"], caught.value.response["CancellationReasons"]))
    assert told[0] == told[1]
    assert told[1][1] == reasons


def test_the_help_that_is_left_out_is_all_that_other_modules_import_of_it(tmp_path: Path) -> None:
    text = "".join(path.read_text() for path in BOTOCORE.glob("*.py"))
    wanted = {
        word
        for words in re.findall(r"from botocore\.docs\.docstring import ([\w, ]+)", text)
        for word in words.split(", ")
    }
    (tmp_path / "botocore" / "docs").mkdir(parents=True)
    for each in ("__init__.py", "docstring.py"):
        (tmp_path / "botocore" / "docs" / each).touch()
    leave_out(tmp_path)
    spec = importlib.util.spec_from_file_location("short", tmp_path / "botocore" / "docs" / "docstring.py")
    assert spec is not None
    assert spec.loader is not None
    short = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(short)
    assert {"ClientMethodDocstring", "WaiterDocstring"} <= wanted
    assert {getattr(short, each)("GetItem", operation=None) for each in wanted} == {""}


HOSTS = [
    "s3.eu-central-1.amazonaws.com",
    "bucket.s3.amazonaws.com:443",
    "127.0.0.1:4566",
    "999.1.1.1",
    "UPPER.example:0080",
    "a:65536",
    "a:",
    "a%41b",
    "a%zz",
    "user@a:1",
    "[::1]",
    "[2001:db8::1]:443",
    "[fe80::1%25eth0]:80",
    "[fe80::1%eth0]",
    "[2001:db8:0:0:0:0:0:1]",
    "[::1",
    "::1",
    "fe80::1%eth0",
    "2001:db8::1.2.3.4",
    "a]b",
    "[a]",
    "",
]


def test_urls_are_read_as_by_all_of_urllib3() -> None:
    """Patterns of IPv6 are compiled for the first text that could match one."""
    package = Packager("host", b"[]").package("capture_ingest")
    told = [run_alone(_ADDRESSES, folder, *HOSTS) for folder in (Path(urllib3.__file__).parent.parent, package)]
    assert told[0] == told[1]
    assert told[1].count(" True\n") == 4


_ADDRESSES = """
import sys
from urllib3.exceptions import LocationParseError
from urllib3.util.ssl_ import is_ipaddress
from urllib3.util.url import parse_url

for each in sys.argv[1:]:
    try:
        print(each, parse_url(f"https://{each}/a?b"), is_ipaddress(each))
    except LocationParseError as error:
        print(each, error, is_ipaddress(each))
"""
_IS_LEFT_OUT = re.compile(
    r"msgspec\.(?:inspect|json\.schema)|get_correlation_id|correlation_id_path"
    r"|numpy\.(?:_typing|random)\b|numpy\.typing import (?!NDArray$)"
    r"|np\.random\.(?!default_rng\b|Generator\b|PCG64\b)\w+",
    re.MULTILINE,
)


@pytest.mark.parametrize("name", sorted(FUNCTION_SETTINGS))
def test_no_function_needs_what_is_left_out(name: str) -> None:
    """Nothing but the schemas of events, which are written for the documentation."""
    files = [each for each in Packager("host", b"[]").closure(name).files if each[0] != "trueup/events.py"]
    found = {place: _IS_LEFT_OUT.findall(path.read_text()) for place, path in files}
    assert {place: each for place, each in found.items() if each} == {}


def test_numbers_are_drawn_as_by_all_of_numpy() -> None:
    package = Packager("host", b"[]").package("capture_ingest")
    told = [run_alone(_DRAWS, folder) for folder in (Path(numpy.__file__).parent.parent, package)]
    assert told[0] == told[1]


_DRAWS = """
import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
rng = np.random.default_rng(7)
print(rng.random(3), rng.integers(0, 9, 4), rng.permutation(5), rng.choice(9, 3), np.random.PCG64(3).random_raw(2))
print(isinstance(rng, np.random.Generator), np.random.default_rng(rng) is rng, Places.__origin__)
"""


def run_alone(code: str, folder: Path, *arguments: str) -> str:
    """What a process says that sees this folder and the standard library."""
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    command = [sys.executable, "-S", "-P", "-c", code, *arguments]
    return subprocess.run(command, env=clean, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "changed", ["nothing", "_HOST_PORT_RE = re.compile(_HOST_PORT_PAT, re.UNICODE | re.DOTALL)\n" * 2]
)
def test_lines_that_are_written_otherwise_are_noticed(changed: str, tmp_path: Path) -> None:
    for place in ("http2/__init__.py", "util/url.py"):
        (tmp_path / "urllib3" / place).parent.mkdir(parents=True)
        (tmp_path / "urllib3" / place).write_text(changed)
    with pytest.raises(ConfigurationError, match=r"urllib3/util/url\.py"):
        leave_out(tmp_path)


def test_what_stands_behind_a_link_is_left_alone(tmp_path: Path) -> None:
    for each in ("cache", "package/botocore/docs"):
        (tmp_path / each).mkdir(parents=True)
    (tmp_path / "cache" / "__init__.py").write_text("whole")
    (tmp_path / "package" / "botocore" / "docs" / "docstring.py").touch()
    written = tmp_path / "package" / "botocore" / "docs" / "__init__.py"
    os.link(tmp_path / "cache" / "__init__.py", written)
    leave_out(tmp_path / "package")
    assert (written.read_text(), (tmp_path / "cache" / "__init__.py").read_text()) == ("", "whole")


def test_a_library_that_is_put_together_otherwise_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "urllib3").mkdir()
    with pytest.raises(ConfigurationError, match="urllib3/http2"):
        leave_out(tmp_path)


def test_byte_code_is_there_and_never_checked_against_its_source() -> None:
    folder = Packager("host", b"[]").package("event_publish")
    sources = list(folder.rglob("*.py"))
    assert len(sources) > 100
    for each in sources:
        cached = Path(importlib.util.cache_from_source(str(each)))
        assert cached.read_bytes()[4:8] == b"\x01\x00\x00\x00", each


def test_byte_code_for_lambda_is_made_by_an_interpreter_of_its_version() -> None:
    found = Packager("lambda", b"[]").interpreter
    if found is None:
        pytest.skip("uv knows no Python of Lambda's version here")
    version = subprocess.run([found, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, check=True)
    assert version.stdout.strip() == b"(3, 14)"


def test_an_archive_is_the_package_and_the_latest_are_kept(tmp_path: Path) -> None:
    made = []
    for number in [0, 1, 2, 3, 4, 5, 0, 6, 7]:
        packager = Packager("host", b"[%d]" % number, archives=tmp_path)
        folder, archive = packager.package("event_publish"), packager.archive("event_publish")
        made.append(archive)
    assert set(tmp_path.iterdir()) == {made[0], *made[3:]}
    with zipfile.ZipFile(archive) as read:
        names = read.namelist()
        assert names == sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())
        assert all(read.read(each) == (folder / each).read_bytes() for each in names)


def test_an_archive_depends_on_content_and_modes_alone(tmp_path: Path) -> None:
    for name, age in (("one", 1_000_000_000), ("other", 1_700_000_000)):
        (tmp_path / name / "deep").mkdir(parents=True)
        for each, mode in (("deep/program", 0o755), ("a.py", 0o600 if age > 1_500_000_000 else 0o644)):
            path = tmp_path / name / each
            path.write_text(each)
            path.chmod(mode)
            os.utime(path, (age, age))
        ArchiveWriter().write(tmp_path / name, tmp_path / f"{name}.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as read:
        modes = [(each.filename, oct(each.external_attr >> 16)) for each in read.infolist()]
    assert modes == [("a.py", "0o100644"), ("deep/program", "0o100755")]


@pytest.mark.parametrize("name", sorted(FUNCTION_SETTINGS))
def test_a_package_holds_what_its_handler_imports(name: str, tmp_path: Path) -> None:
    """Nothing is lent by this environment, and nothing by Lambda's."""
    code = f"import functions.{name}.handler as h; assert callable(h.handler)"
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Packager("host", b"[]").package(name))}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
