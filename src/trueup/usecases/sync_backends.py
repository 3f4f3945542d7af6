"""All projects that label elsewhere, or did, are brought in step: each by its own pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trueup.ports import Clock
from trueup.usecases.sync_backend import SyncBackend, SyncReport

# A server hints at a change before others can see it; and no two clocks are the same.
_MARGIN = timedelta(seconds=5)


@dataclass(frozen=True)
class SyncBackends:
    """`began` is when the last pass of each project did that ended well; a project's first one is thorough."""

    syncs: Mapping[str, SyncBackend]
    clock: Clock
    began: dict[str, datetime] = field(default_factory=dict)

    def __call__(
        self, project: str | None = None, told_at: datetime | None = None
    ) -> dict[str, SyncReport | Exception]:
        """What became of each pass. One that fails does not keep the others waiting. A hint of one `project`, told at
        a time that a later pass has seen, needs none."""
        wanted = [each for each in self.syncs if project in (None, each) and not self._is_seen(each, told_at)]
        return {each: self._pass(each) for each in wanted}

    def _is_seen(self, project: str, told_at: datetime | None) -> bool:
        began = self.began.get(project)
        return told_at is not None and began is not None and told_at + _MARGIN < began

    def _pass(self, project: str) -> SyncReport | Exception:
        now = self.clock.now()
        try:
            report = self.syncs[project](thorough=project not in self.began)
        except Exception as error:
            return error
        self.began[project] = now
        return report
