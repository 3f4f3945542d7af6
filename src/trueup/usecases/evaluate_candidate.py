"""Candidate against champion, on the same frozen test split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.model import GateVerdict, Project
from trueup.ports import DatasetStore
from trueup.retraining.gate import judge, outcomes_of, read_predictions
from trueup.usecases.find_project import project_named


@dataclass(frozen=True)
class EvaluateCandidate:
    """Read the evaluation job's predictions and apply the project's gate.

    Raises NotFoundError (no predictions), ManifestError (a line that cannot be read).
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore

    def __call__(self, project_name: str, evaluation_uri: str) -> GateVerdict:
        project = project_named(self.projects, project_name)
        predictions = read_predictions(self.datasets.read(f"{evaluation_uri}/predictions.jsonl"))
        candidate, champion = outcomes_of(predictions)
        return judge(candidate, champion, project.gate)
