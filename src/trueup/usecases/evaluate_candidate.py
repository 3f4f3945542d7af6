"""Candidate against champion, on the same frozen test split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from trueup.model import GateVerdict, Project
from trueup.ports import DatasetStore
from trueup.retraining.gate import Outcomes, judge, outcomes_of, read_predictions
from trueup.usecases.find_project import project_named


@dataclass(frozen=True)
class EvaluateCandidate:
    """Read the evaluation job's predictions and apply the project's gate. A champion that learned the names of before
    is right where it says one that stands for the truth today.

    Raises NotFoundError (no predictions), ManifestError (a line that cannot be read).
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore

    def __call__(self, project_name: str, evaluation_uri: str) -> GateVerdict:
        project = project_named(self.projects, project_name)
        predictions = read_predictions(self.datasets.read(f"{evaluation_uri}/predictions.jsonl"))
        candidate, champion = outcomes_of(predictions)
        names = project.label_schema.renamed
        return judge(_under(candidate, names), _under(champion, names) if champion else None, project.gate)


def _under(outcomes: Outcomes, names: Mapping[str, str]) -> Outcomes:
    return [
        replace(each, truth=names.get(each.truth, each.truth), answer=names.get(each.answer, each.answer))
        for each in outcomes
    ]
