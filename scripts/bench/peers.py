"""How capture files are read elsewhere: from bytes on disk to event ids with three uncertainty scores each.

`json`: the plain design, one record after the other. `orjson`: parsed by orjson record by record, scored by numpy in
chunks of 2,000. Both know what the answers look like, and check nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 2_000
_PARTS: dict[str, Callable[[Any], list[float]]] = {
    "tabular": lambda answer: answer["probabilities"],
    "image": lambda answer: answer["predictions"][0],
}


def plain_json(corpus: str, path: Path) -> int:
    found = []
    with path.open("rb") as file:
        for line in file:
            record = json.loads(line)
            answer = record["captureData"]["endpointOutput"]["data"]
            chances = _chances(corpus, answer)
            first, second = sorted(chances, reverse=True)[:2]
            entropy = -sum(each * math.log(each) for each in chances if each > 0)
            found.append((record["eventMetadata"]["eventId"], 1 - first, 1 - (first - second), entropy))
    return len(found)


def _chances(corpus: str, answer: str) -> list[float]:
    if corpus == "binary":
        chance = float(answer)
        return [1 - chance, chance]
    return _PARTS[corpus](json.loads(answer))


def orjson_and_numpy(corpus: str, path: Path) -> int:
    import orjson  # type: ignore[import-not-found]

    ids: list[str] = []
    scores: list[tuple[NDArray[np.float64], ...]] = []
    answers: list[str] = []

    def flush() -> None:
        if corpus == "binary":
            chance = np.array([float(each) for each in answers])
            chances = np.stack([1 - chance, chance], axis=1)
        else:
            chances = np.array([_PARTS[corpus](orjson.loads(each)) for each in answers])
        scores.append(_scores(chances))
        answers.clear()

    with path.open("rb") as file:
        for line in file:
            record = orjson.loads(line)
            ids.append(record["eventMetadata"]["eventId"])
            answers.append(record["captureData"]["endpointOutput"]["data"])
            if len(answers) == _CHUNK:
                flush()
    if answers:
        flush()
    return len(ids)


def _scores(chances: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    top = np.partition(chances, -2, axis=1)
    entropy = -(chances * np.log(np.where(chances > 0, chances, 1.0))).sum(axis=1)
    return 1 - top[:, -1], 1 - (top[:, -1] - top[:, -2]), entropy
