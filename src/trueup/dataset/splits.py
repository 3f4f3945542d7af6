"""Which split a sample belongs to: by the hash of its group, so for ever and for the whole group at once."""

from __future__ import annotations

from typing import Literal

from trueup.model import CommitPolicy, content_id

Split = Literal["train", "validation", "test"]
_RESOLUTION = 16**12


def split_of(group: str, policy: CommitPolicy, project: str) -> Split:
    """Deterministic in (project, group). Raising a share moves only groups into that split, never between
    the other two."""
    point = int(content_id("split", project, group)[:12], 16) / _RESOLUTION
    if point < policy.test_share:
        return "test"
    if point >= 1 - policy.validation_share:
        return "validation"
    return "train"
