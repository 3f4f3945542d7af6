"""What the stand-in needs of its surroundings: settings, clients of the embedded AWS, events, subprocesses."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import boto3
from botocore.config import Config

ACCOUNT = "000000000000"
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


@dataclass(frozen=True)
class Settings:
    """`python` runs training, evaluation and serving; `wait_scale` shortens the waits of deployments;
    `training_instances` is the quota of running training jobs of one instance type."""

    endpoint_url: str
    region: str
    state: Path
    python: str
    serving_script: Path
    capture_seconds: float = 2.0
    training_instances: int = 20
    wait_scale: float = 0.01


class World:
    """One per launcher. `emit` puts an event on the default bus as AWS does, `measure` adds a value to a metric of
    namespace AWS/SageMaker (name, value, dimensions)."""

    def __init__(
        self,
        settings: Settings,
        emit: Callable[[str, dict[str, Any], str], None],
        measure: Callable[[str, float, dict[str, str]], None],
    ) -> None:
        self.settings = settings
        self.emit = emit
        self.measure = measure
        self._local = threading.local()
        self.children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        # The kernel sends the death signal when the *thread* that started a child ends: this one never does.
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")

    def client(self, service: str) -> Any:
        """A client of this thread: boto3's are shared safely, their creation is not."""
        made = self._local.__dict__.setdefault("made", {})
        if service not in made:
            made[service] = boto3.session.Session(
                aws_access_key_id="test",
                aws_secret_access_key="test",  # noqa: S106 - the emulator's
                region_name=self.settings.region,
            ).client(
                service,
                endpoint_url=self.settings.endpoint_url,
                config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3}),
            )
        return made[service]

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{self.settings.region}:{ACCOUNT}:{kind}/{name}"

    def spawn(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """A subprocess in a group of its own that dies with this process, however that ends."""
        child = self._spawner.submit(_popen, command, options).result()
        with self._lock:
            self.children = {each for each in self.children if each.poll() is None} | {child}
        return child

    def stop(self, child: subprocess.Popen[bytes], grace: float = 3.0) -> None:
        """End a subprocess and what it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if child.poll() is not None:
                return
            try:
                os.killpg(child.pid, number)
            except ProcessLookupError:
                return
            try:
                child.wait(grace)
            except subprocess.TimeoutExpired:
                continue

    def stop_all(self) -> None:
        for each in list(self.children):
            self.stop(each, grace=1.0)

    def await_aws(self, seconds: float = 60.0) -> None:
        """Wait until the embedded AWS answers: what resumes with the launcher is there before its S3 is."""
        deadline = time.monotonic() + seconds
        address = urlparse(self.settings.endpoint_url)
        while time.monotonic() < deadline:
            try:
                socket.create_connection((address.hostname, address.port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return

    def background(self, work: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        return thread

    def download(self, uri: str, target: Path) -> None:
        """One object. Raises botocore's ClientError when it is missing."""
        bucket, key = split_uri(uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.client("s3").download_file(bucket, key, str(target))

    def upload(self, source: Path, uri: str) -> None:
        bucket, key = split_uri(uri)
        self.client("s3").upload_file(str(source), bucket, key)

    def put(self, uri: str, data: bytes) -> None:
        bucket, key = split_uri(uri)
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=data)

    def get(self, uri: str) -> bytes:
        bucket, key = split_uri(uri)
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def keys(self, uri: str) -> list[str]:
        bucket, prefix = split_uri(uri)
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def fetch(self, source: dict[str, Any], target: Path) -> int:
        """The objects of an S3DataSource into a folder; returns how many. Raises ValueError for none."""
        target.mkdir(parents=True, exist_ok=True)
        uri, kind = source["S3Uri"], source.get("S3DataType", "S3Prefix")
        if kind == "ManifestFile":
            return self._fetch_manifest(uri, target)
        if kind != "S3Prefix":
            raise ValueError(f"the SageMaker stand-in reads S3Prefix and ManifestFile, not {kind}")
        bucket, prefix = split_uri(uri)
        # Keys that end in a slash are the folders that consoles draw.
        keys = [each for each in self.keys(uri) if not each.endswith("/")]
        for key in keys:
            self.download(f"s3://{bucket}/{key}", target / (key[len(prefix) :].lstrip("/") or key.rsplit("/", 1)[-1]))
        if not keys:
            raise ValueError(f"No S3 objects found under S3 URL {uri!r}")
        return len(keys)

    def _fetch_manifest(self, uri: str, target: Path) -> int:
        first, *names = json.loads(self.get(uri))
        for name in names:
            self.download(f"{first['prefix']}{name}", target / name)
        return len(names)


def split_uri(uri: str) -> tuple[str, str]:
    parsed = urlparse(uri)
    return parsed.netloc, parsed.path.lstrip("/")


def _popen(command: list[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, start_new_session=True, preexec_fn=_die_with_parent, **options)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
