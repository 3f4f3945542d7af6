"""Names of dataset versions in DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trueup.adapters.aws.table import (
    FRESH,
    ConditionFailedError,
    Item,
    Key,
    Table,
    Write,
    chunks,
    journal_writes,
    put,
    put_once,
    record_of,
    swept_write,
    tag_key,
    tag_write,
)
from trueup.errors import ConflictError, HeadMovedError, NotFoundError
from trueup.model import Branch, DatasetVersion, Pruned, Tag
from trueup.ports import Journal, RefStore

_KEYS = ("pk", "sk")
_SAME = "version_id = :before"


class DynamoRefStore(RefStore):
    """Whatever gives a version a name looks, in the same transaction, whether it was pruned."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def branches(self, project: str) -> list[Branch]:
        return [record_of(each, Branch) for each in self._table.query(f"P#{project}#BRANCH")]

    def create_branch(self, branch: Branch, version: DatasetVersion, journal: Journal) -> None:
        head = Write(action="Put", key=_head(version, branch.name), item=self._listed(version), condition=FRESH)
        made = put((f"P#{branch.project}#BRANCH", branch.name), branch)
        try:
            self._table.write([head, made, _not_pruned(version), *journal_writes(journal)])
        except ConditionFailedError as error:
            _tell_pruned(error, version)
            raise ConflictError(f"project {branch.project} has a branch {branch.name} already") from error

    def forward_branch(self, name: str, before: DatasetVersion, to: DatasetVersion, journal: Journal) -> None:
        head = Write(
            action="Put",
            key=_head(to, name),
            item=self._listed(to),
            condition=_SAME,
            values={":before": before.version_id},
        )
        try:
            self._table.write([head, _not_pruned(to), *journal_writes(journal)])
        except ConditionFailedError as error:
            _tell_pruned(error, to)
            raise HeadMovedError(f"the head of {to.project} on {name} moved") from error

    def delete_branch(self, name: str, head: DatasetVersion, journal: Journal) -> None:
        values = {":before": head.version_id}
        gone = Write(action="Delete", key=_head(head, name), condition=_SAME, values=values)
        made = Write(action="Delete", key=(f"P#{head.project}#BRANCH", name))
        try:
            self._table.write([gone, made, *journal_writes(journal)])
        except ConditionFailedError as error:
            raise HeadMovedError(f"the head of {head.project} on {name} moved") from error

    def tags(self, project: str) -> list[Tag]:
        return [record_of(each, Tag) for each in self._table.query(f"P#{project}#TAG")]

    def tag(self, project: str, name: str) -> Tag | None:
        item = self._table.get(*tag_key(project, name))
        return record_of(item, Tag) if item else None

    def put_tag(self, tag: Tag, version: DatasetVersion, journal: Journal, before: Tag | None = None) -> None:
        condition, values = (_SAME, {":before": before.version_id}) if before else (FRESH, {})
        try:
            self._table.write([tag_write(tag, condition, values), _not_pruned(version), *journal_writes(journal)])
        except ConditionFailedError as error:
            _tell_pruned(error, version)
            raise ConflictError(f"the tag {tag.name} of {tag.project} was moved meanwhile") from error

    def delete_tag(self, tag: Tag, journal: Journal) -> None:
        key, values = tag_key(tag.project, tag.name), {":before": tag.version_id}
        try:
            gone = Write(action="Delete", key=key, condition=_SAME, values=values)
            self._table.write([gone, *journal_writes(journal)])
        except ConditionFailedError as error:
            raise ConflictError(f"the tag {tag.name} of {tag.project} was moved meanwhile") from error

    def pruned(self, project: str) -> list[Pruned]:
        return [record_of(each, Pruned) for each in self._table.query(f"P#{project}#PRUNED")]

    def prune(self, versions: Sequence[Pruned]) -> None:
        for chunk in chunks([put_once(_pruned(each.project, each.number), each) for each in versions]):
            self._table.write(chunk)

    def restore(self, versions: Sequence[Pruned]) -> None:
        for chunk in chunks([Write(action="Delete", key=_pruned(each.project, each.number)) for each in versions]):
            self._table.write(chunk)

    def sweep_before(self, project: str, began: datetime) -> None:
        self._table.write([swept_write(project, began)])

    def _listed(self, version: DatasetVersion) -> Item:
        """The item of the list, which a head repeats. Raises NotFoundError."""
        item = self._table.get(f"P#{version.project}#VERSION", f"{version.number:010d}")
        if item is None:
            raise NotFoundError(f"project {version.project} has no version {version.version_id}")
        return {name: value for name, value in item.items() if name not in _KEYS}


def _head(version: DatasetVersion, branch: str) -> Key:
    return f"P#{version.project}#HEAD", branch


def _pruned(project: str, number: int) -> Key:
    return f"P#{project}#PRUNED", f"{number:010d}"


def _not_pruned(version: DatasetVersion) -> Write:
    return Write(action="ConditionCheck", key=_pruned(version.project, version.number), condition=FRESH)


def _tell_pruned(error: ConditionFailedError, version: DatasetVersion) -> None:
    if _pruned(version.project, version.number) in error.failed:
        raise ConflictError(f"v{version.number} of {version.project} was pruned: its content is gone") from error
