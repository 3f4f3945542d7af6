"""Conditions over samples: read right, answered right, and refused with a place and a way out."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.dataset.test_versions import line
from tests.worlds import NOW
from trueup.adapters.integrations.duck import DuckSamples
from trueup.dataset.querying.conditions import where
from trueup.dataset.querying.statements import found_by
from trueup.dataset.versions import Making, next_version
from trueup.errors import InputError
from trueup.model import LabelledSample

CAT = replace(
    line(1, "cat"), split="train", agreement=0.5, selected_by="novelty", slice="night", since=3, labelled_at=NOW
)
DOG = replace(line(2, "dog"), split="test", agreement=1.0, group="it's a dog's", since=1)
BOTH = replace(line(3, '{"classes":["cat","dog"]}'), split="train", agreement=0.75, propensity=0.25)
SAMPLES = [CAT, DOG, BOTH]


def found(condition: str, samples: list[LabelledSample] = SAMPLES) -> list[int]:
    making = Making(project="pets", number=1, at=NOW, reason="test")
    version = next_version(None, {}, samples, (), (), making)
    answer = DuckSamples([(version, samples)]).ask(found_by(where(condition)), 100)
    return [int(row[0], 16) for row in answer.rows]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ('class = "cat"', [1, 3]),
        ('class != "cat"', [2]),
        ('class in ("dog", "fox")', [2, 3]),
        ('class not in ("dog", "fox")', [1]),
        ('label = "cat"', [1]),
        ('label like "%dog%"', [2, 3]),
        ("agreement < 0.8", [1, 3]),
        ("agreement between 0.6 and 0.9", [3]),
        ('class = "cat" and agreement < 0.6 and selected_by = "novelty"', [1]),
        ('class = "dog" or slice = "night" and split = "test"', [2, 3]),
        ('(class = "dog" or slice = "night") and split = "train"', [1, 3]),
        ("slice is null", [2, 3]),
        ("slice IS NOT NULL", [1]),
        ("not (slice is null) or since == 1", [1, 2]),
        ("""group = "it's a dog's" """, [2]),
        ("group = 'it''s a dog''s'", [2]),
        ("since >= 2", [1]),
        ("propensity = .25", [3]),
        ("labelled_at >= 2026-01-01", [1]),
        ('labelled_at > "2026-01-01T00:00:00+02:00" and labelled_at < 2099-01-01T10:30', [1]),
        ("strategy = 'novelty'", [1]),
        ('sample like "%2"', [2]),
    ],
)
def test_conditions_mean_what_they_say(condition: str, numbers: list[int]) -> None:
    assert found(condition) == numbers


@pytest.mark.parametrize(
    ("condition", "says", "at"),
    [
        ("", "expected a column", 0),
        ("clas = 'cat'", "did you mean class?", 0),
        ("class = cat", "text in quotes", 8),
        ("class < 'cat'", "no order", 6),
        ("class like 'c%'", "no order", 6),
        ("agreement like '0%'", "is no text", 10),
        ("agreement = 'many'", "is a number", 12),
        ("since = 1.5", "is a number", 8),
        ("labelled_at > 'yesterday'", "is no time", 14),
        ("label = 'cat' agreement = 1", "expected and, or", 14),
        ("(label = 'cat'", "expected )", 14),
        ("label = 'cat", "cannot be read", 8),
        ("label ; drop", "cannot be read", 6),
        ("label", "expected a comparison", 5),
        ("slice is 'x'", "expected null", 9),
        ("label not like 'x'", "expected in", 10),
    ],
)
def test_what_cannot_be_read_is_shown_where(condition: str, says: str, at: int) -> None:
    with pytest.raises(InputError) as error:
        where(condition)
    message = str(error.value)
    assert says in message
    assert message.splitlines()[-1] == f"  {' ' * at}^"


@pytest.mark.slow
@settings(max_examples=50)
@given(st.text(max_size=40))
def test_no_text_gets_out_of_its_quotes(text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    named = [replace(each, group=text) if each is DOG else each for each in SAMPLES]
    if "\0" not in text:
        assert found(f"group = {quoted}", named) == [2]


@pytest.mark.slow
@settings(max_examples=50)
@given(st.text(alphabet="classgroup =<>()\"'0123456789.andornot", max_size=30))
def test_any_text_is_a_condition_or_an_input_error(text: str) -> None:
    with suppress(InputError):
        assert found(text) == sorted(found(text))


def test_times_with_a_zone_are_in_utc() -> None:
    at = datetime(2026, 5, 1, 22, 30, tzinfo=UTC)
    late = [replace(CAT, labelled_at=at)]
    assert found("labelled_at = 2026-05-02T00:30+02:00", late) == [1]
    assert found("labelled_at = 2026-05-02T00:30", late) == []


def test_wrong_sql_and_files_are_refused() -> None:
    making = Making(project="pets", number=1, at=NOW, reason="test")
    tables = DuckSamples([(next_version(None, {}, SAMPLES, (), (), making), SAMPLES)])
    assert tables.ask("SELECT split, count(*) AS n FROM samples GROUP BY 1 ORDER BY 1", 9).rows == (
        ("test", 1),
        ("train", 2),
    )
    answer = tables.ask("SELECT sample_id FROM samples", 2)
    assert (len(answer.rows), answer.more) == (2, True)
    for sql in ("SELEKT 1", "SELECT * FROM nothing", "SELECT * FROM read_text('/etc/hostname')"):
        with pytest.raises(InputError, match="SQL"):
            tables.ask(sql, 1)
