"""Three capture files of about 100 MB: what busy endpoints write.

tabular: 100 numbers in, JSON with ten probabilities out, 1.38 kB a record. binary: 8 numbers in, one score out as CSV,
0.44 kB. image: 28 x 28 bytes in as base64, JSON of TensorFlow Serving out, 1.67 kB.
"""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

CORPORA = {"tabular": 75_000, "binary": 200_000, "image": 60_000}
CLASSES = {"tabular": 10, "binary": 2, "image": 10}
_CHUNK = 5_000
Side = tuple[str, str, str]


def corpus(name: str, folder: Path) -> Path:
    """The file of that name, written if it is not there. The same on every machine."""
    path = folder / f"{name}-{CORPORA[name]}.jsonl"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".part")
        with half.open("w") as file:
            file.writelines(_lines(name, CORPORA[name]))
        half.rename(path)
    return path


def _lines(name: str, count: int) -> Iterator[str]:
    sides, rng, ids = _SIDES[name], np.random.default_rng(0), random.Random(0)
    for start in range(0, count, _CHUNK):
        for index, (given, said) in enumerate(sides(rng, min(_CHUNK, count - start)), start=start):
            event_id = str(uuid.UUID(int=ids.getrandbits(128), version=4))
            yield json.dumps(_record(given, said, event_id, index), separators=(",", ":")) + "\n"


def _record(given: Side, said: Side, event_id: str, index: int) -> dict[str, object]:
    minutes, second = divmod(index, 60)
    hours, minute = divmod(minutes, 60)
    time = f"2026-03-{1 + hours // 24 % 28:02d}T{hours % 24:02d}:{minute:02d}:{second:02d}Z"
    return {
        "captureData": {"endpointInput": _side("INPUT", given), "endpointOutput": _side("OUTPUT", said)},
        "eventMetadata": {"eventId": event_id, "inferenceId": f"inf-{index:09d}", "inferenceTime": time},
        "eventVersion": "0",
    }


def _side(mode: str, side: Side) -> dict[str, str]:
    data, encoding, kind = side
    return {"observedContentType": kind, "mode": mode, "data": data, "encoding": encoding}


def _tabular(rng: np.random.Generator, count: int) -> Iterator[tuple[Side, Side]]:
    rows, chances = rng.normal(size=(count, 100)), rng.dirichlet(np.full(10, 0.3), count)
    for row, chance in zip(rows, chances, strict=True):
        said = json.dumps({"predicted_label": int(chance.argmax()), "probabilities": chance.tolist()})
        yield (",".join(f"{each:.4f}" for each in row), "CSV", "text/csv"), (said, "JSON", "application/json")


def _binary(rng: np.random.Generator, count: int) -> Iterator[tuple[Side, Side]]:
    rows, chances = rng.normal(size=(count, 8)), rng.random(count)
    for row, chance in zip(rows, chances, strict=True):
        given = ",".join(f"{each:.3f}" for each in row)
        yield (given, "CSV", "text/csv"), (f"{chance:.16f}", "CSV", "text/csv; charset=utf-8")


def _image(rng: np.random.Generator, count: int) -> Iterator[tuple[Side, Side]]:
    for chance in rng.dirichlet(np.full(10, 0.3), count):
        pixels = base64.b64encode(rng.integers(0, 256, 784, dtype=np.uint8).tobytes()).decode()
        said = json.dumps({"predictions": [chance.tolist()]})
        yield (pixels, "BASE64", "application/x-image"), (said, "JSON", "application/json")


_SIDES: dict[str, Callable[[np.random.Generator, int], Iterator[tuple[Side, Side]]]] = {
    "tabular": _tabular,
    "binary": _binary,
    "image": _image,
}
