"""The CDK app: six stacks of one deployment, stateful apart from stateless."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from aws_cdk import Annotations, App, Stack, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.config import DeploymentConfig, read_config
from infra.nag import explain_providers, explain_wildcards
from infra.packaging import PYTHON_VERSION, ROOT, Packager
from infra.stacks.annotation import AnnotationStack
from infra.stacks.data import DataStack
from infra.stacks.dataset import DatasetStack
from infra.stacks.ingest import IngestStack
from infra.stacks.operations import OperationsStack, Rooms
from infra.stacks.retraining import RetrainingStack
from trueup.errors import ConfigurationError, TrueupError
from trueup.settings import render_projects

_NO_BYTE_CODE = (
    "packages without byte code: each first answer of a function compiles its source. "
    f"uv python install {PYTHON_VERSION}, and deploy again."
)


def build(app: App, config: DeploymentConfig, packager: Packager) -> list[Stack]:
    """Add the stacks of a deployment to an app."""
    prefix = f"trueup-{config.stage}"
    data = DataStack(app, f"{prefix}-data", config=config, packager=packager)
    platform = data.platform
    annotation = AnnotationStack(app, f"{prefix}-annotation", platform=platform, site=built_site())
    ingest = IngestStack(app, f"{prefix}-ingest", platform=platform, annotation_queues=annotation.queues)
    dataset = DatasetStack(
        app,
        f"{prefix}-dataset",
        platform=platform,
        annotation_queues=annotation.queues,
        scripts=ROOT / "scripts" / "sagemaker",
    )
    retraining = RetrainingStack(app, f"{prefix}-retraining", platform=platform, code_uri=dataset.code_uri)
    rooms = Rooms(ingest=ingest, annotation=annotation, dataset=dataset, retraining=retraining)
    operations = OperationsStack(app, f"{prefix}-operations", platform=platform, rooms=rooms)
    Tags.of(app).add("trueup:stage", config.stage)
    stacks: list[Stack] = [data, annotation, ingest, dataset, retraining, operations]
    explain_providers(stacks)
    explain_wildcards(stacks, _exports(data, platform.dataset.bucket_arn, platform.captures.bucket_arn))
    return stacks


def _exports(stack: Stack, *tokens: str) -> dict[str, str]:
    """How other stacks read this stack's attributes: <LogicalId.Arn> to the name of the export."""
    found = {}
    for token in tokens:
        attribute = stack.resolve(token)["Fn::GetAtt"]
        name = stack.resolve(stack.export_value(token))["Fn::ImportValue"]
        found[f"<{'.'.join(attribute)}>"] = name
    return found


def built_site(folder: Path = ROOT / "web") -> Path:
    """The workbench's bundle; built with npm when it is missing. Raises ConfigurationError when npm cannot."""
    site = folder / "dist"
    if not (site / "index.html").is_file():
        try:
            subprocess.run(["npm", "run", "--silent", "build:web"], cwd=ROOT, check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ConfigurationError(
                f"the workbench is not built: run npm ci && npm run build:web ({error})"
            ) from error
    return site


def main() -> None:
    app = App()
    try:
        config = read_config(app.node.get_all_context())
        packager = Packager(config.wheels, render_projects(list(config.projects)))
        build(app, config, packager)
    except TrueupError as error:
        sys.exit(f"trueup: {error}")
    if packager.interpreter is None:
        Annotations.of(app).add_warning_v2("trueup:byte-code", _NO_BYTE_CODE)
    if config.nag:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


if __name__ == "__main__":
    main()
