"""The surroundings of the SageMaker stand-in without an embedded AWS: objects in memory, real subprocesses."""

from __future__ import annotations

import io
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from trueup.local import serving
from trueup.local.launcher.sagemaker.service import SageMaker
from trueup.local.launcher.sagemaker.store import Store
from trueup.local.launcher.sagemaker.world import Settings, World

ROLE = "arn:aws:iam::000000000000:role/sagemaker"
_LONG = 3600.0


class InMemoryWorld(World):
    """`objects` by URI; `events` as (detail type, detail); `alarms` by name with their state;
    `metrics` by name and values of dimensions."""

    def __init__(self, state: Path, **changes: Any) -> None:
        settings: dict[str, Any] = {
            "endpoint_url": "http://127.0.0.1:9",
            "region": "us-east-1",
            "state": state,
            "python": sys.executable,
            "serving_script": Path(serving.__file__),
            "capture_seconds": _LONG,
            "wait_scale": 1.0,
        }
        super().__init__(Settings(**{**settings, **changes}), self._record, self._count)
        self.objects: dict[str, bytes] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.alarms: dict[str, str] = {}
        self.metrics: Counter[tuple[str, ...]] = Counter()
        self.writable = True

    def _record(self, detail_type: str, detail: dict[str, Any], _arn: str) -> None:
        self.events.append((detail_type, detail))

    def _count(self, metric: str, value: float, dimensions: dict[str, str]) -> None:
        self.metrics[(metric, *dimensions.values())] += int(value)

    def await_aws(self, seconds: float = 0) -> None:
        """There is nothing to wait for."""

    def client(self, service: str) -> Any:
        """CloudWatch's only: what else is asked for is overridden here."""
        if service != "cloudwatch":
            raise AssertionError(f"a test reached for {service}")
        return self

    def describe_alarms(self, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's word
        found = [{"AlarmName": each, "StateValue": self.alarms[each]} for each in AlarmNames if each in self.alarms]
        return {"MetricAlarms": found}

    def put(self, uri: str, data: bytes) -> None:
        if not self.writable:
            raise OSError("the bucket is away")
        self.objects[uri] = data

    def get(self, uri: str) -> bytes:
        if uri not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": f"{uri} does not exist"}}, "GetObject")
        return self.objects[uri]

    def keys(self, uri: str) -> list[str]:
        return sorted(each.split("/", 3)[3] for each in self.objects if each.startswith(uri))

    def download(self, uri: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.get(uri))

    def upload(self, source: Path, uri: str) -> None:
        self.put(uri, source.read_bytes())

    def told(self, detail_type: str, field: str) -> list[Any]:
        """That field of each event of a type, in order, repeats left out."""
        values = [detail.get(field) for kind, detail in self.events if kind == detail_type]
        return [each for number, each in enumerate(values) if number == 0 or values[number - 1] != each]


def stand_in(world: World) -> SageMaker:
    return SageMaker(world, Store(world.settings.state / "sagemaker.json"))


def archive(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as bundle:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            bundle.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def until(found: Callable[[], Any], seconds: float = 10) -> Any:
    """What `found` returns once it is true. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not so after {seconds} s")
