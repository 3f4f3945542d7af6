"""Whether another process lives, and how to end with it. Standard library only: the launcher uses it too."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_POLL = 0.5


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet waited for does not."""
    if pid <= 0:
        return False
    with suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return "Z" not in _state_of(pid)


def runs(pid: int, module: str) -> bool:
    """Whether a process lives and runs that module of ours: the system gives ids of ended processes to others."""
    if not alive(pid):
        return False
    try:
        return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True


def follow(pid: int, end: Callable[[], None]) -> None:
    """Call `end` soon after another process ended, however it did."""

    def watch() -> None:
        while alive(pid):
            time.sleep(_POLL)
        end()

    threading.Thread(target=watch, daemon=True, name=f"follows-{pid}").start()


def _state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()[0]
    except (OSError, IndexError):
        return ""
