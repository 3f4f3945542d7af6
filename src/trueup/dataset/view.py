"""What a version holds, read as far as it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from trueup.dataset.merging import SPAN_ROWS, Stack, spans
from trueup.dataset.segments import segments_of
from trueup.dataset.segments.cache import SEGMENTS, SegmentCache
from trueup.dataset.segments.columns import Column
from trueup.dataset.segments.frames import COLUMNS, Frame
from trueup.dataset.segments.keys import Keys, is_hash
from trueup.model import DatasetVersion, LabelledSample, Segment


class View:
    """The samples of a version; none where there is no version yet. `read` answers a segment's bytes by its SHA-256.

    `segments` are read in place of the version's own where they hold the same: those of a checkpoint. Whatever goes
    through all samples has a part of them in memory at a time.
    """

    def __init__(
        self,
        version: DatasetVersion | None,
        read: Callable[[str], bytes],
        segments: Sequence[Segment] | None = None,
        cache: SegmentCache = SEGMENTS,
    ) -> None:
        self.version = version
        own = version.segments if version else ()
        self.stack = Stack(own if segments is None else segments, lambda each: cache.open(each.sha256, read))

    @classmethod
    def of_lines(cls, lines: Iterable[LabelledSample]) -> View:
        """A view of what is not stored anywhere."""
        parts = {each.segment.sha256: each for each in segments_of(lines)}
        segments = [each.segment for each in parts.values()]
        return _Loose(None, lambda sha256: parts[sha256].data, segments, SegmentCache())

    def lookup(self, sample_ids: Iterable[str]) -> dict[str, LabelledSample]:
        """The lines of those that the version holds."""
        return {each.sample_id: each for each in self.stack.at(self._keys(sample_ids)).lines()}

    def whys(self, sample_ids: Iterable[str]) -> dict[str, str]:
        """Why those of them were taken out that the segments tell of. A checkpoint tells of none that it need not."""
        return {each.sample_id: each.why for each in self.stack.gone(self._keys(sample_ids)).removals()}

    def frames(self, names: Iterable[str] = COLUMNS, rows: int = SPAN_ROWS) -> Iterator[Frame]:
        """All lines by sample id, about so many at a time, by column. Raises ManifestError."""
        names = tuple(names)
        found = (self.stack.lines(each, names) for each in spans([self.stack], rows))
        return (each for each in found if len(each))

    def counted(self, names: Iterable[str], rows: int = SPAN_ROWS) -> Iterator[tuple[int, Mapping[str, Column]]]:
        """Columns of all lines to be counted, a part at a time: how often (1 or -1), and the columns. Raises
        ManifestError."""
        names = tuple(names)
        return (part for each in spans([self.stack], rows) for part in self.stack.counted(each, names))

    def _keys(self, sample_ids: Iterable[str]) -> Keys:
        wanted = sorted(set(sample_ids))
        if not self.stack.text:
            wanted = [each for each in wanted if is_hash(each)]
        return Keys.of(wanted, text=self.stack.text)

    def __iter__(self) -> Iterator[LabelledSample]:
        """All lines by sample id."""
        return (line for frame in self.frames() for line in frame.lines())

    def __len__(self) -> int:
        return self.version.samples if self.version else 0


class _Loose(View):
    def __len__(self) -> int:
        return sum(each.samples for each in self.stack.segments)
