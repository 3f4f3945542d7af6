"""By the hash of the group: for ever the same, whatever else the dataset holds, and whoever asks first."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.dataset.splitting.units import Setting, Unit
from trueup.model import CommitPolicy, Split, content_id

_RESOLUTION = 16**12


def split(units: Sequence[Unit], setting: Setting) -> list[Split]:
    """Each by its key alone. The shares hold in the mean over groups, not over samples."""
    return [split_of(each.key, setting.policy, setting.project) for each in units]


def split_of(group: str, policy: CommitPolicy, project: str) -> Split:
    """Deterministic in (project, group, salt). Raising a share moves only groups into that split, never between
    the other two."""
    salt = (policy.splits.salt,) if policy.splits.salt else ()
    point = int(content_id("split", project, group, *salt)[:12], 16) / _RESOLUTION
    if point < policy.test_share:
        return "test"
    if point >= 1 - policy.validation_share:
        return "validation"
    return "train"
