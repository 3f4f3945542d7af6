"""Many answers as columns, which the consensus methods fit and agreement is measured on.

Names stand once, sorted; the columns hold their positions. Nothing depends on the order in which answers came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import LabelError
from trueup.model import Annotation

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
# Whole numbers that lie closer together than this, by their count, are told apart without sorting.
_WIDEST = 8


@dataclass(frozen=True)
class Answers:
    """n answers: `sample_of`, `annotator_of` and `label_of` are intp[n], positions in `samples`, `annotators` and
    `classes`; answers to one sample stand together. `predictions` float64[samples, classes] is what the model said,
    a row of NaN where it said nothing; None without a model."""

    samples: Sequence[Any]
    annotators: Sequence[Any]
    classes: Sequence[Any]
    sample_of: Ints
    annotator_of: Ints
    label_of: Ints
    predictions: Floats | None = None

    @classmethod
    def of(cls, triples: Iterable[tuple[str, str, str]], classes: Sequence[str] | None = None) -> Answers:
        """From (sample, annotator, label). `classes` None takes the labels that occur, sorted. Raises LabelError for a
        label that is none of the classes."""
        columns = list(zip(*triples, strict=True)) or [(), (), ()]
        samples, annotators = (sorted(set(each)) for each in columns[:2])
        known = sorted(set(columns[2])) if classes is None else list(classes)
        codes = [_positions(names, each) for names, each in zip((samples, annotators, known), columns, strict=True)]
        return cls._by_sample(samples, annotators, known, codes)

    @classmethod
    def of_columns(cls, samples: NDArray[Any], annotators: NDArray[Any], labels: NDArray[Any]) -> Answers:
        """From three arrays of names or numbers, [n] each."""
        found = [_distinct(each) for each in (samples, annotators, labels)]
        names = [each.tolist() for each, _ in found]
        return cls._by_sample(names[0], names[1], names[2], [codes for _, codes in found])

    @classmethod
    def of_annotations(cls, annotations: Iterable[Annotation], classes: Sequence[str]) -> Answers:
        """From live annotations, one sample per task. Answers with a label that the schema no longer has are left
        out: they say nothing about today's classes."""
        known = set(classes)
        found = ((each.task_id, each.annotator, each.label) for each in annotations if each.label in known)
        return cls.of(found, classes)

    @classmethod
    def _by_sample(
        cls, samples: Sequence[Any], annotators: Sequence[Any], classes: Sequence[Any], codes: Sequence[Ints]
    ) -> Answers:
        sample_of, annotator_of, label_of = codes
        # One key an answer: sorting numbers is several times as fast as a stable sort by samples.
        order = np.argsort((sample_of * max(1, len(annotators)) + annotator_of) * max(1, len(classes)) + label_of)
        return cls(samples, annotators, classes, sample_of[order], annotator_of[order], label_of[order])

    def __len__(self) -> int:
        return len(self.label_of)

    @property
    def counts(self) -> Ints:
        """Answers of each sample, intp[samples]."""
        return np.bincount(self.sample_of, minlength=len(self.samples))

    def add_up(self, weights: Floats | None = None) -> Floats:
        """Sums of weights (None: one each) float64[n] over the answers, float64[samples, classes]."""
        cells = self.sample_of * len(self.classes) + self.label_of
        sums = np.bincount(cells, weights, minlength=len(self.samples) * len(self.classes))
        return sums.reshape(len(self.samples), len(self.classes)).astype(np.float64, copy=False)


@dataclass(frozen=True)
class Fit:
    """What a method made of many answers: `posterior` float64[samples, classes], whose rows sum to one; and of each
    annotator the `confusion` float64[annotators, classes (true), classes (answered)], whose rows sum to one."""

    posterior: Floats
    confusion: Floats


def softmax(logs: Floats, axis: int = 1) -> Floats:
    """Probabilities of unnormalised logarithms along an axis; a new array."""
    weights = np.asarray(logs - logs.max(axis=axis, keepdims=True), dtype=np.float64)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=axis, keepdims=True)
    return weights


def _distinct(column: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    """Distinct values, sorted, and the position of each entry among them."""
    if not len(column) or column.dtype.kind not in "iu" or np.ptp(column) > _WIDEST * len(column):
        names, codes = np.unique(column, return_inverse=True)
        return names, codes
    shifted = column - column.min()
    there = np.bincount(shifted) > 0
    return np.flatnonzero(there) + column.min(), (np.cumsum(there) - 1)[shifted]


def _positions(names: Sequence[str], values: Sequence[str]) -> Ints:
    position = {name: index for index, name in enumerate(names)}
    try:
        return np.fromiter((position[each] for each in values), dtype=np.intp, count=len(values))
    except KeyError as error:
        raise LabelError(f"{error.args[0]!r} is none of the classes {', '.join(names)}", field="label") from error
