"""What lies between two label schemas, and what it asks of people."""

from __future__ import annotations

from trueup.labels.naming import names_in, value_of
from trueup.labels.values import NoneOfThese
from trueup.model import LabelSchema, Record


class SchemaDifference(Record, frozen=True, kw_only=True):
    """Classes and relations by what became of them. `renamed` leads from old names to today's, several of which may
    be one; `split` to what a class may be today; `removed` are no more and nobody said what they became; `other` names
    what else gives answers another meaning."""

    added: tuple[str, ...]
    renamed: dict[str, str]
    split: dict[str, tuple[str, ...]]
    removed: tuple[str, ...]
    other: tuple[str, ...] = ()


def difference(before: LabelSchema, after: LabelSchema) -> SchemaDifference:
    old = (*before.names, *before.relation_names)
    new = (*after.names, *after.relation_names)
    gone = [each for each in old if each not in new]
    renamed = {each: after.renamed[each] for each in gone if each in after.renamed}
    split = {each: after.split[each] for each in gone if each in after.split}
    explained = {*renamed.values(), *(each for parts in split.values() for each in parts)}
    meanings = ("kind", "media", "scale", "none_of_these")
    return SchemaDifference(
        added=tuple(each for each in new if each not in old and each not in explained),
        renamed=renamed,
        split=split,
        removed=tuple(each for each in gone if each not in renamed and each not in split),
        other=tuple(each for each in meanings if getattr(before, each) != getattr(after, each)),
    )


def undecided_names(text: str, schema: LabelSchema) -> tuple[str, ...]:
    """The names in a label whose class was split or removed: only people can say what it is today."""
    return tuple(each for each in names_in(text) if each in schema.split or each in schema.removed)


def why_asked(name: str, schema: LabelSchema) -> str:
    """What annotators are told of a label with such a name."""
    if name in schema.split:
        return f"This was {name!r}, which is several classes now: {', '.join(schema.split[name])}."
    return f"This was {name!r}, which is no class any more."


def missed_classes(text: str, added: tuple[str, ...]) -> tuple[str, ...]:
    """Which of the new classes somebody may have missed who gave this answer: the one that they proposed, or any
    where they said that no class fits and proposed none."""
    value = value_of(text)
    if not isinstance(value, NoneOfThese):
        return ()
    proposed = value.proposed.strip().casefold()
    return tuple(each for each in added if not proposed or each.casefold() == proposed)
