"""What versions are called."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.dataset.naming import Step, VersionName, check_ref, read_day, read_name, read_time
from trueup.errors import InputError

_END = datetime(2026, 11, 2, tzinfo=UTC) - timedelta(microseconds=1)
_NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("head", VersionName(base="head")),
        ("v12", VersionName(base="v12")),
        ("champion~2", VersionName(base="champion", steps=(Step(back=2),))),
        ("v12^", VersionName(base="v12", steps=(Step(),))),
        ("v12^1", VersionName(base="v12", steps=(Step(),))),
        ("v12^2~3^", VersionName(base="v12", steps=(Step(merged=True), Step(back=3), Step()))),
        ("main~", VersionName(base="main", steps=(Step(),))),
        ("main@2026-11-01", VersionName(base="main", at=_END)),
        ("main@2026-11-01T12:00~2", VersionName(base="main", at=_NOON, steps=(Step(back=2),))),
        ("2026-11-01", VersionName(base="main", at=_END)),
        ("2026-11-01T12:00", VersionName(base="main", at=_NOON)),
        ("2026-11-01T12:00Z", VersionName(base="main", at=_NOON)),
        ("@2026-11-01T12:00", VersionName(base="main", at=_NOON)),
        ("team/relabel.2", VersionName(base="team/relabel.2")),
        ("~1", VersionName(base="main", steps=(Step(),))),
    ],
)
def test_names_are_read(text: str, name: VersionName) -> None:
    assert read_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "main^3", "main@", "main@yesterday", "main@2026-13-01", "v1~x", "v1~2@2026-11-01"]
)
def test_what_is_no_name_is_said(text: str) -> None:
    with pytest.raises(InputError):
        read_name(text)


def test_a_time_may_say_its_zone_and_a_day_begins() -> None:
    east = timezone(timedelta(hours=2))
    assert read_time("2026-11-01T12:00+02:00", "--until") == datetime(2026, 11, 1, 12, tzinfo=east)
    assert read_day("2026-11-01", "--since") == datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["champion", "frozen-2026-11", "team/relabel", "a", "v2-of-it", "x" * 63])
def test_names_that_a_tag_may_have(name: str) -> None:
    check_ref(name, "tag")
    assert read_name(name) == VersionName(base=name)


@pytest.mark.parametrize(
    "name", ["", "head", "all", "7", "v7", "abcdef12", "decade", "a b", "a..b", "-a", "a@b", "a~", "a^", "ä", "x" * 64]
)
def test_names_that_it_may_not(name: str) -> None:
    with pytest.raises(InputError, match="a tag cannot be called"):
        check_ref(name, "tag")


@given(st.text(max_size=30))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    with suppress(InputError):
        name = read_name(text)
        assert name.base
        assert not set("@~^") & set(name.base)
