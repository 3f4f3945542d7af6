"""How a deployment is: what the doctor asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.marks import slow_on_aws
from tests.contract.operating import Operating
from trueup.errors import NotFoundError
from trueup.ports import AlarmState, StackState


def test_the_caller_has_a_name(operating: Operating) -> None:
    assert operating.health.identity().startswith("arn:aws:")


def test_stacks_of_one_stage_come_by_name(operating: Operating) -> None:
    for name in ("trueup-dev-ingest", "theirs", "trueup-dev-data", "trueup-prod-data"):
        operating.site.stack(name)
    assert operating.health.stacks("trueup-dev-") == [
        StackState(name="trueup-dev-data", status="CREATE_COMPLETE"),
        StackState(name="trueup-dev-ingest", status="CREATE_COMPLETE"),
    ]
    assert operating.health.stacks("trueup-test-") == []


@slow_on_aws
def test_a_queue_tells_its_messages_and_its_readers(operating: Operating) -> None:
    read, unread = operating.site.queue("read", 3), operating.site.queue("unread", 0)
    operating.site.read_queue(read, "ingest", enabled=True)
    operating.site.read_queue(read, "old-ingest", enabled=False)
    state = operating.health.queue(read)
    assert (state.messages, state.consumers) == (3, {"ingest": "Enabled", "old-ingest": "Disabled"})
    assert operating.health.queue(unread).messages == 0
    assert operating.health.queue(unread).consumers == {}


def test_a_table_tells_who_reads_its_stream(operating: Operating) -> None:
    table, quiet = operating.site.table("outbox"), operating.site.table("quiet")
    operating.site.read_stream(table, "publish", enabled=False)
    assert operating.health.stream_consumers(table) == {"publish": "Disabled"}
    assert operating.health.stream_consumers(quiet) == {}


def test_only_alarms_that_ring_are_told_by_name(operating: Operating) -> None:
    for name, rings in (("trueup-dev-z", True), ("trueup-dev-a", True), ("trueup-dev-q", False), ("other-x", True)):
        operating.site.alarm(name, rings=rings)
    assert operating.health.ringing("trueup-dev-") == [
        AlarmState(name="trueup-dev-a", reason="2 > 0"),
        AlarmState(name="trueup-dev-z", reason="2 > 0"),
    ]


def test_an_endpoint_tells_where_it_captures_to(operating: Operating) -> None:
    operating.site.endpoint("pets", "pets-1", "s3://captures/pets")
    operating.site.endpoint("toys", "toys-1", None)
    pets, toys = operating.health.endpoint("pets"), operating.health.endpoint("toys")
    assert (pets.status, pets.config, pets.capture_uri) == ("InService", "pets-1", "s3://captures/pets")
    assert (toys.config, toys.capture_uri) == ("toys-1", None)


def test_requests_are_counted_over_all_variants(operating: Operating) -> None:
    operating.site.invoked("pets", "AllTraffic", 5)
    operating.site.invoked("pets", "Canary", 2)
    operating.site.invoked("toys", "AllTraffic", 9)
    now = datetime.now(UTC)
    assert operating.health.invocations("pets", now - timedelta(hours=6), now) == 7
    assert operating.health.invocations("nobody", now - timedelta(hours=6), now) == 0


def test_what_is_not_there_is_said(operating: Operating) -> None:
    there = operating.site.queue("there", 0)
    for ask in (
        lambda: operating.health.endpoint("none"),
        lambda: operating.health.queue(there.replace("there", "none")),
        lambda: operating.health.stream_consumers("none"),
    ):
        with pytest.raises(NotFoundError):
            ask()
