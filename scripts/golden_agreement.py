"""Agreement by other packages on three small crowds, which tests/unit/quality/test_agreement.py compares ours with.

    uv run --no-project --with krippendorff --with irrCAC --with statsmodels --with scikit-learn --with pandas \\
        python scripts/golden_agreement.py > tests/data/agreement.json

A crowd is a matrix of samples x annotators with null where nobody answered.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import krippendorff  # type: ignore[import-not-found]
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from irrCAC.raw import CAC  # type: ignore[import-not-found]
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa  # type: ignore[import-untyped]

_WEIGHTS = {"nominal": "identity", "ordinal": "linear", "interval": "quadratic"}
_COHEN = {"nominal": None, "ordinal": "linear", "interval": "quadratic"}


def crowd(samples: int, annotators: int, classes: int, missing: float, seed: int) -> np.ndarray[Any, Any]:
    """Answers 1 to `classes`, right seven times in ten, else anything."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, classes + 1, samples)
    right = rng.random((samples, annotators)) < 0.7
    answers = np.where(right, truth[:, None], rng.integers(1, classes + 1, (samples, annotators))).astype(float)
    answers[rng.random(answers.shape) < missing] = np.nan
    return answers


def measures(answers: np.ndarray[Any, Any]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    whole = not np.isnan(answers).any()
    for level, weights in _WEIGHTS.items():
        cac = CAC(pd.DataFrame(answers), weights=weights, digits=15)
        each = {
            "krippendorff": krippendorff.alpha(answers.T, level_of_measurement=level),
            "fleiss": cac.fleiss()["est"]["coefficient_value"],
            "gwet": cac.gwet()["est"]["coefficient_value"],
        }
        if whole:
            pairs = [
                cohen_kappa_score(answers[:, one], answers[:, other], weights=_COHEN[level])
                for one in range(answers.shape[1])
                for other in range(one + 1, answers.shape[1])
            ]
            each["cohen"] = float(np.mean(pairs))
        if whole and level == "nominal":
            each["fleiss by statsmodels"] = fleiss_kappa(aggregate_raters(answers.astype(int))[0])
        found[level] = {name: float(value) for name, value in each.items()}
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    crowds = {
        "whole": crowd(60, 4, 5, 0.0, 1),
        "missing": crowd(80, 6, 5, 0.4, 2),
        "two annotators": crowd(50, 2, 3, 0.0, 3),
    }
    documents = [
        {
            "crowd": name,
            "answers": [[None if np.isnan(cell) else int(cell) for cell in row] for row in answers],
            "measures": measures(answers),
        }
        for name, answers in crowds.items()
    ]
    json.dump(documents, sys.stdout)


if __name__ == "__main__":
    main()
