"""The lines of a history, drawn beside it with the characters of any terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trueup.model import Record


class Link(Record, frozen=True, kw_only=True):
    """A version with what it came from."""

    version_id: str
    parent: str | None = None
    merged: str | None = None


class Row(Record, frozen=True, kw_only=True):
    """What stands left of a version, and the lines above and below it that have no text."""

    above: tuple[str, ...]
    beside: str
    below: tuple[str, ...]


def drawn(links: Iterable[Link]) -> Iterator[Row]:
    """Each link is met before those that it came from. A lane goes on until the version that it waits for is met."""
    lanes: list[str] = []
    for each in links:
        if each.version_id not in lanes:
            lanes.append(each.version_id)
        place = lanes.index(each.version_id)
        above = tuple(_joined(lanes, place))
        beside = "".join("* " if lane == place else "| " for lane in range(len(lanes)))
        yield Row(above=above, beside=beside.rstrip(), below=tuple(_parted(lanes, place, each)))


def _joined(lanes: list[str], place: int) -> Iterator[str]:
    """Lanes that wait for the same version become one."""
    while lanes.count(lanes[place]) > 1:
        last = len(lanes) - 1 - lanes[::-1].index(lanes[place])
        yield f"{'| ' * (last - 1)}|/ {'/ ' * (len(lanes) - last - 1)}".rstrip()
        del lanes[last]


def _parted(lanes: list[str], place: int, link: Link) -> Iterator[str]:
    if link.merged is not None and link.merged not in lanes:
        lanes.insert(place + 1, link.merged)
        yield f"{'| ' * place}|\\ {_SHIFTED * (len(lanes) - place - 2)}".rstrip()
    if link.parent is None:
        del lanes[place]
    else:
        lanes[place] = link.parent


_SHIFTED = "\\ "
