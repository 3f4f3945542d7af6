"""botocore's session as ours, which is quicker and must be none the different."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.handlers import BUILTIN_HANDLERS
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.utils import EVENT_ALIASES

from trueup.adapters.aws.clients import Clients


class _Emitter(HierarchicalEmitter):  # type: ignore[misc]
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, event_name: str, **kwargs: Any) -> Any:
        self.names.append(event_name)
        return super().emit(event_name, **kwargs)


def aliaser_of(clients: Clients) -> type[EventAliaser]:
    made: type[EventAliaser] = type(clients._session.get_component("event_emitter"))
    return made


def test_the_quick_parts_are_in_their_places() -> None:
    """Where botocore moves the seams, clients are made as before, more slowly: then this fails."""
    session = Clients()._session
    quick = {type(session.get_component(each)).__name__ for each in ("event_emitter", "data_loader")}
    assert quick == {"_QuickAliaser", "_QuickLoader"}
    assert type(session.get_component("event_emitter")._emitter).__name__ == "_QuickEmitter"


NAMES = [
    *(spec[0] for spec in BUILTIN_HANDLERS),
    *(f"before-call.{old}.GetThing" for old in EVENT_ALIASES),
    *(f"docs.*.{old}x.GetThing" for old in EVENT_ALIASES),
    "provide-client-params.s3.PutObject",
    "creating-client-class.dynamodb",
]


def test_events_have_the_names_that_botocore_gives_them() -> None:
    named = []
    for aliaser in (EventAliaser, aliaser_of(Clients())):
        emitter = _Emitter()
        events = aliaser(emitter)
        for each in NAMES:
            events.emit(each)
        named.append(emitter.names)
    assert named[0] == named[1]


@pytest.mark.parametrize("event", ["provide-client-params.s3.PutObject", "before-call.sqs.SendMessageBatch"])
def test_the_handlers_of_an_event_are_those_of_botocore(event: str) -> None:
    theirs, ours = botocore.session.Session(), Clients()._session
    found = [each.get_component("event_emitter")._emitter._handlers.prefix_search(event) for each in (theirs, ours)]
    names = [[each.__name__ for each in handlers] for handlers in found]
    assert names[0] == names[1]


KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}


def test_keys_are_found_in_the_environment_as_by_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    theirs, ours = (each.get_credentials() for each in (botocore.session.Session(), Clients()._session))
    assert ours.get_frozen_credentials() == theirs.get_frozen_credentials()
    assert ours.method == theirs.method == "env"


def test_without_keys_in_the_environment_they_are_looked_for_as_by_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "")
    sessions = (botocore.session.Session(), Clients()._session)
    theirs, ours = ([each.METHOD for each in one.get_component("credential_provider").providers] for one in sessions)
    assert ours == theirs
    assert len(ours) > 5
