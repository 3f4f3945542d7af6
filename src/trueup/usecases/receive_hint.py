"""A labeling server says that something happened: its project is brought in step soon, and not at the next pass."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from trueup.errors import PermissionDeniedError
from trueup.ports import BackendWakeups, Clock, HintToken

HEADER = "X-Trueup-Token"


@dataclass(frozen=True)
class ReceiveHint:
    """Hints come from the internet. `tokens` are those of the projects that have a server to hint at."""

    tokens: Mapping[str, HintToken]
    wakeups: BackendWakeups
    clock: Clock

    def __call__(self, project: str, token: str) -> None:
        """Raises PermissionDeniedError for another token than the project's, and for a project without any: whoever
        tries does not learn which projects there are."""
        known = self.tokens.get(project)
        if known is None or not hmac.compare_digest(known.value().encode(), token.encode()):
            raise PermissionDeniedError(f"a hint for {project[:64]!r} has no token, or a wrong one")
        self.wakeups.wake(project, self.clock.now())
