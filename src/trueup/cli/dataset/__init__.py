"""Dataset versions."""

from __future__ import annotations

import typer

from trueup.cli.dataset import card, check, compare, export, look, query, splits

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
