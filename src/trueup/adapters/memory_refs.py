"""The shipped fakes of what names versions, of what of them lies in storage, and of its copies for SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.errors import ConflictError, HeadMovedError
from trueup.model import Branch, DatasetVersion, Pruned, StoredPart, Tag
from trueup.ports import Journal, RefStore, StoredParts


class MemoryRefStore(RefStore):
    """Heads and tags lie in the world, where commits and other changes move them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._branches: dict[tuple[str, str], Branch] = {}
        self._pruned: dict[tuple[str, int], Pruned] = {}

    def branches(self, project: str) -> list[Branch]:
        with self._world.lock:
            return [each for (name, _), each in sorted(self._branches.items()) if name == project]

    def create_branch(self, branch: Branch, version: DatasetVersion, journal: Journal) -> None:
        with self._world.lock:
            key = branch.project, branch.name
            if key in self._world.heads:
                raise ConflictError(f"project {branch.project} has a branch {branch.name} already")
            self._refuse_pruned(version)
            self._branches[key], self._world.heads[key] = branch, version
            self._world.write(journal)

    def forward_branch(self, name: str, before: DatasetVersion, to: DatasetVersion, journal: Journal) -> None:
        with self._world.lock:
            self._expect_head(to.project, name, before)
            self._refuse_pruned(to)
            self._world.heads[to.project, name] = to
            self._world.write(journal)

    def delete_branch(self, name: str, head: DatasetVersion, journal: Journal) -> None:
        with self._world.lock:
            self._expect_head(head.project, name, head)
            del self._world.heads[head.project, name]
            self._branches.pop((head.project, name), None)
            self._world.write(journal)

    def tags(self, project: str) -> list[Tag]:
        with self._world.lock:
            return [each for (name, _), each in sorted(self._world.tags.items()) if name == project]

    def tag(self, project: str, name: str) -> Tag | None:
        with self._world.lock:
            return self._world.tags.get((project, name))

    def put_tag(self, tag: Tag, version: DatasetVersion, journal: Journal, before: Tag | None = None) -> None:
        with self._world.lock:
            self._expect_tag(tag.project, tag.name, before)
            self._refuse_pruned(version)
            self._world.tags[tag.project, tag.name] = tag
            self._world.write(journal)

    def delete_tag(self, tag: Tag, journal: Journal) -> None:
        with self._world.lock:
            self._expect_tag(tag.project, tag.name, tag)
            del self._world.tags[tag.project, tag.name]
            self._world.write(journal)

    def pruned(self, project: str) -> list[Pruned]:
        with self._world.lock:
            return [each for (name, _), each in sorted(self._pruned.items()) if name == project]

    def prune(self, versions: Sequence[Pruned]) -> None:
        with self._world.lock:
            for each in versions:
                self._pruned.setdefault((each.project, each.number), each)

    def restore(self, versions: Sequence[Pruned]) -> None:
        with self._world.lock:
            for each in versions:
                self._pruned.pop((each.project, each.number), None)

    def sweep_before(self, project: str, began: datetime) -> None:
        with self._world.lock:
            self._world.swept[project] = began

    def _expect_head(self, project: str, name: str, before: DatasetVersion) -> None:
        there = self._world.heads.get((project, name))
        if there is None or there.version_id != before.version_id:
            raise HeadMovedError(f"the head of {project} on {name} moved")

    def _expect_tag(self, project: str, name: str, before: Tag | None) -> None:
        there = self._world.tags.get((project, name))
        if (there.version_id if there else None) != (before.version_id if before else None):
            raise ConflictError(f"the tag {name} of {project} was moved meanwhile")

    def _refuse_pruned(self, version: DatasetVersion) -> None:
        if (version.project, version.number) in self._pruned:
            raise ConflictError(f"v{version.number} of {version.project} was pruned: its content is gone")


class MemoryStoredParts(StoredParts):
    """The segments and documents of a store; the handle is when they were written."""

    def __init__(self, datasets: MemoryDatasetStore) -> None:
        self._datasets = datasets

    def parts(self, project: str) -> Iterator[StoredPart]:
        for uri, written in list(self._datasets.written.items()):
            folder, _, name = uri.removeprefix(f"memory://{project}/").partition("/")
            if folder in ("segments", "versions"):
                yield StoredPart(
                    kind="segment" if folder == "segments" else "document",
                    name=name,
                    handle=f"{uri}@{written.isoformat()}",
                    bytes=len(self._datasets.objects[uri]),
                    written_at=written,
                )

    def delete(self, project: str, parts: Sequence[StoredPart]) -> None:  # noqa: ARG002
        for each in parts:
            uri, _, written = each.handle.rpartition("@")
            if uri in self._datasets.written and self._datasets.written[uri].isoformat() == written:
                del self._datasets.written[uri], self._datasets.objects[uri]
