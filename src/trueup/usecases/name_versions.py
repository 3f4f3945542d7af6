"""Tags and branches: names that people give to versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trueup.dataset.naming import CHAMPION, MAIN, check_ref
from trueup.errors import ConflictError, InputError, NotFoundError
from trueup.events import RefMoved
from trueup.model import Branch, DatasetVersion, Tag
from trueup.ports import Clock, DatasetStore, Journal, RefStore


@dataclass(frozen=True)
class NameVersions:
    """Raises InputError (a name that cannot be one), ConflictError (taken, moved meanwhile, or a version without
    content), NotFoundError."""

    datasets: DatasetStore
    refs: RefStore
    clock: Clock

    def tag(self, name: str, version: DatasetVersion, by: str, reason: str, *, move: bool = False) -> Tag:
        """The same again changes nothing. `move` takes the tag away from the version that it names."""
        check_ref(name, "tag")
        self._refuse_twice(version.project, name, self.datasets.head(version.project, name) is not None, "branch")
        before = self.refs.tag(version.project, name)
        if before is not None and before.version_id == version.version_id:
            return before
        if before is not None and not move:
            there = self.datasets.version(version.project, before.version_id)
            raise ConflictError(f"the tag {name} names v{there.number}: add --force to move it to v{version.number}")
        now = self.clock.now()
        tag = Tag(project=version.project, name=name, version_id=version.version_id, by=by, at=now, reason=reason)
        self.refs.put_tag(tag, version, self._journal(tag, "tag", tag.version_id), before)
        return tag

    def untag(self, project: str, name: str, by: str, reason: str) -> Tag:
        if name == CHAMPION:
            raise InputError(f"the tag {CHAMPION} follows promotions: it is moved with --force, and not taken away")
        found = self.refs.tag(project, name)
        if found is None:
            raise NotFoundError(f"project {project} has no tag {name}")
        gone = Tag(project=project, name=name, version_id=found.version_id, by=by, at=self.clock.now(), reason=reason)
        self.refs.delete_tag(found, self._journal(gone, "tag", None))
        return found

    def branch(self, name: str, version: DatasetVersion, by: str, reason: str) -> Branch:
        check_ref(name, "branch")
        self._refuse_twice(version.project, name, self.refs.tag(version.project, name) is not None, "tag")
        made = Branch(
            project=version.project, name=name, began_at=version.version_id, by=by, at=self.clock.now(), reason=reason
        )
        self.refs.create_branch(made, version, self._journal(made, "branch", version.version_id))
        return made

    def delete_branch(self, project: str, name: str, by: str, reason: str) -> DatasetVersion:
        """Returns what its head was. Its versions stay until they are collected."""
        if name == MAIN:
            raise InputError("the branch main is what models are trained on: it cannot be deleted", field="NAME")
        head = self.datasets.head(project, name)
        if head is None:
            raise NotFoundError(f"project {project} has no branch {name}")
        gone = Branch(project=project, name=name, began_at=head.version_id, by=by, at=self.clock.now(), reason=reason)
        self.refs.delete_branch(name, head, self._journal(gone, "branch", None))
        return head

    def _refuse_twice(self, project: str, name: str, taken: bool, kind: str) -> None:
        if taken:
            raise ConflictError(f"project {project} has a {kind} {name}: another name keeps both apart")

    def _journal(self, ref: Tag | Branch, kind: Literal["tag", "branch"], version_id: str | None) -> Journal:
        event = RefMoved(
            project=ref.project, kind=kind, name=ref.name, version_id=version_id, by=ref.by, reason=ref.reason
        )
        return Journal(at=ref.at, events=(event,))
