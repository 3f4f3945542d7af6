"""Lambda packages without Docker: our files that a handler imports, and wheels of what they import.

Wheels come from uv, for arm64 Linux and the deployed runtime, or for this machine's interpreter when the
deployment is for the embedded AWS. Versions are those of uv.lock, botocore's too: of what it knows of AWS, a package
holds what its function asks for (infra/descriptions.py). A package is made once per content.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Literal

from infra.archives import ArchiveWriter
from infra.descriptions import wanted_by, write_descriptions
from infra.imports import Closure, closure_of
from infra.left_out import leave_out
from trueup.errors import ConfigurationError, ServiceError

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "packages"
ARCHIVES = CACHE / "archives"
PYTHON_VERSION = "3.14"
# Both say what is in a wheel's folder.
_RECIPE = (ROOT / "uv.lock", ROOT / "infra" / "left_out.py")
_PLATFORM = "aarch64-manylinux_2_28"
# Import name to distribution name, where they differ.
_DISTRIBUTIONS = {"aws_lambda_powertools": "aws-lambda-powertools"}
_DESCRIPTIONS = Path("botocore") / "data"
# Of AWS's choice of version, with byte code.
_IN_THE_RUNTIME = frozenset({"boto3", "botocore", "s3transfer"})
# What only exports and imports on an operator's machine are written and read with.
_OPERATORS = frozenset({"pyarrow", "yaml"})
# A function has one for each configuration that is deployed from here.
_KEPT = 6
_NOT_SHIPPED = ("__pycache__", "*.dist-info", "tests", "bin", "*.pyi", "_pyinstaller", "f2py", "distutils")

Wheels = Literal["lambda", "host"]


class Packager:
    """Makes one folder per function, and the zip of it. `projects` is the projects document."""

    def __init__(
        self, wheels: Wheels, projects: bytes, functions: Path = ROOT / "functions", archives: Path = ARCHIVES
    ) -> None:
        self._wheels = wheels
        self._archives = archives
        self._writer = ArchiveWriter()
        self._projects = projects
        self._functions = functions
        self._roots = {"trueup": ROOT / "src" / "trueup", "functions": functions}

    def package(self, function: str) -> Path:
        """The folder of a function's package. Raises ConfigurationError when its handler or uv is missing,
        ServiceError when the wheels cannot be had."""
        closure = self.closure(function)
        digest = self._digest(closure)
        target = CACHE / f"{function}-{digest}"
        if not target.is_dir():
            self._build(closure, target)
        return target

    def archive(self, function: str) -> Path:
        """The package as a zip. Raises as `package`. Of a function those that were asked for last are kept."""
        folder = self.package(function)
        target = self._archives / f"{folder.name}.zip"
        if target.is_file():
            os.utime(target)
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        making = target.with_name(f"{target.name}.{os.getpid()}")
        self._writer.write(folder, making)
        making.replace(target)
        _forget_old(self._archives.glob(f"{function}-*.zip"))
        return target

    def closure(self, function: str) -> Closure:
        entry = self._functions / function / "handler.py"
        if not entry.is_file():
            raise ConfigurationError(f"function {function} has no handler: {entry.relative_to(ROOT)} is missing")
        return closure_of(entry, f"functions.{function}.handler", self._roots, frozenset(sys.stdlib_module_names))

    def bundled(self, closure: Closure) -> tuple[str, ...]:
        """Without byte code the runtime's own botocore, which has some, is the quicker one."""
        own = self.interpreter is not None
        wanted = [each for each in closure.packages if each not in _OPERATORS]
        return tuple(each for each in wanted if own or each not in _IN_THE_RUNTIME)

    @cached_property
    def interpreter(self) -> Path | None:
        """One that makes byte code for where the package runs: any of the same minor version does. None where uv knows
        none, and a package holds no byte code."""
        if self._wheels == "host":
            return Path(sys.executable)
        command = [_uv(), "python", "find", "--no-project", "--no-python-downloads", PYTHON_VERSION]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        return Path(done.stdout.strip()) if done.returncode == 0 else None

    def _digest(self, closure: Closure) -> str:
        compiled = self.interpreter is not None
        digest = hashlib.sha256(f"{self._wheels}:{PYTHON_VERSION}:{sys.version_info[:2]}:{compiled}:5".encode())
        for place, path in closure.files:
            digest.update(place.encode() + b"\0" + path.read_bytes())
        digest.update("|".join(closure.packages).encode() + self._projects + _recipe())
        return digest.hexdigest()[:16]

    def _build(self, closure: Closure, target: Path) -> None:
        making = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for package in self.bundled(closure):
            # Nothing writes into either of the two afterwards.
            shutil.copytree(
                self._wheel_folder([package]), making, dirs_exist_ok=True, ignore=_apart, copy_function=_link
            )
        for place, path in closure.files:
            (making / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, making / place)
        (making / "projects.json").write_bytes(self._projects)
        if "botocore" in self.bundled(closure):
            source = self._wheel_folder(["botocore"]) / _DESCRIPTIONS
            write_descriptions(source, making / _DESCRIPTIONS, wanted_by(path for _, path in closure.files))
        if self.interpreter is not None:
            _compile(making, sorted({place.partition("/")[0] for place, _ in closure.files}), self.interpreter)
        _swap(making, target)

    def _wheel_folder(self, packages: Sequence[str]) -> Path:
        """Wheels of a distribution and what it needs, made ready once per recipe: what no package needs is gone, and
        byte code is there."""
        recipe = hashlib.sha256(_recipe()).hexdigest()[:12]
        host = f"host-{sys.version_info[0]}.{sys.version_info[1]}"
        tag = f"{_PLATFORM}-{PYTHON_VERSION}" if self._wheels == "lambda" else host
        ready = "compiled" if self.interpreter is not None else "plain"
        folder = CACHE / "wheels" / f"{'-'.join(packages)}-{tag}-{recipe}-{ready}"
        if folder.is_dir():
            return folder
        making = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        names = [_DISTRIBUTIONS.get(each, each) for each in packages]
        command = [_uv(), "pip", "install", "--quiet", "--target", str(making), "--only-binary", ":all:"]
        command += ["--constraint", str(_constraints()), *self._platform_options(), *names]
        _run(command)
        for each in [found for pattern in _NOT_SHIPPED for found in making.rglob(pattern)]:
            shutil.rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)
        leave_out(making)
        if self.interpreter is not None:
            _compile(making, ["."], self.interpreter)
        _swap(making, folder)
        return folder

    def _platform_options(self) -> list[str]:
        if self._wheels == "host":
            return ["--python", sys.executable]
        return ["--python-platform", _PLATFORM, "--python-version", PYTHON_VERSION]


def source_bundle(folder: Path) -> tuple[Path, str]:
    """scripts/sagemaker as it is put on S3: the files and their sourcedir.tar.gz, and the digest that names them."""
    files = sorted(each for each in folder.iterdir() if each.suffix in (".py", ".txt"))
    digest = hashlib.sha256()
    for each in files:
        digest.update(each.name.encode() + b"\0" + each.read_bytes())
    name = digest.hexdigest()[:16]
    target = CACHE / f"sagemaker-{name}"
    if not target.is_dir():
        making = target.with_name(f"{target.name}.{os.getpid()}")
        inner = making / "code" / name
        inner.mkdir(parents=True, exist_ok=True)
        for each in files:
            shutil.copyfile(each, inner / each.name)
        (inner / "sourcedir.tar.gz").write_bytes(_tar(files))
        _swap(making, target)
    return target, name


def _tar(files: Iterable[Path]) -> bytes:
    """A gzip tar whose bytes depend on the files' content alone."""
    plain = BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for each in files:
            info = tarfile.TarInfo(each.name)
            info.size, info.mode = each.stat().st_size, 0o644
            archive.addfile(info, BytesIO(each.read_bytes()))
    return gzip.compress(plain.getvalue(), mtime=0)


def _uv() -> str:
    """The one of uv.lock, beside this interpreter, or else one that is on the path."""
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found is None:
        raise ConfigurationError("uv is not installed: run uv sync --all-groups")
    return found


def _forget_old(archives: Iterable[Path]) -> None:
    for each in sorted(archives, key=lambda each: each.stat().st_mtime, reverse=True)[_KEPT:]:
        each.unlink(missing_ok=True)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise ServiceError(f"{' '.join(command[:3])} … failed: {done.stderr.strip()[-800:]}")
    return done.stdout


def _recipe() -> bytes:
    return b"".join(each.read_bytes() for each in _RECIPE)


def _constraints() -> Path:
    """The pinned versions of uv.lock as a constraints file."""
    lock = hashlib.sha256((ROOT / "uv.lock").read_bytes()).hexdigest()[:12]
    path = CACHE / f"constraints-{lock}.txt"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [_uv(), "export", "--frozen", "--quiet", "--no-hashes", "--no-emit-project", "--all-groups"]
        making = path.with_name(f"{path.name}.{os.getpid()}")
        making.write_text("".join(f"{line}\n" for line in _run(command).splitlines() if "==" in line))
        making.replace(path)
    return path


def _compile(folder: Path, parts: Iterable[str], interpreter: Path) -> None:
    """Byte code that is never checked against its source: the package is immutable."""
    options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder)]
    _run([str(interpreter), "-m", "compileall", *options, *(str(folder / each) for each in parts)])


def _apart(folder: str, names: list[str]) -> set[str]:
    """Descriptions of AWS, which are written for each function."""
    return {"data"} & set(names) if Path(folder).name == "botocore" else set()


def _link(source: str, target: str) -> None:
    """Wheels take megabytes for each function otherwise, several times over. Not every file system has links."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        shutil.copy2(source, target)


def _swap(making: Path, target: Path) -> None:
    """Two synths at once may make the same package; the first one stays."""
    try:
        making.rename(target)
    except OSError:
        shutil.rmtree(making)
