"""What the embedded AWS needs installed: ministack in an environment of its own, and the CDK CLI."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from trueup.errors import ConfigurationError, ServiceError

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
Say = Callable[[str], None]


def ministack_python(state: Path, say: Say) -> Path:
    """ministack's interpreter, installed on first use. It pins its own botocore, so it cannot share ours; it runs
    the functions, so it is of our Python version. Raises ConfigurationError without uv, ServiceError when the
    installation fails."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + version.encode()).hexdigest()[:12]
    folder = state.parent / ".cache" / f"ministack-{digest}"
    python = folder / "bin" / "python"
    if (folder / "complete").is_file():
        return python
    say(f"installing ministack into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    uv = _uv()
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
    _run([uv, "pip", "install", "--quiet", "--python", str(python), "--requirement", str(REQUIREMENTS)])
    (folder / "complete").touch()
    return python


def cdk_command(root: Path, say: Say) -> list[str]:
    """The CDK CLI of package-lock.json, installed on first use. Raises ConfigurationError without npm."""
    cdk = root / "node_modules" / ".bin" / "cdk"
    if not cdk.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise ConfigurationError("npm is not installed: install Node.js 20 or newer")
        say("installing the CDK CLI and the web packages (npm ci)")
        _run([npm, "ci", "--silent", "--no-fund", "--no-audit"], root)
    return [str(cdk)]


def _uv() -> str:
    """The one of uv.lock, beside this interpreter, or else one that is on the path."""
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found is None:
        raise ConfigurationError("uv is not installed: run uv sync --all-groups")
    return found


def _run(command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServiceError(f"{' '.join(command[:4])} … failed: {(done.stderr or done.stdout).strip()[-800:]}")
