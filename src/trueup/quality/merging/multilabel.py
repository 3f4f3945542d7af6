"""Several classes at once: of each class, whether it is there, as a question of two classes of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trueup.labels.values import Classes
from trueup.model import AnnotatorSkill, LabelSchema
from trueup.quality.merging import Merged, Said
from trueup.quality.methods import Method

THERE = ("no", "yes")


def merge(said: Sequence[Said], schema: LabelSchema, skills: Mapping[str, AnnotatorSkill], method: Method) -> Merged:
    chances = {
        name: float(method.posterior([_vote(each, name) for each in said], THERE, skills)[1]) for name in schema.names
    }
    there = tuple(name for name, chance in chances.items() if chance > 0.5)
    return Merged(Classes(classes=there), min(max(each, 1 - each) for each in chances.values()))


def likeness(one: Classes, other: Classes, schema: LabelSchema) -> float:  # noqa: ARG001
    """Classes in common over classes of either (Jaccard)."""
    either = {*one.classes, *other.classes}
    return len({*one.classes} & {*other.classes}) / len(either) if either else 1.0


def votes(sample: str, said: Said, schema: LabelSchema) -> list[tuple[str, str, str]]:
    """An answer as answers to as many questions as there are classes: (question, annotator, yes or no)."""
    return [(f"{sample}\n{name}", *_vote(said, name)) for name in schema.names]


def _vote(said: Said, name: str) -> tuple[str, str]:
    return said.annotator, THERE[name in said.value.classes]
