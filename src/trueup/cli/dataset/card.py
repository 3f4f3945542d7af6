"""A dataset card: what a version holds, where that comes from, what it lacks."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import say, say_json
from trueup.cli.dataset.naming import Version, version_at, view_at
from trueup.cli.desk import Deployed, desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.errors import InputError

if TYPE_CHECKING:
    from trueup.dataset.cards.facts import CardFacts
    from trueup.model import DatasetVersion


class Form(enum.StrEnum):
    MARKDOWN = "markdown"
    HTML = "html"


def card(
    context: typer.Context,
    version: Version = "head",
    form: Annotated[Form | None, typer.Option("--format", "-f", help="Default: as the file is called.")] = None,
    to: Annotated[Path | None, typer.Option("--to", "-o", help="File (default: stdout).")] = None,
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """What a version holds, where that comes from, and what it lacks."""
    look = desk_of(context).look()
    name = project_of(look, project)
    facts = _facts(look, version_at(look, name, version))
    if as_json:
        say_json(facts)
        return
    written = _written(facts, form or _form_of(to))
    if to is None:
        typer.echo(written, nl=False)
        return
    try:
        to.write_text(written)
    except OSError as error:
        raise InputError(f"{to} cannot be written: {error.strerror}", field="--to") from error
    say(f"the card of v{facts.version.number} is in {to}")


def _facts(look: Deployed, version: DatasetVersion) -> CardFacts:
    from trueup.dataset.cards.facts import card_facts
    from trueup.dataset.figures import summary
    from trueup.usecases.comparing_versions import changes

    project, view = look.projects[version.project], view_at(look, version)
    parent = look.datasets.version(version.project, version.parent) if version.parent else None
    since = summary(changes(look.find_version, parent, version))
    return card_facts(version, view, project.label_schema, since, project.title)


def _form_of(to: Path | None) -> Form:
    return Form.HTML if to is not None and to.suffix in (".html", ".htm") else Form.MARKDOWN


def _written(facts: CardFacts, form: Form) -> str:
    if form is Form.HTML:
        from trueup.dataset.cards.page import card_page

        return card_page(facts)
    from trueup.dataset.cards.markdown import markdown

    return markdown(facts)
