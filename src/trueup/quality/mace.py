"""MACE: an annotator either knows the label, or answers by a habit of their own that the sample does not enter into.

D. Hovy, T. Berg-Kirkpatrick, A. Vaswani and E. Hovy, "Learning Whom to Trust with MACE", NAACL-HLT 2013. Of each
annotator two things are estimated, by expectation-maximisation: how often they know (competence), and what they answer
when they do not (habit). Priors as everywhere in this room: a new annotator knows most answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trueup.model import AnnotatorSkill
from trueup.quality import dawid_skene
from trueup.quality.answers import Answers, Fit, Floats, softmax
from trueup.quality.skills import PRIOR_SKILL, PRIOR_STRENGTH

# A new habit is as firmly even over the classes as so many answers to each would show.
_HABIT = 0.5
_ITERATIONS = 100
_CONVERGED = 1e-4


def posterior(
    labels: Sequence[tuple[str, str]],
    classes: Sequence[str],
    skills: Mapping[str, AnnotatorSkill],
    prediction: Floats | None = None,
) -> Floats:
    """Posterior of one sample's class, float64[k]: competence and habit of an annotator make a confusion matrix."""
    return dawid_skene.posterior(labels, classes, skills, prediction)


def fit(answers: Answers) -> Fit:
    """Labels, competences and habits in turn, until the competences stay. An iteration costs O(answers)."""
    people, classes = len(answers.annotators), len(answers.classes)
    cells = answers.annotator_of * classes + answers.label_of
    knows = np.full(people, PRIOR_SKILL)
    habit = np.full((people, classes), 1 / max(1, classes))
    chances = softmax(answers.add_up())
    for _ in range(_ITERATIONS):
        knew = chances[answers.sample_of, answers.label_of] * _knowing(answers, knows, habit)
        total = np.bincount(answers.annotator_of, minlength=people)
        before = knows
        knows = np.bincount(answers.annotator_of, knew, minlength=people) + PRIOR_SKILL * PRIOR_STRENGTH
        knows = knows / (total + PRIOR_STRENGTH)
        guessed = np.bincount(cells, 1 - knew, minlength=people * classes).reshape(people, classes) + _HABIT
        habit = guessed / guessed.sum(axis=1, keepdims=True)
        chances = softmax(answers.add_up(-np.log1p(-_knowing(answers, knows, habit))))
        if np.abs(knows - before).max(initial=0.0) < _CONVERGED:
            break
    return Fit(chances, _confusion(knows, habit))


def _knowing(answers: Answers, knows: Floats, habit: Floats) -> Floats:
    """Of each answer, the probability that it was known if it is right: float64[n]. One minus this is how much less
    likely the answer is if it is wrong, which is all that it says of the label."""
    known = knows[answers.annotator_of]
    return np.asarray(known / (known + (1 - known) * habit[answers.annotator_of, answers.label_of]), dtype=np.float64)


def _confusion(knows: Floats, habit: Floats) -> Floats:
    classes = habit.shape[1]
    matrix = (1 - knows)[:, None, None] * np.repeat(habit[:, None, :], classes, axis=1)
    matrix += knows[:, None, None] * np.eye(classes)
    return np.asarray(matrix, dtype=np.float64)
