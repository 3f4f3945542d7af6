"""Start a bulk job and wait for its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from trueup.errors import RetryableError, ServiceError
from trueup.ports import Clock, Workflows
from trueup.usecases.bulk.jobs import Bulk, Concluded

_PAUSE = 2.0
_RUNNING = frozenset({"RUNNING", "PENDING_REDRIVE"})


@dataclass(frozen=True)
class RunBulk:
    """Raises ServiceError with what the workflow said when it failed, RetryableError when it takes longer than
    `patience` seconds: it goes on, and the same job asked for again is the same execution. A job without a `run` gets
    one."""

    workflows: Workflows
    clock: Clock
    patience: float = 6 * 3600
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, job: Bulk) -> Concluded:
        job = job if job.run else replace(job, run=self._name(job))
        arn = self.workflows.start_bulk(job.run, {"job": msgspec.to_builtins(job)})
        waited = 0.0
        while (found := self.workflows.outcome(arn)).status in _RUNNING:
            if waited >= self.patience:
                raise RetryableError(f"{job.run} is not done after {waited:.0f} seconds; it goes on: {arn}")
            self.sleep(_PAUSE)
            waited += _PAUSE
        if found.status != "SUCCEEDED":
            raise ServiceError(f"{job.run} ended as {found.status}: {found.error or 'no reason given'}")
        return msgspec.convert(found.output, Concluded)

    def _name(self, job: Bulk) -> str:
        """One that no other job has: what it does, and when it was asked."""
        return f"{job.project[:40]}-{job.verb}-{self.clock.now():%Y%m%dT%H%M%S%f}"
