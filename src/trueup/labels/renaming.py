"""Labels of before under the names that classes and relations have today (`renamed` of the label schema)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from trueup.errors import LabelError
from trueup.labels.naming import names_in, relations_in, value_of, with_names
from trueup.labels.reading import checked, new_names, written
from trueup.model import Annotation, LabelSchema

_NAMELESS = ("text", "rating", "preference")


def renamed(text: str, schema: LabelSchema) -> str:
    """A label's text with today's names, canonical where one was changed; else the text itself. What today's schema
    refuses for another reason bears today's names all the same."""
    if not schema.renamed:
        return text
    value = value_of(text)
    if value is None:
        return schema.renamed.get(text, text)
    named = with_names(value, *new_names(schema))
    if named == value:
        return text
    try:
        return checked(written(named), schema)
    except LabelError:
        return written(named)


def with_todays_names(annotations: Iterable[Annotation], schema: LabelSchema) -> list[Annotation]:
    """Answers as they read today. What each one's `schema_version` says stays that of its day."""
    if not schema.renamed:
        return list(annotations)
    return [replace(each, label=renamed(each.label, schema)) for each in annotations]


def old_names(text: str, schema: LabelSchema) -> tuple[str, ...]:
    """The names in a label that `renamed` replaces, each once."""
    return tuple(each for each in _names(text) if each in schema.renamed)


def unknown_names(text: str, schema: LabelSchema) -> tuple[str, ...]:
    """The names in a label that are neither today's nor in `renamed`, `split` or `removed`, each once; none in kinds
    without classes."""
    if schema.kind in _NAMELESS:
        return ()
    known, relations = new_names(schema)
    classes = {*known, *schema.names, *schema.split, *schema.removed}
    strange = [each for each in names_in(text) if each not in classes]
    strange += [each for each in relations_in(text) if each not in schema.relation_names and each not in relations]
    return tuple(dict.fromkeys(strange))


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names_in(text), *relations_in(text))))
