"""What a version holds, read as far as it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from trueup.dataset.segments import decode
from trueup.model import DatasetVersion, LabelledSample, Removal


class View:
    """The samples of a version; none where there is no version yet. `read` answers a segment's bytes by its SHA-256."""

    def __init__(self, version: DatasetVersion | None, read: Callable[[str], bytes]) -> None:
        self.version = version
        self._read = read

    def lookup(self, sample_ids: Iterable[str]) -> dict[str, LabelledSample]:
        """The lines of those that the version holds."""
        return {each: self._content[each] for each in sample_ids if each in self._content}

    def __iter__(self) -> Iterator[LabelledSample]:
        """All lines by sample id."""
        return (self._content[each] for each in sorted(self._content))

    def __len__(self) -> int:
        return self.version.samples if self.version else 0

    @cached_property
    def _content(self) -> dict[str, LabelledSample]:
        content: dict[str, LabelledSample] = {}
        for segment in self.version.segments if self.version else ():
            for each in decode(self._read(segment.sha256)):
                if isinstance(each, Removal):
                    content.pop(each.sample_id, None)
                else:
                    content[each.sample_id] = each
        return content
