"""What is forgotten leaves the group indexes of all versions, and the frozen test sets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from trueup.dataset.frozen import Members
from trueup.dataset.groups import Keys, key_of, speaks_of
from trueup.errors import NotFoundError
from trueup.model import FrozenTest, Record
from trueup.ports import DatasetStore, ForgettingStore, ObjectEraser
from trueup.usecases.making_versions import view_of


class Dropped(Record, frozen=True, kw_only=True):
    """`frozen` counts the test sets that are others now; `removed` are the objects that went, by URI."""

    frozen: int
    removed: tuple[str, ...]


@dataclass(frozen=True)
class ForgetIndexes:
    """Parts of indexes go whole, for they are made anew from a version's lines where they are missing. A frozen test
    set goes on to cover what is left of it.

    To be called when no version holds the samples any more. May be repeated. Raises IntegrityError.
    """

    datasets: DatasetStore
    forgetting: ForgettingStore
    objects: ObjectEraser

    def __call__(self, project: str, sample_ids: Collection[str], keys: Collection[int]) -> Dropped:
        """`keys` are those of the lines that the samples had (trueup.dataset.groups.keys_of)."""
        told = np.array(sorted({*keys, *map(key_of, sample_ids)}), dtype=np.uint64)
        frozen = sum(self._refreeze(each, sample_ids, told) for each in self.datasets.frozen(project))
        kept = {each.sha256 for each in self.datasets.frozen(project)}
        parts = ((name, data) for name, data in self.objects.parts(project) if name not in kept)
        gone = [name for name, data in parts if speaks_of(data, told)]
        return Dropped(frozen=frozen, removed=tuple(self.objects.drop_parts(project, gone)))

    def _refreeze(self, frozen: FrozenTest, sample_ids: Collection[str], told: Keys) -> bool:
        before = self.datasets.part(frozen.project, frozen.sha256)
        if not speaks_of(before, told):
            return False
        left = self._left(frozen, Members.decoded(before), sample_ids, told)
        if left.encoded() == before:
            return False
        name = self.datasets.put_part(frozen.project, left.encoded())
        self.forgetting.refreeze(
            replace(frozen, sha256=name, samples=len(left.samples), groups=len(left.groups)),
        )
        return True

    def _left(self, frozen: FrozenTest, members: Members, sample_ids: Collection[str], told: Keys) -> Members:
        """Groups and fingerprints that others have, too, stay, as long as the version's lines tell of the others."""
        try:
            version = self.datasets.version(frozen.project, frozen.version_id)
            held = view_of(self.datasets, frozen.project, version)
            return Members.of(each for each in held if each.sample_id not in sample_ids)
        except NotFoundError:
            return members.without(told)
