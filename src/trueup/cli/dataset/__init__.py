"""Dataset versions."""

from __future__ import annotations

import typer

from trueup.cli.dataset import (
    card,
    check,
    checkout,
    compare,
    export,
    gc,
    history,
    look,
    merging,
    query,
    refs,
    splits,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command("list")(look.list_versions)
app.command("show")(look.show)
app.command("diff")(compare.diff_versions)
app.command("card")(card.card)
app.command("query")(query.query)
app.command("export")(export.export)
app.command("formats")(export.list_formats)
app.command("freeze")(splits.freeze)
app.command("frozen")(splits.list_frozen)
app.command("split")(splits.split)
app.command("verify")(check.verify_versions)
app.command("log")(history.log)
app.command("blame")(history.blame)
app.command("tag")(refs.tag)
app.command("branch")(refs.branch)
app.command("merge")(merging.merge)
app.command("revert")(merging.revert)
app.command("checkout")(checkout.checkout)
app.command("check")(checkout.check)
app.command("gc")(gc.collect)
