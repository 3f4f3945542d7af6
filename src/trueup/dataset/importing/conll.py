"""CoNLL's columns: a token a line with its tag last, a blank line behind each sentence (CoNLL-2003).

A sentence is a sample; those between two -DOCSTART- lines are a group. `--attribute` names another column than the last
by its number, from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from trueup.dataset.importing.files import MAX_LINE, chosen, each_of, kinds_only, of_files, opened, split_in
from trueup.dataset.importing.tags import spans_of_tags
from trueup.dataset.sources import Item, Labelled, Reading
from trueup.errors import InputError, ManifestError
from trueup.model import Kind

_KINDS: tuple[Kind, ...] = ("spans",)
_ENDINGS = (".conll", ".conll03", ".bio", ".iob", ".iob2", ".iobes", ".ner", ".txt", ".train", ".testa", ".testb")
_DOCUMENT = b"-DOCSTART-"
# No sentence is as long: the file has no blank lines, so it is none of these.
_MOST_TOKENS = 20_000


@dataclass
class _Sentence:
    line: int
    document: int
    rows: list[bytes] = field(default_factory=list)


def read(reading: Reading) -> Iterator[Item]:
    """Raises InputError for a project that does not ask for spans, NotFoundError."""
    kinds_only(reading, _KINDS, "CoNLL")
    column = _column(reading.attribute)
    return of_files(chosen(reading, _ENDINGS, "CoNLL file"), lambda name: _items(reading, name, column))


def _column(attribute: str | None) -> int:
    try:
        return -1 if attribute is None else int(attribute)
    except ValueError:
        raise InputError(
            f"--attribute {attribute}: name the column of the tags by its number, from 0", field="--attribute"
        ) from None


def _items(reading: Reading, name: str, column: int) -> Iterator[Item]:
    def made(where: str, sentence: _Sentence) -> Item:
        pairs = [_pair(row, sentence.line + place, column) for place, row in enumerate(sentence.rows)]
        text, label = spans_of_tags([token for token, _ in pairs], [tag for _, tag in pairs])
        return Labelled(
            where=where,
            label=label,
            data=text.encode(),
            content_type="text/plain",
            group=f"{name}#{sentence.document}" if sentence.document else None,
            split=split_in(name),
        )

    rows = ((f"{name}:{each.line}", each) for each in _sentences(reading, name))
    return each_of(rows, made)


def _sentences(reading: Reading, name: str) -> Iterator[_Sentence]:
    current, document, number = None, 0, 0
    with opened(reading.source, name) as stream:
        while raw := stream.readline(MAX_LINE):
            number += 1
            if raw.strip() and not raw.startswith(_DOCUMENT):
                current = current or _Sentence(line=number, document=document)
                _add(current, raw, name)
                continue
            document += raw.startswith(_DOCUMENT)
            if current:
                yield current
                current = None
    if current:
        yield current


def _add(sentence: _Sentence, raw: bytes, name: str) -> None:
    if not sentence.rows and raw.startswith((b"# ", b"#\t")) and b"=" in raw:
        sentence.line += 1
        return
    sentence.rows.append(raw)
    if len(sentence.rows) > _MOST_TOKENS:
        raise InputError(f"{name}:{sentence.line} begins a sentence of over {_MOST_TOKENS:,} tokens: is it CoNLL?")


def _pair(raw: bytes, number: int, column: int) -> tuple[str, str]:
    try:
        text = raw.decode().strip("\r\n").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ManifestError(f"line {number} is not UTF-8: {error.reason}") from error
    cells = text.split("\t") if "\t" in text else text.split()
    try:
        token, tag = cells[0].strip(), cells[column].strip()
    except IndexError:
        token = tag = ""
    if len(cells) < 2 or not token or not tag:
        raise ManifestError(f"line {number} needs a token and a tag, with a space or a tab between: {text[:80]!r}")
    return token, tag
