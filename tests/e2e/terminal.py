"""The command line as an operator types it, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def trueup(*words: str, code: int = 0) -> str:
    """What the command says on stdout. Raises AssertionError when it ends with another code."""
    command = [sys.executable, "-m", "trueup.cli.app", "--stage", "e2e", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def trueup_json(*words: str, code: int = 0) -> Any:
    return json.loads(trueup(*words, "--json", code=code))
