"""trueup forget, list, show, verify."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import FakeDeployed, Terminal
from tests.unit.usecases.people import people_answer
from tests.unit.usecases.test_forget_samples import ANNA, BERT, KilledError, asks, brings, killed_at
from tests.worlds import NOW, Loop
from trueup.model import Payload


@pytest.fixture
def brought(place: FakeDeployed) -> Loop:
    """A dataset of Anna's, Bert's, and many others'."""
    says = [f"{number} {animal}" for number in range(20) for animal in ("cat", "dog")]
    theirs = [(person, f"{person} says {each}", "cat") for person in (ANNA, BERT) for each in says]
    others = [(f"other-{number}", f"other text {number}", "dog") for number in range(40)]
    brings(place.loop, *theirs, *others)
    return place.loop


def test_a_dry_run_shows_what_there_is_and_touches_nothing(trueup: Terminal, brought: Loop) -> None:
    said = trueup("forget", "--subject", ANNA, "--dry-run")
    assert said.exit_code == 0, said.output
    assert "40" in said.stdout
    assert "v1" in said.stdout
    found = trueup.json("forget", "--subject", ANNA, "--dry-run")
    assert (len(found["samples"]), found["versions"][0]["number"]) == (40, 1)
    assert len(brought.datasets.versions("pets")) == 1


def test_it_asks_first_and_then_gives_a_receipt(trueup: Terminal, brought: Loop) -> None:
    assert trueup("forget", "--subject", ANNA).exit_code == 2
    assert len(brought.datasets.versions("pets")) == 1
    said = trueup("forget", "--subject", ANNA, "--yes", "--reason", "request 17")
    assert said.exit_code == 0, said.output
    for each in ("receipt 1 of pets", "40 samples", "request 17", "v1", "1 redacted"):
        assert each in said.stdout
    assert ANNA not in said.stdout
    assert trueup("dataset", "verify").exit_code == 0
    (told,) = trueup.json("dataset", "verify")["forgotten"]
    assert "which is in 2 versions from 1 to 2, 40 lines were forgotten" in told


@pytest.mark.slow
def test_receipts_are_listed_shown_and_handed_on(trueup: Terminal, brought: Loop, tmp_path: Path) -> None:
    assert "nothing was forgotten yet" in trueup("forget", "list").stdout
    trueup("forget", "--subject", ANNA, "--yes", "--reason", "request 17")
    assert "request 17" in trueup("forget", "list").stdout
    (listed,) = trueup.json("forget", "list")["receipts"]
    assert listed["number"] == 1
    assert "receipt 1 of pets" in trueup("forget", "show", "1").stdout
    assert trueup("forget", "show", "2").exit_code == 4
    file = tmp_path / "receipt.json"
    file.write_text(trueup("forget", "show", "1", "--json").stdout)
    assert trueup("forget", "verify", str(file), "--subject", ANNA).exit_code == 0
    assert trueup("forget", "verify", str(file), "--subject", BERT).exit_code == 3
    file.write_text(file.read_text().replace("request 17", "request 18"))
    said = trueup("forget", "verify", str(file))
    assert said.exit_code == 3
    assert "signature that does not hold" in said.stdout


def test_a_file_that_is_no_receipt_is_said_to_be_none(trueup: Terminal, brought: Loop, tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    for text in ("", "{}", "[1]", '{"receipt": 1}'):
        file.write_text(text)
        assert trueup("forget", "verify", str(file)).exit_code == 3


def test_a_redaction_without_a_receipt_is_found(trueup: Terminal, brought: Loop) -> None:
    trueup("forget", "--subject", ANNA, "--yes")
    assert trueup("forget", "verify").exit_code == 0
    brought.receipts._entries.clear()
    said = trueup("forget", "verify")
    assert said.exit_code == 3
    assert "no receipt says so" in said.stdout


def test_a_retraining_starts_without_it_or_says_why_not(trueup: Terminal, brought: Loop) -> None:
    said = trueup("forget", "--subject", ANNA, "--yes", "--retrain")
    assert "started without it" in said.stdout
    again = trueup("forget", "--subject", BERT, "--yes", "--retrain")
    assert again.exit_code == 0
    assert "no retraining was started" in again.stdout


def test_what_contradicts_itself_or_is_not_there_is_refused(trueup: Terminal, brought: Loop) -> None:
    assert trueup("forget").exit_code == 2
    assert trueup("forget", "--subject", ANNA, "--sample", "a" * 64).exit_code == 2
    assert trueup("forget", "--sample", "a" * 64, "--yes").exit_code == 4
    assert trueup("forget", "--subject", ANNA, "--reason", f"{ANNA} wrote", "--yes").exit_code == 2


def test_captures_are_found_from_a_day_on(trueup: Terminal, brought: Loop) -> None:
    asks(brought, "a", (ANNA, "a capture of hers"))
    people_answer(brought)
    said = trueup("forget", "--subject", ANNA, "--since", f"{NOW:%Y-%m-%d}", "--captures", "--yes")
    assert said.exit_code == 0, said.output
    assert "1 of 1 file rewritten" in said.stdout
    assert not b"".join(brought.archive.files.values())


def test_what_was_cut_short_is_told_and_goes_on(trueup: Terminal, brought: Loop) -> None:
    whole = brought.forget
    brought.forget = dataclasses.replace(whole, knowledge=killed_at(brought.knowledge, [1]))
    assert isinstance(trueup("forget", "--subject", ANNA, "--yes").exception, (KilledError, SystemExit))
    brought.forget = whole
    assert "was cut short" in trueup("forget", "list").stdout
    assert trueup("forget", "--subject", ANNA).exit_code == 0
    assert "was cut short" not in trueup("forget", "list").stdout
    assert trueup("forget", "verify").exit_code == 0


def test_payloads_are_gone_and_tombstones_stay(trueup: Terminal, brought: Loop) -> None:
    trueup("forget", "--subject", ANNA, "--yes")
    kept: list[Payload] = list(brought.payloads.payloads.values())
    assert len(kept) == 120
    assert sum(not each.data for each in kept) == 40
    assert json.dumps(trueup.json("forget", "list")).count(ANNA) == 0
