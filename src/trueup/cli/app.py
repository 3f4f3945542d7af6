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
from trueup.cli.exits import VerbGroup, table_of_codes, tell_unexpected

_HELP = (
    "Bring a deployed SageMaker model back to the truth.\n\n"
    "Every verb finds its deployment by --stage and speaks to AWS, or to the embedded AWS, by the ordinary AWS "
    "environment variables. Verbs that read take --json.\n\n"
)

app = typer.Typer(
    cls=VerbGroup,
    no_args_is_help=True,
    add_completion=False,
    help=_HELP + table_of_codes(),
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("status")(look.status)
app.add_typer(queues.app, name="queue", help="What waits for annotators, and to pause, drain or empty it.")
app.add_typer(gold.app, name="gold", help="Tasks whose answer is known, to see how good annotators are.")
app.add_typer(annotators.app, name="annotator", help="How annotators stand, and to suspend or reinstate one.")
app.add_typer(guidelines.app, name="guidelines", help="What annotators read, and its versions.")
app.command("corrections")(corrections.corrections)
app.command("report")(report.report)
app.add_typer(look.tasks, name="task", help="Tasks and their answers.")
capture.app.command("backfill")(backfill.backfill)
capture.app.command("quarantine")(quarantine.quarantine)
capture.app.command("replay")(quarantine.replay)
app.add_typer(capture.app, name="capture", help="Capture files: what is in them, and how unsure the model was.")
app.add_typer(policy.app, name="policy", help="Selection policies: what one would have asked about.")
app.add_typer(feedback.app, name="feedback", help="What turned out later: users' corrections and real outcomes.")
app.add_typer(quality.app, name="quality", help="Answers of several people: consensus, agreement, skill. Needs no AWS.")
app.add_typer(schema.app, name="schema", help="Label schemas, and what changes of them mean for labels.")
app.add_typer(
    dataset.app, name="dataset", help="Dataset versions: history, branches, queries, splits, exports, checks."
)
app.command("import")(imports.bring)
app.add_typer(lineage.app, name="lineage", help=lineage.HELP)
app.add_typer(openlineage.app, name="openlineage", help="Lineage for others, in OpenLineage's words.")
app.add_typer(forget.app, name="forget", help="Take a person's data away for good, and the receipts of that.")
app.add_typer(retrain.app, name="retrain", help="Retraining runs: start, follow, approve or reject.")
app.add_typer(endpoint.app, name="endpoint", help="Switch data capture on for an endpoint, or put it back.")
app.command("redrive")(redrive.redrive)
app.command("doctor")(machine.doctor)
app.add_typer(machine.app, name="local", help="The embedded AWS on this machine.")


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
