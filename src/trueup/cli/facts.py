"""What this machine offers, asked of its programs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from trueup.usecases.diagnose import MachineFacts

_SECONDS = 10


def machine_facts() -> MachineFacts:
    node, uv = _version_text("node"), _version_text("uv")
    return MachineFacts(
        python=tuple(sys.version_info[:3]),
        node=_numbers(node) if node else None,
        uv=uv.removeprefix("uv ").split(" ")[0] if uv else None,
        free_bytes=shutil.disk_usage(Path.cwd()).free,
    )


def _version_text(program: str) -> str | None:
    """What `program --version` answers, the one beside this interpreter first; None when it is not installed or does
    not answer."""
    path = shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)
    if path is None:
        return None
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", text)[:3])
