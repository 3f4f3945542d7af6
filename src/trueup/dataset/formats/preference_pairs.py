"""Preference pairs: JSON Lines of prompt, chosen and rejected, as TRL's trainers read them. Ties are left out.

https://huggingface.co/docs/trl/dataset_formats#preference (standard format, explicit prompt). There is no other column:
where TRL makes two rows of a pair (`unpair_preference_dataset`, for KTO), one more would have too few of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trueup.dataset.exporting import INPUTS, ExportedFile, ExportRequest, lose_group, naming, value_of
from trueup.labels.showing import pair_of
from trueup.labels.values import Preference
from trueup.model import Kind

KINDS: tuple[Kind, ...] = ("preference",)
HOLDS_NONE = False
FILE = "pairs.jsonl"
READERS = "TRL (DPOTrainer, RewardTrainer), `datasets`"
CUT = INPUTS
TIES = "ties"


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    yield ExportedFile(request.named(FILE), _lines(request))


def _lines(request: ExportRequest) -> Iterator[bytes]:
    for sample, payload in request.loaded(request.samples()):
        preferred = value_of(sample, request, Preference).preferred
        if preferred == "tie":
            request.left_out[TIES] += 1
            continue
        lose_group(request, sample)
        with naming(sample):
            pair = pair_of(payload.data)
        chosen, rejected = (pair.first, pair.second) if preferred == "first" else (pair.second, pair.first)
        line = {"prompt": pair.prompt, "chosen": chosen, "rejected": rejected}
        yield msgspec.json.encode(line) + b"\n"
