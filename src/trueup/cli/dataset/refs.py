"""Tags and branches."""

from __future__ import annotations

from typing import Annotated

import typer

from trueup.cli.console import paint_table, safe, say, say_json, stamp
from trueup.cli.dataset.naming import Reason, Version, version_at
from trueup.cli.desk import Deployed, confirm, desk_of, me, project_of
from trueup.cli.options import Json, OneProject, Yes
from trueup.errors import InputError

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Without one, all are listed.")]
_Delete = Annotated[bool, typer.Option("--delete", "-d", help="Take the name away; versions stay.")]


def tag(
    context: typer.Context,
    name: _Name = "",
    version: Version = "head",
    reason: Reason = "",
    force: Annotated[bool, typer.Option("--force", help="Move a tag that names another version.")] = False,
    delete: _Delete = False,
    project: OneProject = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Name a version for good, or list the names. A tagged version keeps its content."""
    look = desk_of(context).look()
    where = project_of(look, project)
    if not name:
        _refuse(delete, "TAG")
        _list_tags(look, where, as_json)
    elif delete:
        confirm(f"Take the tag {name} away? What it names may lose its content some day.", yes)
        gone = look.name_versions.untag(where, name, me(), reason)
        _say(as_json, gone, f"the tag {name} is gone; it named {gone.version_id[:12]}")
    else:
        found = version_at(look, where, version)
        made = look.name_versions.tag(name, found, me(), reason, move=force)
        _say(as_json, made, f"{name} names v{found.number} of {where}")


def branch(
    context: typer.Context,
    name: _Name = "",
    version: Version = "head",
    reason: Reason = "",
    delete: _Delete = False,
    project: OneProject = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Begin a line of versions beside main, or list them. Models are trained on main alone."""
    look = desk_of(context).look()
    where = project_of(look, project)
    if not name:
        _refuse(delete, "BRANCH")
        _list_branches(look, where, as_json)
    elif delete:
        confirm(f"Delete the branch {name}? Versions that nothing else leads to are collected some day.", yes)
        head = look.name_versions.delete_branch(where, name, me(), reason)
        _say(
            as_json, {"name": name, "head": head.version_id}, f"the branch {name} is gone; its head was v{head.number}"
        )
    else:
        found = version_at(look, where, version)
        made = look.name_versions.branch(name, found, me(), reason)
        _say(
            as_json,
            made,
            f"{name} begins at v{found.number} of {where}; trueup import --branch {name} adds to it",
        )


def _refuse(delete: bool, what: str) -> None:
    if delete:
        raise InputError(f"--delete needs the name of a {what.lower()}", field=what)


def _say(as_json: bool, document: object, text: str) -> None:
    if as_json:
        say_json(document)
    else:
        say(text)


def _list_tags(look: Deployed, project: str, as_json: bool) -> None:
    tags = look.refs.tags(project)
    if as_json:
        say_json(tags)
        return
    if not tags:
        say("no tag yet: trueup dataset tag NAME [VERSION] gives one")
        return
    versions = {each.version_id: look.datasets.version(project, each.version_id) for each in tags}
    rows = [
        [
            safe(each.name),
            f"v{versions[each.version_id].number}",
            each.version_id[:12],
            f"{versions[each.version_id].samples:,}",
            stamp(each.at),
            safe(each.by),
            safe(each.reason),
        ]
        for each in tags
    ]
    paint_table(["tag", "version", "id", "samples", "since", "by", "why"], rows, ("version", "samples"))


def _list_branches(look: Deployed, project: str, as_json: bool) -> None:
    made = {each.name: each for each in look.refs.branches(project)}
    heads = look.datasets.heads(project)
    if as_json:
        rows_of = [
            {"name": name, "head": head.version_id, "number": head.number, "made": made.get(name)}
            for name, head in heads.items()
        ]
        say_json(rows_of)
        return
    rows = []
    for name, head in heads.items():
        own = made.get(name)
        began = f"v{look.datasets.version(project, own.began_at).number}" if own else "-"
        why = [began, own.by, own.reason] if own else ["-", "-", "what models are trained on"]
        rows.append([safe(name), f"v{head.number}", f"{head.samples:,}", stamp(head.created_at), *map(safe, why)])
    if not rows:
        say("no version yet: labels become one when enough have settled, or with trueup import")
        return
    paint_table(["branch", "head", "samples", "at", "began at", "by", "why"], rows, ("head", "samples"))
