"""CoNLL-2003's four columns: a token, two that are not known here (part of speech, chunk), and a tag in IOB2.

Sang and De Meulder, "Introduction to the CoNLL-2003 Shared Task" (2003). `-DOCSTART- -X- O O` begins each sample, in
the order of their ids; a line of a text is a sentence, unless a span goes on across its end.

A token is a run of letters, digits and underscores, or any other character that is no white space; it is cut where a
span begins or ends within it. White space at a span's ends is lost. A token has one tag: of spans that overlap, the
longest stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from trueup.dataset.exporting import INPUTS, ExportedFile, ExportRequest, lose_group, text_of, value_of
from trueup.labels.values import Span, Spans
from trueup.model import Kind

KINDS: tuple[Kind, ...] = ("spans",)
HOLDS_NONE = False
FILE = "samples.conll"
READERS = "spaCy, NLTK"
CUT = INPUTS
BLANKS = "spans of white space"
OVERLAPS = "spans that overlap longer ones"
RELATIONS = "relations between spans"
_START = b"-DOCSTART- -X- O O\n\n"
_TOKEN = re.compile(r"\w+|[^\w\s]")
_SPACE = re.compile(r"\s+")


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    yield ExportedFile(request.named(FILE), _documents(request))


def _documents(request: ExportRequest) -> Iterator[bytes]:
    for sample, payload in request.loaded(request.samples()):
        lose_group(request, sample)
        value = value_of(sample, request, Spans)
        text = text_of(sample, payload)
        seen = [each for each in value.spans if text[each.start : each.end].strip()]
        kept = flat(seen)
        request.lost[BLANKS] += len(value.spans) - len(seen)
        request.lost[OVERLAPS] += len(seen) - len(kept)
        request.lost[RELATIONS] += len(value.relations)
        yield _START + "".join(f"{line}\n" for line in _lines(text, kept)).encode()


def flat(spans: Sequence[Span]) -> list[Span]:
    """Those that can stand beside each other, by place: the longest first, then the first."""
    kept: list[Span] = []
    for each in sorted(spans, key=lambda one: (one.start - one.end, one.start, one.label)):
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda one: one.start)


def _lines(text: str, spans: Sequence[Span]) -> Iterator[str]:
    """With an empty one after each sentence."""
    before = None
    for start, end, tag in tokens(text, spans):
        if before is not None and tag[0] != "I" and "\n" in text[before:start]:
            yield ""
        yield f"{text[start:end]} _ _ {tag}"
        before = end
    if before is not None:
        yield ""


def tokens(text: str, spans: Sequence[Span]) -> Iterator[tuple[int, int, str]]:
    """Where each token begins and ends, and its tag. `spans` are by place and do not overlap."""
    waiting = list(reversed(spans))
    begun: Span | None = None
    for start, end in _pieces(text, spans):
        while waiting and waiting[-1].end <= start:
            waiting.pop()
        inside = waiting[-1] if waiting and waiting[-1].start <= start else None
        if inside is None:
            yield start, end, "O"
        else:
            yield start, end, f"{'I' if inside is begun else 'B'}-{_SPACE.sub('_', inside.label)}"
        begun = inside


def _pieces(text: str, spans: Iterable[Span]) -> Iterator[tuple[int, int]]:
    cuts = sorted({place for each in spans for place in (each.start, each.end)})
    number = 0
    for found in _TOKEN.finditer(text):
        start = found.start()
        while number < len(cuts) and cuts[number] < found.end():
            if cuts[number] > start:
                yield start, cuts[number]
                start = cuts[number]
            number += 1
        yield start, found.end()
