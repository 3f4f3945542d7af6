"""scripts/sagemaker on the packages of SageMaker's scikit-learn image 1.4-2, as its containers run them.

The image holds scikit-learn 1.4.2 and no Pillow (docker/1.4-2 of aws/sagemaker-scikit-learn-container). Training and
serving install code/requirements.txt before they start; a processing job does not.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uv
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts" / "sagemaker"
PACKAGES = ("pip", "scikit-learn==1.4.2", "numpy==2.1.0", "joblib")
REQUIREMENTS = ("pillow",)


@pytest.fixture(scope="session")
def image() -> Path:
    """The interpreter of the image's environment, made once per machine."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    name = hashlib.sha256(" ".join([version, *PACKAGES]).encode()).hexdigest()[:12]
    folder = ROOT / ".cache" / f"scikit-learn-image-{name}"
    if not (folder / "complete").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        run(uv.find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(folder))
        run(uv.find_uv_bin(), "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *PACKAGES)
        (folder / "complete").touch()
    return folder / "bin" / "python"


@dataclass(frozen=True)
class Container:
    """A container of the image with its own packages, under a folder instead of /opt/ml."""

    python: Path
    folder: Path

    def train(self, *arguments: str) -> Path:
        """Train and return model.tar.gz."""
        self.install(SCRIPTS / "requirements.txt")
        (self.folder / "model").mkdir()
        (self.folder / "output" / "data").mkdir(parents=True)
        channels = {f"SM_CHANNEL_{each.upper()}": str(self.folder / each) for each in ("train", "payloads")}
        environment = {
            **channels,
            "SM_MODEL_DIR": str(self.folder / "model"),
            "SM_OUTPUT_DATA_DIR": str(self.folder / "output" / "data"),
        }
        self.python_runs(SCRIPTS / "train.py", *arguments, environment=environment)
        with tarfile.open(self.folder / "model.tar.gz", "w:gz") as bundle:
            bundle.add(self.folder / "model", arcname=".")
        return self.folder / "model.tar.gz"

    def evaluate(self, candidate: Path, champion: Path) -> list[dict[str, Any]]:
        for name, archive in (("candidate", candidate), ("champion", champion)):
            (self.folder / name).mkdir()
            shutil.copy(archive, self.folder / name / "model.tar.gz")
        (self.folder / "evaluation").mkdir()
        places = {each: self.folder / each for each in ("candidate", "champion", "payloads")}
        arguments = [f"--{name}={place}" for name, place in places.items()]
        arguments += [f"--test={self.folder / 'train'}", f"--output={self.folder / 'evaluation'}"]
        self.python_runs(SCRIPTS / "evaluate.py", *arguments)
        lines = (self.folder / "evaluation" / "predictions.jsonl").read_text().splitlines()
        return [json.loads(each) for each in lines]

    def install(self, requirements: Path) -> None:
        self.python_runs("-m", "pip", "install", "--quiet", "--requirement", requirements)

    def python_runs(self, *words: str | Path, environment: dict[str, str] | None = None) -> None:
        run(str(self.python), *map(str, words), environment=environment)


@pytest.fixture
def container(image: Path, tmp_path: Path) -> Container:
    """Fresh, as each job gets one: what a job installs is gone with it."""
    python = tmp_path / "site" / "bin" / "python"
    run(str(image), "-m", "venv", "--without-pip", str(tmp_path / "site"))
    (site,) = (tmp_path / "site" / "lib").glob("python*/site-packages")
    (image_site,) = image.parents[1].glob("lib/python*/site-packages")
    (site / "image.pth").write_text(f"{image_site}\n")
    return Container(python=python, folder=tmp_path)


def run(*command: str, environment: dict[str, str] | None = None) -> None:
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        command, env={**surroundings, **(environment or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-1500:]}{done.stderr[-1500:]}"


def write_texts(folder: Path) -> None:
    rows = [("cat", f"it purrs {number}") for number in range(8)] + [("dog", f"it barks {n}") for n in range(8)]
    lines = [line(label, {"source": text}) for label, text in rows]
    write_manifest(folder, lines)


def write_pictures(folder: Path) -> None:
    lines = []
    for number in range(12):
        label = "dark" if number % 2 else "light"
        key = f"payloads/{number:02}.png"
        picture = Image.fromarray(np.full((8, 8), 10 + number if number % 2 else 200 + number, dtype=np.uint8))
        out = io.BytesIO()
        picture.save(out, format="PNG")
        (folder / key).parent.mkdir(exist_ok=True)
        (folder / key).write_bytes(out.getvalue())
        lines.append(line(label, {"source-ref": f"s3://bucket/project/{key}", "content-type": "image/png"}))
    write_manifest(folder, lines)


def line(label: str, sample: dict[str, str]) -> str:
    return json.dumps({**sample, "label": 0, "label-metadata": {"class-name": label}})


def write_manifest(folder: Path, lines: list[str]) -> None:
    (folder / "train").mkdir()
    (folder / "payloads").mkdir(exist_ok=True)
    (folder / "train" / "train.manifest").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("write", [write_texts, write_pictures])
def test_train_and_evaluate_run_on_the_image(container: Container, write: Any) -> None:
    write(container.folder)
    archive = container.train("--classes", '["a", "b"]', "--seed", "3", "--version", "abc")
    container.python_runs("-m", "pip", "uninstall", "--quiet", "--yes", *REQUIREMENTS)
    answers = container.evaluate(archive, archive)
    assert len(answers) in (12, 16)
    assert all(each["candidate"] == each["champion"] for each in answers)
    assert all(each["candidate"]["label"] == each["label"] for each in answers)


def test_what_a_model_requires_and_nobody_has_ends_the_evaluation(container: Container) -> None:
    write_texts(container.folder)
    archive = container.train()
    (container.folder / "model" / "code" / "requirements.txt").write_text("trueup-no-such-package==1.0\n")
    with tarfile.open(archive, "w:gz") as bundle:
        bundle.add(container.folder / "model", arcname=".")
    with pytest.raises(AssertionError, match="cannot install the requirements of a model: trueup-no-such-package"):
        container.evaluate(archive, archive)
