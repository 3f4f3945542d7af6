"""The templates of the deployment of cdk.json, its projects with other keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.app import build
from infra.config import read_config
from infra.packaging import ROOT
from tests.infra.test_limits import NoPackages


class Synthesized:
    """`changes` are what each project, by name, holds in place of what cdk.json says."""

    def __init__(self, folder: Path, changes: Mapping[str, Mapping[str, Any]]) -> None:
        (folder / "package").mkdir()
        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        for each in context["trueup"]["projects"]:
            each |= changes.get(each["name"], {})
        app = App(context=context, outdir=str(folder / "out"))
        build(app, read_config(context), NoPackages(folder / "package"))
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        app.synth()
        self.folder = folder / "out"
        self.templates = {
            each.name.split(".")[0].rpartition("-")[2]: json.loads(each.read_text())
            for each in self.folder.glob("*.template.json")
        }

    def resources(self, kind: str, name: str = "", stack: str = "ingest") -> list[dict[str, Any]]:
        found = self.templates[stack]["Resources"].items()
        return [each["Properties"] for logical, each in found if each["Type"] == kind and name in logical]

    def findings(self) -> list[Any]:
        report = json.loads((self.folder / "validation-report.json").read_text())
        return [each for plugin in report["pluginReports"] for each in plugin.get("violations", [])]
