"""How many answers a label takes: asking until it is sure, beside asking the same number of times everywhere.

Samples come one after the other, annotators are drawn at random. Adaptive: trueup's own judge after each answer
(trueup.quality.consensus), from one answer up to seven, with skills fitted anew whenever the answers have grown by a
tenth, as settle_consensus does; a label counts as it was accepted, or as the best guess after the seventh answer.
Fixed: three answers to every sample, then Dawid-Skene over all of them at once, which the other side does not get. The
target is chosen on crowds of its own, the lowest at which adaptive labels are at least as often right as fixed ones;
other crowds judge it.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np

from scripts.bench.crowds import Array, digit_readers, everybody
from scripts.bench.rounds import table
from trueup.model import Annotation, AnnotatorSkill, ConsensusPolicy, LabelClass, LabelSchema, Task
from trueup.quality.answers import Answers
from trueup.quality.consensus import Accepted, MoreAnswers, NeedsReview, judge
from trueup.quality.methods import METHODS
from trueup.quality.skills import records_of
from trueup.quality.ties import winners

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_FIXED = 3
_MOST = 7
_GROWTH = 1.1
# Fine, or adaptive labels get better than they have to be, and answers are paid for that.
TARGETS = [round(0.6 + 0.0025 * each, 4) for each in range(157)]
WORLDS: dict[str, Callable[[int], tuple[Array, Array]]] = {
    "4 classes, skill 0.67 in the mean": lambda seed: everybody(1500, 25, 4, seed, (6, 3)),
    "4 classes, skill 0.8 in the mean": lambda seed: everybody(1500, 25, 4, seed, (8, 2)),
    "2 classes, skill 0.8 in the mean": lambda seed: everybody(1500, 25, 2, seed, (8, 2)),
    "10 classes, skill 0.8 in the mean": lambda seed: everybody(1500, 25, 10, seed, (8, 2)),
    "readers of digits": digit_readers,
}


@dataclass(frozen=True)
class Run:
    """Answers a sample, and the share of labels that are right."""

    answers: float
    accuracy: float


def fixed(truth: Array, said: Array, seed: int) -> Run:
    who = _turns(said, seed)[:, :_FIXED]
    rows = np.repeat(np.arange(len(truth)), _FIXED)
    answers = Answers.of_columns(rows, who.ravel(), said[rows, who.ravel()])
    found = winners(METHODS["dawid-skene"].fit(answers).posterior, answers.classes, answers.samples)
    return Run(_FIXED, float((np.array(answers.classes)[found] == truth).mean()))


def adaptive(truth: Array, said: Array, seed: int, target: float) -> Run:
    policy = ConsensusPolicy(overlap=1, max_overlap=_MOST, target=target)
    classes = [str(each) for each in range(int(max(truth.max(), said.max())) + 1)]
    schema = LabelSchema(classes=tuple(LabelClass(name=each) for each in classes))
    everything: list[Annotation] = []
    skills: dict[str, AnnotatorSkill] = {}
    fitted, right = 10.0, 0
    for sample, turns in enumerate(_turns(said, seed)):
        answers: list[Annotation] = []
        task = _task(sample)
        while True:
            answers.append(_annotation(sample, int(turns[len(answers)]), classes[said[sample, turns[len(answers)]]]))
            verdict = judge(task, answers, policy, schema, skills, _AT)
            if isinstance(verdict, Accepted | NeedsReview):
                break
            if not isinstance(verdict, MoreAnswers):
                raise TypeError(f"not what was to be measured: {verdict}")
            task = msgspec.structs.replace(task, overlap=task.overlap + 1)
        right += verdict.consensus.label == classes[truth[sample]]
        everything += answers
        if len(everything) >= fitted:
            skills, fitted = _fitted(everything, classes), len(everything) * _GROWTH
    return Run(len(everything) / len(truth), right / len(truth))


def compare(tuning: Sequence[int], judging: Sequence[int]) -> str:
    rows, worst = [], 1.0
    for name, world in WORLDS.items():
        target = _lowest_target(world, tuning)
        pairs = [_pair(world, seed, target) for seed in judging]
        answers = statistics.mean(ours.answers for ours, _ in pairs)
        rises = [100 * (ours.accuracy - theirs.accuracy) for ours, theirs in pairs]
        error = statistics.stdev(rises) / len(rises) ** 0.5
        saved = 1 - answers / _FIXED
        worst = min(worst, saved)
        rows.append(
            [
                name,
                f"{statistics.mean(theirs.accuracy for _, theirs in pairs):.1%}",
                f"{statistics.mean(ours.accuracy for ours, _ in pairs):.1%}",
                f"{statistics.mean(rises):+.2f} ± {error:.2f}",
                f"{target}",
                f"{answers:.2f}",
                f"{saved:.0%}",
            ]
        )
    head = ["crowd", "right, fixed 3", "right, adaptive", "points more", "target", "answers a sample", "fewer answers"]
    kept = "yes" if worst >= 0.25 else "no"
    return (
        f"{table(head, rows)}\n\nAt least 25 % fewer answers on every crowd (goal): {kept}; the least is {worst:.0%}."
    )


def _lowest_target(world: Callable[[int], tuple[Array, Array]], seeds: Sequence[int]) -> float:
    """Accuracy rises with the target: halve the range until one is left."""

    def enough(target: float) -> bool:
        pairs = [_pair(world, seed, target) for seed in seeds]
        return sum(ours.accuracy for ours, _ in pairs) >= sum(theirs.accuracy for _, theirs in pairs)

    return TARGETS[min(bisect_left(TARGETS, True, key=enough), len(TARGETS) - 1)]


def _pair(world: Callable[[int], tuple[Array, Array]], seed: int, target: float) -> tuple[Run, Run]:
    truth, said = world(seed)
    return adaptive(truth, said, seed, target), fixed(truth, said, seed)


def _turns(said: Array, seed: int) -> Array:
    """Who is asked of each sample, one after the other: the same people for both contenders."""
    return np.argsort(np.random.default_rng(100_000 + seed).random(said.shape), axis=1)


def _fitted(everything: Sequence[Annotation], classes: Sequence[str]) -> dict[str, AnnotatorSkill]:
    answers = Answers.of_annotations(everything, classes)
    return {each.annotator: each for each in records_of(answers, METHODS["dawid-skene"].fit(answers), "bench", _AT)}


def _task(sample: int) -> Task:
    return Task(
        project="bench",
        task_id=str(sample),
        sample_id=str(sample),
        content_type="text/plain",
        payload_uri="",
        priority=0.0,
        overlap=1,
        opened_at=_AT,
    )


def _annotation(sample: int, annotator: int, label: str) -> Annotation:
    name = f"a{annotator:02d}"
    return Annotation(
        project="bench",
        annotation_id=f"{sample}-{name}",
        task_id=str(sample),
        sample_id=str(sample),
        annotator=name,
        label=label,
        submitted_at=_AT,
    )
