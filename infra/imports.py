"""Which files and packages a function needs: the closure of its imports, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OUR_PACKAGES = ("trueup", "functions")


@dataclass(frozen=True)
class Closure:
    """`files` are (path in the package, path on disk), `packages` top-level third-party import names."""

    files: tuple[tuple[str, Path], ...]
    packages: tuple[str, ...]


def closure_of(entry: Path, module: str, roots: dict[str, Path], standard: frozenset[str]) -> Closure:
    """Follow imports from `entry`, which is `module`. `roots` maps our top packages to their folders.

    Imports inside functions count as well. Raises ModuleNotFoundError for one of ours that has no file.
    """
    files: dict[str, Path] = {}
    packages: set[str] = set()
    waiting = [(module, entry)]
    while waiting:
        name, path = waiting.pop()
        if name in files:
            continue
        files[name] = path
        for wanted in [*_parents(name), *_imports(path, path.stat().st_mtime_ns)]:
            top = wanted.partition(".")[0]
            if top in roots:
                waiting += _ours(wanted, roots)
            elif top not in standard:
                packages.add(top)
    placed = sorted((_place(name, path), path) for name, path in files.items())
    return Closure(files=tuple(placed), packages=tuple(sorted(packages)))


@cache
def _imports(path: Path, _changed_at: int) -> tuple[str, ...]:
    """Read once, though most functions need most files."""
    return tuple(_named(ast.parse(path.read_text(), str(path))))


def _named(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _parents(name: str) -> Iterable[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _ours(name: str, roots: dict[str, Path]) -> list[tuple[str, Path]]:
    """The module's file; a name that is an attribute of a module has none."""
    top, _, rest = name.partition(".")
    base = roots[top].joinpath(*rest.split(".")) if rest else roots[top]
    if base.with_suffix(".py").is_file() and rest:
        return [(name, base.with_suffix(".py"))]
    if (base / "__init__.py").is_file():
        return [(name, base / "__init__.py")]
    parent = name.rpartition(".")[0]
    if parent and (_is_module(parent, roots)):
        return []
    raise ModuleNotFoundError(f"no file for {name}", name=name)


def _is_module(name: str, roots: dict[str, Path]) -> bool:
    top, _, rest = name.partition(".")
    base = roots[top].joinpath(*rest.split(".")) if rest else roots[top]
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


def _place(name: str, path: Path) -> str:
    folder = name.replace(".", "/")
    return f"{folder}/__init__.py" if path.name == "__init__.py" else f"{folder}.py"
