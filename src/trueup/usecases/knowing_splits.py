"""What a commit knows of its project's splits, and what it leaves for the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from trueup.dataset.frozen import read_frozen
from trueup.dataset.groups import FORM, GroupIndex
from trueup.dataset.guards import FORGOTTEN
from trueup.dataset.placing import Ground
from trueup.dataset.splitting.units import Setting
from trueup.dataset.view import View
from trueup.errors import NotFoundError
from trueup.model import Change, DatasetVersion, GroupDocument, LabelSchema, Project, Removal, SchemaVersion
from trueup.ports import SplitStore


def ground_of(store: SplitStore, project: Project, view: View, at: datetime) -> Ground:
    """What lines are placed on. Reads the version's group index, or makes it from the content where there is none, or
    a part of it is gone because something in it was forgotten."""

    def fetch(sha256: str) -> bytes:
        return store.part(project.name, sha256)

    frozen = read_frozen(store.frozen(project.name), fetch)
    index = _index(store, project, view.version, fetch) or GroupIndex.of(view)
    setting = Setting(project=project.name, policy=project.commit, at=at, held=index.counts)
    return Ground(index=index, frozen=frozen, setting=setting, content=view, look=view.lookup)


def stored_index(store: SplitStore, project: str, version: DatasetVersion | None) -> GroupDocument | None:
    """That of a version, if it has one of today's form."""
    document = store.groups(project, version.version_id) if version else None
    return document if document and document.form == FORM else None


def _index(
    store: SplitStore, project: Project, version: DatasetVersion | None, fetch: Callable[[str], bytes]
) -> GroupIndex | None:
    document = stored_index(store, project.name, version)
    try:
        return GroupIndex.read(document, fetch) if document else None
    except NotFoundError:
        return None


def forgets(changes: Sequence[Change]) -> bool:
    """Whether some of them take out what is forgotten."""
    return any(isinstance(each, Removal) and each.why == FORGOTTEN for each in changes)


def note_groups(
    store: SplitStore, project: Project, version: DatasetVersion, index: GroupIndex, *, forgotten: bool
) -> None:
    """Written before the version's commit: it follows from the version's content, so that one which is never committed
    misleads nobody. Where something was forgotten, no older part of an index is built upon."""
    if forgotten:
        index = index.merged()
    store.put_groups(project.name, version.version_id, index.write(lambda data: store.put_part(project.name, data)))


def note_schema(store: SplitStore, project: Project, parent: DatasetVersion | None, at: datetime) -> None:
    """Keep the label schema where a version is the first one made under it."""
    schema = project.label_schema
    if parent is None or parent.schema_version != schema.version:
        store.note_schema(SchemaVersion(project=project.name, version=schema.version, schema=schema, at=at))


def schema_of(store: SplitStore, project: Project, version: DatasetVersion) -> LabelSchema:
    """The label schema that a version was made under: it gives the version's labels their names and places. Today's
    where that is the same, or where none was noted."""
    today = project.label_schema
    if version.schema_version in ("", today.version):
        return today
    noted = (each.schema for each in store.schemas(project.name) if each.version == version.schema_version)
    return next(noted, today)
