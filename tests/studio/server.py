"""Installs, starts and stops Label Studio in an environment of its own: its packages are not ours to share.

Installing takes minutes, in which others deploy an AWS, so it is done beside them. A fresh database takes most of a
minute to make, so the first one is kept beside the environment and copied.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tests.studio.people import ADDRESS, PASSWORD, TOKEN, Studio

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
DATABASE = "label_studio.sqlite3"
_UP_SECONDS = 240


class Server:
    """Has an address at once and is up some time later. `environment` goes before ours."""

    def __init__(self, folder: Path, cache: Path, environment: Mapping[str, str] | None = None) -> None:
        self._home = cache / f"label-studio-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"
        self._folder, self._made = folder, self._home / DATABASE
        folder.mkdir(parents=True, exist_ok=True)
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        # As it is now: who starts an AWS changes that of this process, and a child must not inherit half of it.
        self._environment = {**_environment(folder), **(environment or {})}
        self._process = ThreadPoolExecutor(1).submit(self._started)

    def _started(self) -> subprocess.Popen[bytes]:
        command = _installed(self._home, self._environment)
        if self._made.is_file():
            shutil.copy(self._made, self._folder / DATABASE)
        listen = ["--no-browser", "--internal-host", "127.0.0.1", "--port", str(self._port), "--host", self.url]
        with (self._folder / "label-studio.log").open("wb") as log:
            return subprocess.Popen(
                [command, "start", *listen], env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )

    def up(self) -> Studio:
        """As its administrator sees it. Raises RuntimeError when it ended, or takes minutes."""
        _wait(self.url, self._process.result(), self._folder / "label-studio.log")
        with closing(sqlite3.connect(self._folder / DATABASE, timeout=30)) as database:
            # Who reads keeps nobody from writing then: SQLite would tell them that it is locked.
            database.execute("PRAGMA journal_mode = WAL")
        if not self._made.is_file():
            _keep(self._folder / DATABASE, self._made)
        return Studio(self.url)

    def down(self) -> None:
        process = self._process.result()
        process.terminate()
        process.wait(30)


def _installed(home: Path, environment: Mapping[str, str]) -> Path:
    command = home / "bin" / "label-studio"
    if not (home / "complete").is_file():
        shutil.rmtree(home, ignore_errors=True)
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv") or "uv"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(home)], check=True, env=environment)
        install = [uv, "pip", "install", "--quiet", "--python", str(home / "bin" / "python")]
        subprocess.run([*install, "--requirement", str(REQUIREMENTS)], check=True, env=environment)
        (home / "complete").touch()
    return command


def _environment(folder: Path) -> dict[str, str]:
    """Nothing is sent anywhere, and webhooks to this machine are allowed."""
    return {
        **os.environ,
        "DJANGO_DB": "sqlite",
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "SSRF_PROTECTION_ENABLED": "false",
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_USERNAME": ADDRESS,
        "LABEL_STUDIO_PASSWORD": PASSWORD,
        "LABEL_STUDIO_USER_TOKEN": TOKEN,
    }


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _UP_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{url}/health/", timeout=5).read()
        except (OSError, urllib.error.URLError):
            time.sleep(0.5)
        else:
            return
    raise RuntimeError(f"Label Studio did not come up: {log.read_text(errors='replace')[-2000:]}")


def _keep(database: Path, made: Path) -> None:
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(made.with_suffix(".new"))) as target:
        source.backup(target)
    made.with_suffix(".new").rename(made)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
