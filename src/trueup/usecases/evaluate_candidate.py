"""Candidate against champion, on the same frozen test split."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.lineage.edges import evaluated
from trueup.model import Evaluation, GateVerdict, Project
from trueup.ports import Clock, DatasetStore, Journal, RunStore
from trueup.retraining.gate import Outcomes, TestPrediction, judge, outcomes_of, read_predictions
from trueup.usecases.find_project import project_named

# As many annotators as a version's own counts know.
_MOST = 200


@dataclass(frozen=True)
class EvaluateCandidate:
    """Read the evaluation job's predictions, apply the project's gate, and record how the candidate did, with whose
    test labels it did not agree. A champion that learned the names of before is right where it says one that stands for
    the truth today. Again with the same predictions records the same.

    Raises NotFoundError (no run, no predictions), ManifestError (a line that cannot be read).
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    runs: RunStore
    clock: Clock

    def __call__(self, project_name: str, run_id: str, evaluation_uri: str) -> GateVerdict:
        project = project_named(self.projects, project_name)
        run = self.runs.get(project.name, run_id)
        uri = f"{evaluation_uri}/predictions.jsonl"
        data = self.datasets.read(uri)
        predictions = read_predictions(data)
        candidate, champion = outcomes_of(predictions)
        names = project.label_schema.renamed
        candidate = _under(candidate, names)
        verdict = judge(candidate, _under(champion, names) if champion else None, project.gate)
        wrong = [line for line, outcome in zip(predictions, candidate, strict=True) if not outcome.right]
        evaluation = Evaluation(
            project=project.name,
            run_id=run.run_id,
            version_id=run.version_id,
            uri=uri,
            sha256=hashlib.sha256(data).hexdigest(),
            passed=verdict.passed,
            at=self.clock.now(),
            samples=len(predictions),
            wrong=len(wrong),
            metrics=verdict.metrics,
            labels_by=_by_annotator(predictions),
            wrong_by=_by_annotator(wrong),
        )
        journal = Journal(at=evaluation.at, edges=evaluated(evaluation, run.training_job))
        self.runs.save_evaluation(evaluation, journal)
        return verdict


def _by_annotator(lines: Sequence[TestPrediction]) -> dict[str, int]:
    counts = Counter(name for each in lines for name in each.annotators)
    return dict(counts.most_common(_MOST))


def _under(outcomes: Outcomes, names: Mapping[str, str]) -> Outcomes:
    return [
        replace(each, truth=names.get(each.truth, each.truth), answer=names.get(each.answer, each.answer))
        for each in outcomes
    ]
