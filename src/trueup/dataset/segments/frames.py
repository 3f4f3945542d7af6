"""Lines of a dataset by column, and back.

Columns hold what lines say beside their ids, in words that an id's own line does not repeat: a group that is the
sample itself is nothing, and a payload's URI has placeholders where it names the sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np

from trueup.dataset.segments.columns import Coded, Column, Hexes, Numbers, joined
from trueup.dataset.segments.keys import Keys, Rows, in_order
from trueup.dataset.segments.keys import joined as joined_keys
from trueup.errors import ManifestError
from trueup.model import LabelledSample, Removal

TEXTS = ("label", "split", "group", "content_type", "payload_uri", "selected_by", "slice")
FLOATS = ("weight", "posterior", "agreement", "propensity")
HEXES = ("consensus_id", "fingerprint")
TIMES = ("labelled_at", "captured_at")
WHOLE = (*TIMES, "since")
# What a delta knows of the lines that it replaces: nothing where there was none.
WAS = ("was_label", "was_split")
COLUMNS = (*TEXTS, "annotators", *FLOATS, *HEXES, *WHOLE)
GONE = ("why",)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NEVER = np.iinfo(np.int64).min
_NONE = float("nan")
# Between names that stand together.
_NAMES = "\n"


@dataclass(frozen=True)
class Frame:
    """Rows in the order of their keys, by column."""

    keys: Keys
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: Rows) -> Frame:
        return Frame(self.keys.take(rows), {name: each.take(rows) for name, each in self.columns.items()})

    def text(self, name: str) -> Coded:
        column = self.columns[name]
        return column if isinstance(column, Coded) else Coded.of(column.tolist())

    def lines(self) -> list[LabelledSample]:
        """Raises ManifestError for a split that there is not."""
        ids = self.keys.ids()
        _check_splits(self.text("split"))
        names = LabelledSample.__struct_fields__[1:]
        columns: Any = [_READ[name](self.columns[name], ids) for name in names]
        return [LabelledSample(*each) for each in zip(ids, *columns, strict=True)]

    def removals(self) -> list[Removal]:
        whys = self.columns["why"].tolist()
        return [Removal(sample_id=name, why=why or "") for name, why in zip(self.keys.ids(), whys, strict=True)]


def frame_of(samples: Sequence[LabelledSample], *, text: bool) -> Frame:
    """Samples that are in order, each once. Raises ManifestError."""
    columns = {name: _WRITTEN[name](samples, name) for name in COLUMNS}
    return Frame(Keys.of([each.sample_id for each in samples], text=text), columns)


def frame_of_removals(removals: Sequence[Removal], *, text: bool) -> Frame:
    whys = Coded.of(each.why or None for each in removals)
    return Frame(Keys.of([each.sample_id for each in removals], text=text), {"why": whys})


def with_before(frame: Frame, before: Mapping[str, LabelledSample]) -> Frame:
    """A frame that also tells which label and split each sample had."""
    held = [before.get(each) for each in frame.keys.ids()]
    was = {
        "was_label": Coded.of(each.label if each else None for each in held),
        "was_split": Coded.of(each.split if each else None for each in held),
    }
    return Frame(frame.keys, {**frame.columns, **was})


def merged(parts: Iterable[Frame]) -> Frame:
    """The rows of several frames in order, which have no id in common, and the same columns."""
    frames = [each for each in parts if len(each)]
    if len(frames) == 1:
        return frames[0]
    keys = joined_keys([each.keys for each in frames])
    whole = Frame(keys, {name: joined([each.columns[name] for each in frames]) for name in frames[0].columns})
    return whole if keys.ascend() else whole.take(in_order(keys))


def no_rows(names: Iterable[str]) -> Frame:
    """Nothing, by column."""
    return Frame(Keys.none(), {each: _EMPTY.get(each, Coded.nothing(0)) for each in names})


# ---------------------------------------------------------------- lines to columns


def _texts(samples: Sequence[LabelledSample], name: str) -> Column:
    return Coded.of(map(attrgetter(name), samples))


def _names(samples: Sequence[LabelledSample], _name: str) -> Column:
    return Coded.of([_NAMES.join(each.annotators) or None for each in samples])


def _groups(samples: Sequence[LabelledSample], _name: str) -> Column:
    return Coded.of([None if each.group == each.sample_id else each.group for each in samples])


def _uris(samples: Sequence[LabelledSample], _name: str) -> Column:
    return Coded.of([_template(each.payload_uri, each.sample_id) for each in samples])


def _floats(samples: Sequence[LabelledSample], name: str) -> Column:
    return Numbers(np.array([_NONE if each is None else each for each in map(attrgetter(name), samples)], np.float64))


def _times(samples: Sequence[LabelledSample], name: str) -> Column:
    return Numbers(np.array([_microseconds(getattr(each, name)) for each in samples], np.int64))


def _microseconds(at: datetime | None) -> int:
    return _NEVER if at is None else (at - _EPOCH) // _MICROSECOND


def _since(samples: Sequence[LabelledSample], _name: str) -> Column:
    return Numbers(np.array([each.since for each in samples], np.int64))


def _hexes(samples: Sequence[LabelledSample], name: str) -> Column:
    """As bytes where all that there are are hexadecimal digits of one length."""
    texts = [getattr(each, name) for each in samples]
    lengths = {len(each) for each in texts if each is not None}
    if len(lengths) != 1 or not all(each is None or _is_hex(each) for each in texts):
        return Coded.of(texts)
    (length,) = lengths
    missing = np.array([each is None for each in texts], np.bool_)
    digits = "".join(["0" * length if each is None else each for each in texts])
    return Hexes(np.frombuffer(bytes.fromhex(digits), f"S{length // 2}"), missing)


_DIGITS = frozenset("0123456789abcdef")


def _is_hex(text: str) -> bool:
    return bool(text) and len(text) % 2 == 0 and _DIGITS.issuperset(text)


_WRITTEN: dict[str, Callable[[Sequence[LabelledSample], str], Column]] = {
    **dict.fromkeys(TEXTS, _texts),
    "group": _groups,
    "payload_uri": _uris,
    "annotators": _names,
    **dict.fromkeys(FLOATS, _floats),
    **dict.fromkeys(HEXES, _hexes),
    **dict.fromkeys(TIMES, _times),
    "since": _since,
}

# ---------------------------------------------------------------- a URI that names its sample

# A NUL begins what stands for something: the id, its first two digits and a slash before it, or a NUL itself.
_ID, _FAN, _NUL = "\0i", "\0p", "\0n"


def _template(uri: str, sample_id: str) -> str:
    before, found, after = uri.partition(sample_id)
    if not found or not sample_id:
        return _escaped(uri)
    fan = f"{sample_id[:2]}/"
    if before.endswith(fan):
        return f"{_escaped(before.removesuffix(fan))}{_FAN}{_escaped(after)}"
    return f"{_escaped(before)}{_ID}{_escaped(after)}"


def _escaped(text: str) -> str:
    return text.replace("\0", _NUL)


def _uri_maker(template: str) -> Callable[[str], str]:
    for mark in (_FAN, _ID):
        before, found, after = template.partition(mark)
        if found:
            return partial(_uri, before.replace(_NUL, "\0"), mark, after.replace(_NUL, "\0"))
    plain = template.replace(_NUL, "\0")
    return lambda _: plain


def _uri(before: str, mark: str, after: str, name: str) -> str:
    return f"{before}{name[:2]}/{name}{after}" if mark == _FAN else f"{before}{name}{after}"


# ---------------------------------------------------------------- and back


def _read(column: Column, _ids: Sequence[str]) -> Sequence[Any]:
    return column.tolist()


def _read_groups(column: Column, ids: Sequence[str]) -> Sequence[Any]:
    return [name if each is None else each for each, name in zip(column.tolist(), ids, strict=True)]


def _read_names(column: Column, _ids: Sequence[str]) -> Sequence[Any]:
    return [() if each is None else tuple(each.split(_NAMES)) for each in column.tolist()]


def _read_uris(column: Column, ids: Sequence[str]) -> Sequence[Any]:
    assert isinstance(column, Coded)  # noqa: S101
    makers = [_uri_maker(each or "") for each in column.values]
    return [makers[code](name) for code, name in zip(column.codes.tolist(), ids, strict=True)]


def _read_floats(column: Column, _ids: Sequence[str]) -> Sequence[Any]:
    return [None if each != each else each for each in column.tolist()]


def _read_times(column: Column, _ids: Sequence[str]) -> Sequence[Any]:
    times = {each: _time(each) for each in set(column.tolist())}
    return [times[each] for each in column.tolist()]


def _time(microseconds: int) -> datetime | None:
    return None if microseconds == _NEVER else _EPOCH + timedelta(microseconds=microseconds)


_READ: dict[str, Callable[[Column, Sequence[str]], Sequence[Any]]] = {
    **dict.fromkeys(COLUMNS, _read),
    "group": _read_groups,
    "payload_uri": _read_uris,
    "annotators": _read_names,
    "propensity": _read_floats,
    **dict.fromkeys(TIMES, _read_times),
}


_EMPTY = {name: _WRITTEN[name]((), name) for name in (*FLOATS, *WHOLE)}


def _check_splits(splits: Coded) -> None:
    unknown = splits.counts().keys() - {"train", "validation", "test"}
    if unknown:
        raise ManifestError(f"there is no split {min(map(str, unknown))!r}", field="split")
