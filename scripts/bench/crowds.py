"""Crowds whose truth is known: simulated ones, and readers of scikit-learn's digits.

Matrix: an annotator has a skill from a beta distribution and, for each true class, wrong answers spread by a flat
Dirichlet draw, so that everybody has confusions of their own. Ease: an annotator of ability a is right on a sample of
ease b with probability 1 / (1 + exp(-a b)), GLAD's own world. Readers: 24 classifiers, each trained on 20 to 120 of the
digits with a few of the pixels, read the rest; their mistakes fall on the same difficult pictures, as people's do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Crowd:
    """`sample_of`, `annotator_of` and `label_of` are the columns of the answers; `truth` [samples]; `said` is what a
    model says, float64[samples, classes], right nine times in ten."""

    sample_of: Array
    annotator_of: Array
    label_of: Array
    truth: Array
    said: Array

    def save(self, path: Path) -> None:
        np.savez(path, **{name: getattr(self, name) for name in self.__dataclass_fields__})

    @classmethod
    def load(cls, path: Path) -> Crowd:
        kept = np.load(path)
        return cls(**{name: kept[name] for name in cls.__dataclass_fields__})


def matrix_crowd(
    samples: int, people: int, classes: int, overlap: int, seed: int, skill: tuple[float, float] = (6, 3)
) -> Crowd:
    """Each sample is answered by `overlap` people at random."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, samples)
    matrices = matrices_of(people, classes, rng, skill)
    sample_of = np.repeat(np.arange(samples), overlap)
    annotator_of = _some(samples, people, overlap, rng)
    label_of = np.empty(len(sample_of), dtype=np.int64)
    for part in np.array_split(np.arange(len(sample_of)), max(1, len(sample_of) // 100_000)):
        reached = rng.random(len(part))[:, None] > matrices[annotator_of[part], truth[sample_of[part]]].cumsum(axis=1)
        label_of[part] = reached.sum(axis=1).clip(0, classes - 1)
    return Crowd(sample_of, annotator_of, label_of, truth, _said(truth, classes, rng))


def ease_crowd(samples: int, people: int, classes: int, overlap: int, seed: int) -> Crowd:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, samples)
    sample_of = np.repeat(np.arange(samples), overlap)
    annotator_of = _some(samples, people, overlap, rng)
    odds = rng.normal(1.3, 0.8, people)[annotator_of] * np.exp(rng.normal(0, 1, samples))[sample_of]
    right = rng.random(len(odds)) < 1 / (1 + np.exp(-odds))
    wrong = (truth[sample_of] + rng.integers(1, classes, len(odds))) % classes
    label_of = np.where(right, truth[sample_of], wrong)
    return Crowd(sample_of, annotator_of, label_of, truth, _said(truth, classes, rng))


def matrices_of(people: int, classes: int, rng: np.random.Generator, skill: tuple[float, float]) -> Array:
    """Confusion matrices [people, true, answered]."""
    right = rng.beta(*skill, people)
    found = np.zeros((people, classes, classes))
    for person in range(people):
        for true in range(classes):
            wrong = rng.dirichlet(np.ones(classes - 1)) * (1 - right[person])
            found[person, true] = np.insert(wrong, true, right[person])
    return found


def everybody(samples: int, people: int, classes: int, seed: int, skill: tuple[float, float]) -> tuple[Array, Array]:
    """Truth [samples], and what each annotator would say of each sample, [samples, people]."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, samples)
    cumulated = matrices_of(people, classes, rng, skill).cumsum(axis=2)[:, truth].transpose(1, 0, 2)
    said = (rng.random((samples, people, 1)) > cumulated).sum(axis=2).clip(0, classes - 1)
    return truth, said


def digit_readers(seed: int) -> tuple[Array, Array]:
    """The same of 24 readers of 1,000 digits."""
    from sklearn.datasets import load_digits
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(seed)
    found = load_digits()
    order = rng.permutation(len(found.target))
    lessons, read = order[:797], order[797:]
    said = []
    for number in range(24):
        chosen = rng.choice(lessons, int(rng.integers(20, 121)), replace=False)
        pixels = rng.choice(64, int(rng.integers(24, 65)), replace=False)
        kind = (KNeighborsClassifier(3), GaussianNB(var_smoothing=0.1), DecisionTreeClassifier(random_state=0))[
            number % 3
        ]
        model = kind.fit(found.data[np.ix_(chosen, pixels)], found.target[chosen])
        said.append(model.predict(found.data[np.ix_(read, pixels)]))
    return found.target[read], np.stack(said, axis=1)


def _some(samples: int, people: int, overlap: int, rng: np.random.Generator) -> Array:
    """`overlap` different people for each sample, [samples * overlap]."""
    parts = [
        np.argsort(rng.random((len(part), people)), axis=1)[:, :overlap]
        for part in np.array_split(np.arange(samples), max(1, samples * people // 5_000_000))
    ]
    return np.concatenate(parts).ravel()


def _said(truth: Array, classes: int, rng: np.random.Generator) -> Array:
    named = np.where(rng.random(len(truth)) < 0.9, truth, rng.integers(0, classes, len(truth)))
    return 0.5 * rng.dirichlet(np.full(classes, 0.5), len(truth)) + 0.5 * np.eye(classes)[named]
