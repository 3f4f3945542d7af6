"""The table of consensus methods: one file each, one line here.

A method answers two questions. `posterior`: how likely is each class of one sample, given its labels and what is known
of the annotators? It costs O(answers of the sample), so a new answer is judged at once. `fit`: what do all answers say
of all samples and of the annotators? This is the rarer pass whose skills the former then uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast

from trueup.errors import ConfigurationError
from trueup.model import AnnotatorSkill
from trueup.quality.answers import Answers, Fit, Floats


class Method(Protocol):
    """A module with these functions is a consensus method."""

    def posterior(
        self,
        labels: Sequence[tuple[str, str]],
        classes: Sequence[str],
        skills: Mapping[str, AnnotatorSkill],
        prediction: Floats | None = None,
    ) -> Floats:
        """float64[k] of one sample from (annotator, label) pairs; `prediction` float64[k] is what the model said."""
        ...

    def fit(self, answers: Answers) -> Fit: ...


class Methods(Mapping[str, Method]):
    """Methods by name. Each is imported when it is first asked for: a function's cold start pays for its own alone."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules

    def __getitem__(self, name: str) -> Method:
        return cast("Method", import_module(f"trueup.quality.{self._modules[name]}"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules


METHODS = Methods(
    {
        "crowdlab": "crowdlab",
        "dawid-skene": "dawid_skene",
        "glad": "glad",
        "mace": "mace",
        "majority": "majority",
        "weighted-majority": "weighted_majority",
    }
)


def method_named(name: str) -> Method:
    """A project's method. Raises ConfigurationError that names those there are."""
    if name not in METHODS:
        known = ", ".join(sorted(METHODS))
        raise ConfigurationError(f"consensus.method is {name!r}; methods: {known}", field="consensus.method")
    return METHODS[name]
