"""`trueup`: the command line. This module only assembles; each verb imports what it needs when it runs."""

from __future__ import annotations

import dataclasses
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from trueup.cli import (
    annotators,
    backfill,
    capture,
    corrections,
    dataset,
    endpoint,
    feedback,
    forget,
    gold,
    guidelines,
    imports,
    lineage,
    look,
    machine,
    openlineage,
    policy,
    quality,
    quarantine,
    queues,
    redrive,
    report,
    retrain,
    schema,
)
from trueup.cli.console import say
from trueup.cli.desk import real_desk
from trueup.cli.exits import table_of_codes, tell_unexpected
from trueup.cli.groups import Root

_HELP = (
    "Bring a deployed SageMaker model back to the truth.\n\n"
    "Every verb finds its deployment by --stage and speaks to AWS, or to the embedded AWS, by the ordinary AWS "
    "environment variables. Verbs that read take --json.\n\n"
)

app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    add_completion=False,
    help=_HELP + table_of_codes(),
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("status")(look.status)
Root.add(queues.app, "queue", "What waits for annotators, and to pause, drain or empty it.")
Root.add(gold.app, "gold", "Tasks whose answer is known, to see how good annotators are.")
Root.add(annotators.app, "annotator", "How annotators stand, and to suspend or reinstate one.")
Root.add(guidelines.app, "guidelines", "What annotators read, and its versions.")
app.command("corrections")(corrections.corrections)
app.command("report")(report.report)
Root.add(look.tasks, "task", "Tasks and their answers.")
capture.app.command("backfill")(backfill.backfill)
capture.app.command("quarantine")(quarantine.quarantine)
capture.app.command("replay")(quarantine.replay)
Root.add(capture.app, "capture", "Capture files: what is in them, and how unsure the model was.")
Root.add(policy.app, "policy", "Selection policies: what one would have asked about.")
Root.add(feedback.app, "feedback", "What turned out later: users' corrections and real outcomes.")
Root.add(quality.app, "quality", "Answers of several people: consensus, agreement, skill. Needs no AWS.")
Root.add(schema.app, "schema", "Label schemas, and what changes of them mean for labels.")
Root.add(dataset.app, "dataset", "Dataset versions: history, branches, queries, splits, exports, checks.")
app.command("import")(imports.bring)
Root.add(lineage.app, "lineage", lineage.HELP)
Root.add(openlineage.app, "openlineage", "Lineage for others, in OpenLineage's words.")
Root.add(forget.app, "forget", "Take a person's data away for good, and the receipts of that.")
Root.add(retrain.app, "retrain", "Retraining runs: start, follow, approve or reject.")
Root.add(endpoint.app, "endpoint", "Switch data capture on for an endpoint, or put it back.")
app.command("redrive")(redrive.redrive)
app.command("doctor")(machine.doctor)
Root.add(machine.app, "local", "The embedded AWS on this machine.")


def _version(wanted: bool) -> None:
    if wanted:
        say(f"trueup {version('trueup')}")
        raise typer.Exit


@app.callback()
def _every_verb(
    context: typer.Context,
    stage: Annotated[str, typer.Option(envvar="TRUEUP_STAGE", help="Which deployment.")] = "dev",
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    context.obj = dataclasses.replace(context.obj or real_desk(), stage=stage)


def main() -> None:
    try:
        app()
    except BrokenPipeError:
        # The reader of a pipe had enough. Python would complain once more when it closes stdout.
        sys.stderr.close()
    except Exception as error:  # an operator gets a sentence, whatever it is
        sys.exit(tell_unexpected(error))


if __name__ == "__main__":
    main()
