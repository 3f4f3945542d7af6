"""What the synthesized app was made of, so that resuming an unchanged one needs no new synthesis."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_FOLDERS = ("functions", "infra", "scripts/sagemaker", "src", "web/dist")
_FILES = ("cdk.json", "package-lock.json", "uv.lock")


def fingerprint(root: Path, config: Path | None, arguments: Sequence[str]) -> str:
    """Changes with every file and argument that the synthesis reads, and with the interpreter."""
    digest = hashlib.sha256("\0".join([sys.version, *arguments]).encode())
    for path in [*_sources(root), *([config] if config else [])]:
        digest.update(str(path).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(assembly: Path, expected: str) -> bool:
    made_of = _stamp(assembly)
    return (assembly / "manifest.json").is_file() and made_of.is_file() and made_of.read_text() == expected


def remember(assembly: Path, made_of: str) -> None:
    _stamp(assembly).write_text(made_of)


def _stamp(assembly: Path) -> Path:
    return assembly.with_name(f"{assembly.name}.sha256")


def _sources(root: Path) -> Iterator[Path]:
    yield from (root / each for each in _FILES if (root / each).is_file())
    for folder in _FOLDERS:
        files = (each for each in (root / folder).rglob("*") if each.is_file() and each.parent.name != "__pycache__")
        yield from sorted(files)
