"""Which annotators shaped a model's training set, and its test score?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.dataset.annotators import IMPORTED, OTHERS, UNKNOWN
from trueup.model import DatasetVersion, Evaluation, Record, RetrainingRun, pseudonym
from trueup.ports import RunStore, SkillStore
from trueup.usecases.find_model import FindModel

NO_PERSON = frozenset({IMPORTED, OTHERS, UNKNOWN})


class Credit(Record, frozen=True, kw_only=True):
    """An annotator's part: the labels of each split that stand on their answers, alone or with others. Of their test
    labels the candidate was asked about `judged`, and did not agree with `wrong`. `name` is known where it was asked
    for."""

    annotator: str
    name: str | None = None
    train: int = 0
    validation: int = 0
    test: int = 0
    judged: int = 0
    wrong: int = 0


class Credits(Record, frozen=True, kw_only=True):
    """Those with the most labels first. `counted` tells whether the version knows its annotators: older ones do not."""

    asked: str
    version: DatasetVersion
    run: RetrainingRun | None
    evaluation: Evaluation | None
    annotators: tuple[Credit, ...]
    counted: bool


@dataclass(frozen=True)
class CreditAnnotators:
    """Read from the version's own counts and the evaluation's, whatever they hold. Raises NotFoundError, InputError."""

    find: FindModel
    runs: RunStore
    skills: SkillStore

    def __call__(self, project: str, model: str, *, names: bool = False) -> Credits:
        found = self.find(project, model)
        version, run = found.version, found.run
        evaluation = self.runs.evaluation(project, run.run_id) if run else None
        known = self._names(project) if names else {}
        judged: Mapping[str, int] = evaluation.labels_by if evaluation else {}
        rows = [
            _credit(each, version.annotators.get(each, {}), evaluation, known.get(each))
            for each in version.annotators.keys() | judged.keys()
        ]
        rows.sort(key=lambda each: (-(each.train + each.validation + each.test), each.annotator))
        return Credits(
            asked=model,
            version=version,
            run=run,
            evaluation=evaluation,
            annotators=tuple(rows),
            counted=bool(version.annotators),
        )

    def _names(self, project: str) -> dict[str, str]:
        """Of those whose skill was ever judged; there are as many as annotators."""
        return {pseudonym(project, each.annotator): each.annotator for each in self.skills.skills(project)}


def _credit(annotator: str, splits: Mapping[str, int], evaluation: Evaluation | None, name: str | None) -> Credit:
    return Credit(
        annotator=annotator,
        name=name,
        train=splits.get("train", 0),
        validation=splits.get("validation", 0),
        test=splits.get("test", 0),
        judged=evaluation.labels_by.get(annotator, 0) if evaluation else 0,
        wrong=evaluation.wrong_by.get(annotator, 0) if evaluation else 0,
    )
