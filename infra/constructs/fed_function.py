"""One construct for what listens: a queue, what feeds it, and the function that works it off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from aws_cdk import Duration
from aws_cdk.aws_iam import PolicyStatement
from constructs import Construct

from infra.constructs.loop_function import LoopFunction
from infra.constructs.loop_queue import LoopQueue
from infra.constructs.platform import Platform
from trueup.settings import Project, Settings

T = TypeVar("T")


class FedFunction(Construct):
    """Its queue is called `queue` within. Whoever extends it says what feeds that, and what function `works` it."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's word
        *,
        platform: Platform,
        queue: str,
        timeout: Duration,
    ) -> None:
        super().__init__(scope, id)
        self.platform = platform
        self._timeout = timeout
        self.queue = LoopQueue(self, queue, key=platform.key, consumer_timeout=timeout)

    def hears(self, id: str, events: Sequence[str], projects: Sequence[Project] = ()) -> None:  # noqa: A002
        """Events of the loop, of some projects or of all; `id` names the rule."""
        self.queue.fed_by_events(self, id, self.platform.bus, events, [each.name for each in projects])

    def works(
        self,
        id: str,  # noqa: A002
        *,
        name: str,
        settings: Settings,
        grants: Sequence[PolicyStatement],
        memory_mb: int = 512,
        max_concurrency: int | None = None,
    ) -> LoopFunction:
        """`functions/<name>`, one message at a time."""
        function = LoopFunction(
            self,
            id,
            platform=self.platform,
            name=name,
            settings=settings,
            grants=grants,
            timeout=self._timeout,
            memory_mb=memory_mb,
        )
        function.consumes(self.queue, batch_size=1, max_concurrency=max_concurrency)
        return function


def where_wanted(
    platform: Platform, wanted: Callable[[Project], object], make: Callable[[Sequence[Project]], T]
) -> T | None:
    """What `make` makes for the projects that want it. None where there are none: a queue costs its polling."""
    projects = [each for each in platform.config.projects if wanted(each)]
    return make(projects) if projects else None
