"""Verbs about this machine: the embedded AWS, and what is wrong with machine or deployment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from trueup.cli.console import Exit, deployment, say, say_json, told
from trueup.errors import TrueupError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

State = Annotated[Path, typer.Option(help="State directory.")]
Json = Annotated[bool, typer.Option("--json", help="Plain JSON on stdout.")]
_STATE = Path(".trueup/local")
_NODE = 20


@app.command()
def up(
    context: typer.Context,
    state: State = _STATE,
    config: Annotated[Path | None, typer.Option(help="Configuration file (default: cdk.json's own).")] = None,
    auth: Annotated[bool, typer.Option(help="Enforce IAM policies.")] = False,
) -> None:
    """Start the embedded AWS and deploy the app with the real CDK CLI."""
    from trueup.local import service

    with told():
        options = service.Options(
            root=Path.cwd(), state=state.absolute(), config=config, stage=context.obj["stage"], auth=auth
        )
        running = service.up(options, lambda text: say(f"  {text}"))
    say(f"workbench {running.workbench_url}, logs in {state}/")
    say(f"lead any AWS tool there with: source {state}/env")


@app.command()
def down(state: State = _STATE) -> None:
    """Stop it; its state stays."""
    from trueup.local import service

    with told():
        say("stopped" if service.down(state.absolute()) else "nothing was running")


@app.command()
def reset(state: State = _STATE) -> None:
    """Stop it and forget everything."""
    from trueup.local import service

    with told():
        service.reset(state.absolute())
    say("forgotten")


@app.command("status")
def local_status(state: State = _STATE, as_json: Json = False) -> None:
    """Whether it runs, and where."""
    from trueup.local import service

    running = service.status(state.absolute())
    if as_json:
        say_json(asdict(running) if running else None)
    else:
        say(f"up at {running.endpoint_url}, workbench {running.workbench_url}" if running else "not running")


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Say what is wrong with the machine or the deployment, and how to mend it. Exit code 3 when something is."""
    findings = [*_machine_findings(), *_deployment_findings(context)]
    if as_json:
        say_json([{"check": name, "ok": ok, "mend": mend} for name, ok, mend in findings])
    else:
        for name, ok, mend in findings:
            say(f"{'ok  ' if ok else 'BAD '} {name}" + ("" if ok else f"\n      mend: {mend}"))
    if not all(ok for _, ok, _ in findings):
        raise typer.Exit(Exit.PROBLEMS)


Finding = tuple[str, bool, str]


def _machine_findings() -> list[Finding]:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return [
        (f"Python {sys.version.split()[0]}", sys.version_info >= (3, 11), "install Python 3.11 or newer"),
        (f"Node.js {_node()}", _node() >= _NODE, f"install Node.js {_NODE} or newer"),
        (f"{free:.0f} GB of free disk", free > 2, "free some disk space: 2 GB are needed"),
    ]


def _node() -> int:
    node = shutil.which("node")
    if node is None:
        return 0
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return int(text.strip().lstrip("v").split(".")[0] or 0)


def _deployment_findings(context: typer.Context) -> list[Finding]:
    try:
        look = deployment(context)
        return [("deployment found", True, ""), *_queue_findings(look), *_endpoint_findings(look)]
    except TrueupError as error:
        return [("deployment found", False, str(error))]


def _queue_findings(look: Any) -> list[Finding]:
    sqs, findings = look.clients["sqs"], []
    urls = {**look.deployment.dlqs, **{f"annotation {n}": each.annotation_dlq_url for n, each in look.deployed.items()}}
    for name, url in urls.items():
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        dead = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        findings.append((f"dead letters of {name}: {dead}", dead == 0, "see why with trueup redrive --dry-run"))
    return findings


def _endpoint_findings(look: Any) -> list[Finding]:
    findings = []
    for name, each in look.deployed.items():
        try:
            capture = look.registry.endpoint_config(each.endpoint_name).get("DataCaptureConfig", {})
        except TrueupError as error:
            findings.append(
                (f"endpoint {each.endpoint_name} of {name}", False, f"{error}: create it or correct cdk.json")
            )
            continue
        ours = capture.get("EnableCapture") and capture.get("DestinationS3Uri") == each.capture_uri
        mend = f"trueup endpoint attach {each.endpoint_name}"
        findings.append((f"endpoint {each.endpoint_name} captures for {name}", bool(ours), mend))
    return findings
