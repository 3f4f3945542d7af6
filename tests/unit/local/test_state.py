"""What survives the embedded AWS's end: its checkpoints, the stand-in's records, the synthesized app."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.local_world import until
from trueup.local import assembly
from trueup.local.launcher.blobs import LARGE, Blobs
from trueup.local.launcher.checkpoints import Checkpoints, encoder
from trueup.local.launcher.sagemaker.store import Store
from trueup.local.processes import alive, follow, runs


def checkpoints(folder: Path, states: dict[str, Any], settled: bool = True) -> Checkpoints:
    return Checkpoints(
        folder,
        lambda: {name: lambda value=value: value for name, value in states.items()},
        encoder(lambda _: 1, str),
        lambda: settled,
    )


def test_a_checkpoint_writes_what_changed(tmp_path: Path) -> None:
    states: dict[str, Any] = {"sqs": {"queue": 1}, "s3": None, "sns": {"at": Path("a")}}
    kept = checkpoints(tmp_path, states)
    assert kept.save() == ["sqs", "sns"]
    assert json.loads((tmp_path / "sqs.json").read_text()) == {"__ministack_format__": 1, "payload": {"queue": 1}}
    assert kept.save() == []
    states["sqs"] = {"queue": 2}
    assert kept.save() == ["sqs"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["sns.json", "sqs.json"]


def test_nothing_is_written_in_the_middle_of_a_deployment(tmp_path: Path) -> None:
    assert checkpoints(tmp_path, {"sqs": {}}, settled=False).save() == []


def test_a_service_at_work_waits_for_the_next_round(tmp_path: Path) -> None:
    def changing() -> Any:
        raise RuntimeError("dictionary changed size during iteration")

    kept = Checkpoints(tmp_path, lambda: {"a": changing, "b": dict}, encoder(lambda _: 1, str), lambda: True)
    assert kept.save() == ["b"]


def test_checkpoints_come_by_themselves(tmp_path: Path) -> None:
    checkpoints(tmp_path, {"sqs": {}}).start(0.02)
    until(lambda: (tmp_path / "sqs.json").is_file())


def test_large_bytes_of_a_state_lie_beside_it_once(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs", lambda value: {"__bytes__": value.hex()}, lambda found: found)
    large = bytes(LARGE)
    for state in ({"zip": large, "small": b"a"}, {"zip": bytes(LARGE), "more": {"zip": large}}):
        text = json.dumps(state, default=blobs.encode)
        assert len(text) < 1000
    assert [each.read_bytes() for each in (tmp_path / "blobs").iterdir()] == [large]
    assert json.loads(text, object_hook=blobs.decode) == {"zip": large, "more": {"zip": large}}
    assert json.loads('{"__bytes__": "61"}', object_hook=blobs.decode) == {"__bytes__": "61"}


def test_a_record_is_on_disk_and_nobody_elses_to_change(tmp_path: Path) -> None:
    store = Store(tmp_path / "records.json")
    assert store.add("model", "a", {"steps": [1]})
    assert not store.add("model", "a", {})
    (store.get("model", "a") or {})["steps"].append(2)
    store.all("model")[0]["steps"].append(3)
    assert Store(tmp_path / "records.json").get("model", "a") == {"steps": [1]}
    store.update("model", "a", size=7, colour="red")
    assert store.update("model", "a", colour=None) == {"steps": [1], "size": 7}
    store.delete("model", "b")
    assert Store(tmp_path / "records.json").all("model") == [{"steps": [1], "size": 7}]


def test_the_app_is_synthesized_again_when_a_source_changed(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    source, config = tmp_path / "infra" / "app.py", tmp_path / "config.json"
    source.write_text("1")
    config.write_text("{}")
    out = tmp_path / "cdk.out"
    out.mkdir()
    (out / "manifest.json").write_text("{}")
    first = assembly.fingerprint(tmp_path, config, ["synth"])
    assert not assembly.is_current(out, first)
    assembly.remember(out, first)
    assert assembly.is_current(out, assembly.fingerprint(tmp_path, config, ["synth"]))
    assert not assembly.is_current(out, assembly.fingerprint(tmp_path, config, ["synth", "-c", "a=b"]))
    source.write_text("2")
    assert not assembly.is_current(out, assembly.fingerprint(tmp_path, config, ["synth"]))


@pytest.mark.slow
def test_a_process_is_followed_to_its_end() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    ended = threading.Event()
    follow(child.pid, ended.set)
    assert alive(child.pid)
    assert not ended.is_set()
    assert not runs(child.pid, "trueup.local.launcher")
    assert runs(child.pid, "-c")
    child.kill()
    assert ended.wait(5)
    assert not alive(child.pid)
    assert alive(os.getpid())
    assert not alive(0)
