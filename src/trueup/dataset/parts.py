"""A version in parts by sample id, for many at once: each part is what one worker reads at a time."""

from __future__ import annotations

from trueup.dataset.merging import Span
from trueup.model import Record

# What a worker with 1,769 MB reads, compares and writes within some seconds, and far from its limits.
PART_ROWS = 250_000
_HEADS = 1 << 64


class Part(Record, frozen=True, kw_only=True):
    """The samples whose ids begin with `low` or more, and with less than `high`: sixteen hexadecimal digits. An empty
    `high` is the end."""

    number: int
    low: str
    high: str

    @property
    def span(self) -> Span:
        return Span(int(self.low, 16), int(self.high, 16) if self.high else _HEADS)


def parts_of(samples: int, rows: int = PART_ROWS) -> tuple[Part, ...]:
    """Parts of about `rows` samples. Ids are hashes, so that equal shares of them are equally full; a dataset with
    other ids has them all in a few parts, which costs time and nothing else."""
    number = max(1, -(-samples // rows))
    bounds = [f"{place * _HEADS // number:016x}" for place in range(number)]
    return tuple(
        Part(number=place, low=low, high=high)
        for place, (low, high) in enumerate(zip(bounds, [*bounds[1:], ""], strict=True))
    )
