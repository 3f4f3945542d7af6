"""All projects in step: none waits for another's trouble, and a hint that a pass has seen needs no other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from tests.worlds import NOW
from trueup.adapters.memory import FixedClock
from trueup.errors import PermissionDeniedError, RetryableError
from trueup.usecases.receive_hint import ReceiveHint
from trueup.usecases.sync_backend import SyncBackend, SyncReport
from trueup.usecases.sync_backends import SyncBackends


@dataclass
class Pass:
    """Stands for a project's pass: what it counts is how it is called."""

    fails: bool = False
    thorough: list[bool] = field(default_factory=list)

    def __call__(self, *, thorough: bool = False) -> SyncReport:
        self.thorough.append(thorough)
        if self.fails:
            raise RetryableError("the server does not answer")
        return SyncReport(sent=0, received=0)


def together(clock: FixedClock, **passes: Pass) -> SyncBackends:
    return SyncBackends(cast(dict[str, SyncBackend], passes), clock)


def test_one_that_fails_keeps_nobody_waiting_and_stays_thorough() -> None:
    broken, sound = Pass(fails=True), Pass()
    sync = together(FixedClock(NOW), broken=broken, sound=sound)
    for _ in range(2):
        outcomes = sync()
        assert isinstance(outcomes["broken"], RetryableError)
        assert isinstance(outcomes["sound"], SyncReport)
    assert (broken.thorough, sound.thorough) == ([True, True], [True, False])


def test_a_hint_is_for_its_project_alone() -> None:
    one, other = Pass(), Pass()
    assert together(FixedClock(NOW), one=one, other=other)("one", NOW).keys() == {"one"}
    assert (len(one.thorough), other.thorough) == (1, [])
    assert together(FixedClock(NOW), one=one)("unknown", NOW) == {}


def test_a_hint_of_before_the_last_pass_needs_none() -> None:
    clock, only = FixedClock(NOW), Pass()
    sync = together(clock, only=only)
    for _ in range(3):
        sync("only", NOW)
    assert len(only.thorough) == 3
    clock.advance(seconds=10)
    sync("only", NOW)
    assert len(only.thorough) == 4
    assert sync("only", NOW) == {}
    assert len(sync("only", NOW + timedelta(seconds=9))) == 1


class Known:
    def __init__(self, token: str) -> None:
        self._token = token

    def value(self) -> str:
        return self._token


class Wakeups:
    def __init__(self) -> None:
        self.woken: list[Any] = []

    def wake(self, project: str, at: Any) -> None:
        self.woken.append((project, at))


@pytest.mark.parametrize(
    ("project", "token"),
    [("pets", ""), ("pets", "wrong"), ("pets", "sécret"), ("dogs", "secret"), ("x" * 500, "secret")],
)
def test_a_hint_without_the_projects_token_wakes_nobody(project: str, token: str) -> None:
    wakeups = Wakeups()
    with pytest.raises(PermissionDeniedError):
        ReceiveHint({"pets": Known("secret")}, wakeups, FixedClock(NOW))(project, token)
    assert wakeups.woken == []


def test_a_hint_with_it_does() -> None:
    wakeups = Wakeups()
    ReceiveHint({"pets": Known("secret")}, wakeups, FixedClock(NOW))("pets", "secret")
    assert wakeups.woken == [("pets", NOW)]
