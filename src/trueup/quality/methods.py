"""The table of consensus methods: one file each, one line here.

A method answers two questions. `posterior`: how likely is each class of one sample, given its labels and what is known
of the annotators? It costs O(answers of the sample), so a new answer is judged at once. `fit`: what do all answers say
of all samples and of the annotators? This is the rarer pass whose skills the former then uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

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

    def __init__(self, loaders: Mapping[str, Callable[[], Method]]) -> None:
        self._loaders = loaders

    def __getitem__(self, name: str) -> Method:
        return self._loaders[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)

    def __contains__(self, name: object) -> bool:
        return name in self._loaders


# Written out, since what a function's package holds is read from import statements.
def _crowdlab() -> Method:
    from trueup.quality import crowdlab

    return crowdlab


def _dawid_skene() -> Method:
    from trueup.quality import dawid_skene

    return dawid_skene


def _glad() -> Method:
    from trueup.quality import glad

    return glad


def _mace() -> Method:
    from trueup.quality import mace

    return mace


def _majority() -> Method:
    from trueup.quality import majority

    return majority


def _weighted_majority() -> Method:
    from trueup.quality import weighted_majority

    return weighted_majority


METHODS = Methods(
    {
        "crowdlab": _crowdlab,
        "dawid-skene": _dawid_skene,
        "glad": _glad,
        "mace": _mace,
        "majority": _majority,
        "weighted-majority": _weighted_majority,
    }
)


def method_named(name: str) -> Method:
    """A project's method. Raises ConfigurationError that names those there are."""
    if name not in METHODS:
        known = ", ".join(sorted(METHODS))
        raise ConfigurationError(f"consensus.method is {name!r}; methods: {known}", field="consensus.method")
    return METHODS[name]
