"""schema import."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.cli.conftest import Terminal

CATEGORIES = {"document-version": "2018-11-28", "labels": [{"label": "billing"}, {"label": "other"}]}


def test_another_tools_labels_are_printed_as_a_schema(trueup: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    file.write_text(json.dumps(CATEGORIES))
    said = json.loads(trueup("schema", "import", str(file), "--from", "ground-truth").stdout)
    assert said == {"kind": "classification", "media": "image", "classes": [{"name": "billing"}, {"name": "other"}]}
    file.write_text('<View><Text name="t"/><Labels name="l" toName="t"><Label value="PER"/></Labels></View>')
    assert json.loads(trueup("schema", "import", str(file), "--from", "label-studio").stdout)["kind"] == "spans"


def test_what_a_deployment_would_refuse_is_refused(trueup: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({**CATEGORIES, "labels": [{"label": "one"}]}))
    said = trueup("schema", "import", str(file), "--from", "ground-truth")
    assert said.exit_code == 2
    assert "label_schema.classes is a list of 1" in said.stderr
    assert trueup("schema", "import", str(tmp_path / "gone"), "--from", "ground-truth").exit_code == 2
    file.write_text("<View/>")
    said = trueup("schema", "import", str(file), "--from", "label-studio")
    assert (said.exit_code, "no control tag" in said.stderr) == (2, True)
