"""A version by any of its names: the one way in which a person's words become a version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trueup.dataset.documents import version_number
from trueup.dataset.history import first_parents
from trueup.dataset.naming import HEAD, MAIN, Step, VersionName, read_name
from trueup.dataset.view import View
from trueup.errors import NotFoundError
from trueup.model import DatasetVersion
from trueup.ports import DatasetStore, RefStore
from trueup.usecases.making_versions import view_of


@dataclass(frozen=True)
class FindVersion:
    """Names are those of trueup.dataset.naming. Raises NotFoundError, InputError (no name at all)."""

    datasets: DatasetStore
    refs: RefStore

    def __call__(self, project: str, text: str) -> DatasetVersion:
        name = read_name(text)
        found = self._base(project, name)
        if name.at is not None:
            found = self._was(found, name.at, text)
        for step in name.steps:
            found = self._back(found, step, text)
        return found

    def view(self, project: str, version: DatasetVersion) -> View:
        """What it holds. Raises NotFoundError when its content is gone."""
        if any(each.version_id == version.version_id for each in self.refs.pruned(project)):
            raise NotFoundError(
                f"v{version.number} of {project} was pruned, and its content is gone: trueup dataset log shows the "
                "versions that have theirs"
            )
        return view_of(self.datasets, project, version)

    def _base(self, project: str, name: VersionName) -> DatasetVersion:
        base = MAIN if name.base == HEAD else name.base
        if version_number(base) is not None:
            return self.datasets.version(project, base)
        head = self.datasets.head(project, base)
        if head is not None:
            return head
        if base == MAIN:
            raise NotFoundError(f"project {project} has no dataset version yet")
        tag = self.refs.tag(project, base)
        return self.datasets.version(project, tag.version_id if tag else base)

    def _was(self, head: DatasetVersion, at: datetime, text: str) -> DatasetVersion:
        line = first_parents(head, self.datasets.walk(head.project, head.number))
        found = next((each for each in line if each.created_at <= at), None)
        if found is None:
            raise NotFoundError(f"there was no version {text} of {head.project}: the first one is younger")
        return found

    def _back(self, version: DatasetVersion, step: Step, text: str) -> DatasetVersion:
        if step.merged:
            return self._parent(version, version.merged, text)
        if step.back == 1:
            return self._parent(version, version.parent, text)
        line = first_parents(version, self.datasets.walk(version.project, version.number))
        for behind, each in enumerate(line):
            if behind == step.back:
                return each
        raise NotFoundError(f"there is no version {text}: v{version.number} has fewer before it")

    def _parent(self, version: DatasetVersion, parent: str | None, text: str) -> DatasetVersion:
        if parent is None:
            raise NotFoundError(f"there is no version {text}: nothing of that kind is before v{version.number}")
        return self.datasets.version(version.project, parent)
