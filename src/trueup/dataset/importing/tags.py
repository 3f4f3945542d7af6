"""Tags of tokens as spans of a text, in any of the usual schemes: IOB1, BIO (IOB2), IOBES, BILOU, or bare classes.

As conlleval of CoNLL-2000 reads them: a span begins where a tag says so, or where one goes on that another class or
nothing stands before. The text is the tokens with a space between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueup.errors import ManifestError
from trueup.labels.reading import written
from trueup.labels.values import Span, Spans

_OUTSIDE = ("O", "_", "-X-")
_BEGINS, _ENDS = ("B", "S", "U"), ("E", "S", "L", "U")
_GOES_ON = ("I", "E", "L", "M")


def spans_of_tags(tokens: Sequence[str], tags: Sequence[str]) -> tuple[str, str]:
    """The text, and the label's text. Raises ManifestError for other tags than tokens, or a tag of no scheme."""
    if len(tokens) != len(tags):
        raise ManifestError(f"there are {len(tokens)} tokens and {len(tags)} tags")
    if not tokens:
        raise ManifestError("there are no tokens")
    places, start = [], 0
    for each in tokens:
        places.append((start, start + len(each)))
        start += len(each) + 1
    spans = [Span(label=label, start=places[first][0], end=places[last][1]) for label, first, last in _chunks(tags)]
    return " ".join(tokens), written(Spans(spans=tuple(spans)))


def _chunks(tags: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """(class, first token, last token) in turn."""
    open_label, first = "", 0
    for place, tag in enumerate((*tags, "O")):
        mark, label = _parts(tag)
        if open_label and (mark in _BEGINS or label != open_label):
            yield open_label, first, place - 1
            open_label = ""
        if label and not open_label:
            open_label, first = label, place
        if open_label and mark in _ENDS:
            yield open_label, first, place
            open_label = ""


def _parts(tag: str) -> tuple[str, str]:
    """The mark and the class: ("B", "PER"); nothing for what is outside. A class alone goes on."""
    if tag in _OUTSIDE:
        return "", ""
    mark, dash, label = tag.partition("-")
    if dash and mark in (*_BEGINS, *_GOES_ON):
        if not label:
            raise ManifestError(f"the tag {tag!r} names no class")
        return mark, label
    if not tag:
        raise ManifestError("a token has no tag")
    return "I", tag
