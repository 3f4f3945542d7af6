"""dataset freeze, frozen, split; schema list, show, diff, and migrations that ask people."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.cli.conftest import FakeDeployed, Terminal
from trueup.model import LabelClass, Payload
from trueup.usecases.import_labels import ImportedLabel


@pytest.fixture
def big(place: FakeDeployed) -> FakeDeployed:
    """Two hundred samples of forty users; every fifth is a fox."""
    labels = [
        ImportedLabel(
            payload=Payload(data=f"text {each}".encode(), content_type="text/plain"),
            label="fox" if each % 5 == 0 else ("cat", "dog")[each % 2],
            group=f"user {each % 40}",
        )
        for each in range(200)
    ]
    place.import_labels("pets", labels, "the start")
    return place


def test_a_test_set_is_frozen_and_listed(trueup: Terminal, big: FakeDeployed) -> None:
    said = trueup("dataset", "freeze", "v1", "--as", "frozen-2026-11", "--yes")
    assert (said.exit_code, said.stdout.splitlines()) == (
        0,
        [
            "frozen-2026-11: 20 samples in 4 groups of v1 stay in test from now on; to compare models on it, set "
            "gate.test to frozen-2026-11"
        ],
    )
    (found,) = trueup.json("dataset", "frozen")
    assert (found["name"], found["number"], found["samples"], found["groups"]) == ("frozen-2026-11", 1, 20, 4)
    assert "frozen-2026-11" in trueup("dataset", "frozen").stdout
    assert trueup.json("dataset", "freeze", "v1", "--as", "frozen-2026-11", "--yes") == found


def test_freezing_asks_first_and_needs_a_name_that_can_be(trueup: Terminal, big: FakeDeployed) -> None:
    assert trueup("dataset", "freeze").exit_code == 2
    assert trueup("dataset", "freeze", "--as", "Not this", "--yes").exit_code == 2
    assert trueup.json("dataset", "frozen") == []
    assert trueup("dataset", "frozen").stdout == "nothing is frozen yet: trueup dataset freeze\n"


def test_a_split_is_shown_before_it_is_made(trueup: Terminal, big: FakeDeployed) -> None:
    trueup("dataset", "freeze", "--yes")
    said = trueup("dataset", "split", "--method", "stratified", "--dry-run")
    assert said.stdout.endswith("of 200 samples would move; 20 are frozen in test; nothing was written\n")
    assert len(trueup.json("dataset", "list")) == 1
    found = trueup.json("dataset", "split", "--method", "stratified")
    assert found["version"]["number"] == 2
    assert found["version"]["moved"] == found["moved"] > 0
    assert found["version"]["by"].startswith("operator:")
    assert found["after"] == {"train": 140, "validation": 25, "test": 35}
    again = trueup("dataset", "split", "--method", "stratified")
    assert again.stdout.endswith(
        "all 200 samples are where stratified puts them; 20 are frozen in test: no new version\n"
    )


@pytest.mark.slow
def test_an_older_version_is_split_on_a_branch_of_its_own(trueup: Terminal, big: FakeDeployed) -> None:
    trueup("dataset", "split", "--salt", "another")
    refused = trueup("dataset", "split", "v1", "--method", "stratified")
    assert refused.exit_code == 2
    assert "v1 is not the newest version of main, v2 is" in refused.stderr
    assert trueup("dataset", "split", "--branch", "anew").exit_code == 4
    asked = ("dataset", "split", "v1", "--method", "stratified", "--branch", "anew")
    trueup(*asked, "--dry-run")
    assert [each["name"] for each in trueup.json("dataset", "branch")] == ["main"]
    made = trueup.json(*asked)["version"]
    first, second, third = reversed(trueup.json("dataset", "list"))
    assert (made["number"], made["branch"], made["parent"]) == (3, "anew", first["version_id"])
    assert made == third
    assert trueup.json("dataset", "show")["version_id"] == second["version_id"]
    assert "v1 is not the newest version of anew" in trueup(*asked).stderr
    again = trueup("dataset", "split", "--method", "stratified", "-b", "anew")
    assert again.stdout.endswith("no new version\n")


def test_a_branch_that_was_begun_and_not_split_yet_is_split(trueup: Terminal, big: FakeDeployed) -> None:
    trueup("dataset", "branch", "anew", "v1")
    said = trueup("dataset", "split", "v1", "--method", "stratified", "--branch", "anew").stdout
    assert "v2 of anew, split by stratified" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--method", "nope"), "use one of group, time, stratified"),
        (("--method", "time"), "give one of --test-from and --test-days"),
        (("--method", "time", "--test-from", "May"), "--test-from is 'May': use a date"),
    ],
)
def test_a_split_that_cannot_be_is_refused(
    trueup: Terminal, big: FakeDeployed, options: tuple[str, ...], said: str
) -> None:
    result = trueup("dataset", "split", *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_split_by_days_takes_what_is_older_out_of_test(trueup: Terminal, big: FakeDeployed) -> None:
    big.clock.advance(40 * 86_400)
    found = trueup.json("dataset", "split", "--test-days", "30", "--validation-days", "5", "--method", "time")
    assert found["after"] == {"train": 200, "validation": 0, "test": 0}


@pytest.fixture
def grown(big: FakeDeployed) -> FakeDeployed:
    """Its dogs are of two classes now, its foxes are vixens, and wolves are new."""
    found = big.projects["pets"]
    classes = tuple(LabelClass(name=each) for each in ("cat", "puppy", "hound", "vixen", "wolf"))
    split = {"dog": ("puppy", "hound")}
    schema = replace(found.label_schema, classes=classes, renamed={"fox": "vixen"}, split=split)
    big.projects = {"pets": replace(found, label_schema=schema)}
    return big


def test_schemas_are_listed_shown_and_compared(trueup: Terminal, grown: FakeDeployed) -> None:
    (first,) = trueup.json("schema", "list")
    assert "cat, dog, fox" in trueup("schema", "list").stdout
    assert [each["name"] for each in trueup.json("schema", "show", first["version"][:6])["classes"]] == [
        "cat",
        "dog",
        "fox",
    ]
    assert "cat, puppy, hound, vixen, wolf" in trueup("schema", "show").stdout
    said = trueup.json("schema", "diff", first["version"])["difference"]
    assert (said["added"], said["renamed"], said["split"]) == (["wolf"], {"fox": "vixen"}, {"dog": ["puppy", "hound"]})
    rows = [each.split() for each in trueup("schema", "diff", first["version"]).stdout.splitlines()]
    assert ["split", "dog", "→", "puppy,", "hound"] in rows
    assert trueup("schema", "diff", "today").stdout.endswith("answers mean the same\n")
    assert trueup("schema", "show", "0000").exit_code == 4


def test_a_migration_says_what_it_wants_of_people(trueup: Terminal, grown: FakeDeployed) -> None:
    said = trueup("schema", "migrate", "--dry-run").stdout
    assert said.endswith(
        "\n40 of 200 labels would change; nothing was written\n"
        "people would be asked again: 160 answers; 80 labels leave the version until then\n"
    )
    assert ["dog", "people", "say", "80"] in [each.split() for each in said.splitlines()]
    assert trueup("schema", "migrate").stdout.endswith(
        "\nv2: 40 relabelled, 120 in all\npeople are asked again: 160 answers; 80 labels leave the version until then\n"
    )
    assert trueup("schema", "migrate").stdout == "120 labels read, none with an old name: no new version\n"
