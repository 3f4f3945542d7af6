"""What strategies ask about the few candidates that a first look left, and could not ask about all predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.model import Knowledge
from trueup.selection.pool import Entry
from trueup.similarity.features import Vector, together

T = TypeVar("T")


class Seen(msgspec.Struct, frozen=True):
    """Inputs as vectors, None where their bytes tell nothing, and the model's answers: float64[n, k]."""

    inputs: Sequence[Vector | None]
    answers: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.inputs)

    def vectors(self) -> Vector:
        """Where they lie among each other: float32[n, d]."""
        return together(self.inputs, self.answers)


class Lens(Protocol[T]):
    """Looks at things that a pool kept."""

    def usable(self, entries: Sequence[Entry[T]]) -> list[Entry[T]]:
        """Those whose input can be read."""
        ...

    def seen(self, entries: Sequence[Entry[T]]) -> Seen:
        """Inputs and answers of usable ones."""
        ...

    def disagreements(self, entries: Sequence[Entry[T]]) -> NDArray[np.float64]:
        """How much other variants say something else of each, in [0, 1]; 0 where none was asked: float64[n]."""
        ...


class Candidates(msgspec.Struct, frozen=True, dict=True):
    """What a second look goes by: the first look's scores float64[n], highest first; the candidates and a uniform
    sample of the window, each seen only if somebody asks."""

    scores: NDArray[np.float64]
    knowledge: Knowledge
    see: Callable[[], Seen]
    see_sample: Callable[[], Seen]
    disagreements: Callable[[], NDArray[np.float64]]

    @cached_property
    def seen(self) -> Seen:
        return self.see()

    @cached_property
    def sample(self) -> Seen:
        return self.see_sample()

    def beside_sample(self) -> tuple[Vector, Vector]:
        """Candidates and sample as vectors of one space: float32[n, d], float32[m, d]."""
        width = max(self.seen.answers.shape[1], self.sample.answers.shape[1])
        answers = [_wide(each.answers, width) for each in (self.seen, self.sample)]
        found = together([*self.seen.inputs, *self.sample.inputs], np.concatenate(answers))
        return found[: len(self.seen)], found[len(self.seen) :]


def _wide(answers: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    return np.pad(answers, ((0, 0), (0, width - answers.shape[1])))
