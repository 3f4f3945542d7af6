"""Settings round-trip; configuration errors name the key."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.worlds import project
from trueup.errors import ConfigurationError
from trueup.events import EVENT_TYPES, json_schemas
from trueup.settings import FUNCTION_SETTINGS, Settings, parse_project

PAIR = {"classes": [{"name": "a"}, {"name": "b"}]}
TEAM = {"workteam_arn": "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/pets"}


def example(kind: Any) -> Any:
    if kind is str:
        return "text"
    if kind is int:
        return 7
    return {"digits": ["a"]} if "list" in str(kind) else {"digits": "u"}


@pytest.mark.parametrize("name", sorted(FUNCTION_SETTINGS))
def test_settings_survive_the_environment(name: str) -> None:
    kind = FUNCTION_SETTINGS[name]
    settings = kind(**{each.name: example(each.type) for each in msgspec.structs.fields(kind)})
    assert kind.from_env(settings.to_env()) == settings


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ConfigurationError, match="TRUEUP_STAGE is not set"):
        Settings.from_env({})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"selection": {"rat": 0.1}}, r"selection.rat is not a known key; known are: .*rate"),
        ({"label_schema": {"classes": [{"name": "a"}, {"nmae": "b"}]}}, r"classes\[1\].nmae is not a known key"),
        ({"ground_truth": {"team": "b"}}, r"ground_truth.team is not a known key"),
        ({"consensus": {"overlap": "two"}}, "consensus.overlap is text: use a whole number"),
        ({"consensus": {"overlap": True}}, "consensus.overlap is true or false: use a whole number"),
        ({"triggers": {"action": "panic"}}, "triggers.action: Invalid enum value 'panic'"),
        ({"label_schema": {"classes": [{"name": "a"}, {"name": "a"}]}}, r"classes\[\].name is 'a' twice"),
        (
            {"label_schema": {"classes": [{"name": "a", "key": "q"}, {"name": "b", "key": "Q"}]}},
            r"classes\[\].key is 'q' twice",
        ),
        ({"consensus": {"overlap": 5}}, "consensus.max_overlap is 4: it must not be below consensus.overlap"),
        ({"commit": {"test_share": 0.5, "validation_share": 0.5}}, "commit.test_share is 0.5: with commit.validation"),
        ({"commit": {"splits": {"method": "time"}}}, "commit.splits.method is 'time': say when the test begins"),
        (
            {"commit": {"splits": {"method": "time", "test_from": "2026-10-01", "test_days": 3}}},
            "with one of commit.splits.test_from and commit.splits.test_days",
        ),
        (
            {"commit": {"splits": {"test_days": 30}}},
            "commit.splits.test_days is 30, but commit.splits.method is 'group'",
        ),
        (
            {"commit": {"splits": {"method": "time", "test_from": "2026-10-01", "validation_from": "2026-11-01"}}},
            "commit.splits.validation_from is 2026-11-01, after commit.splits.test_from",
        ),
        (
            {
                "commit": {
                    "splits": {
                        "method": "time",
                        "test_days": 3,
                        "validation_from": "2026-11-01",
                        "validation_days": 3,
                    }
                }
            },
            "beside commit.splits.validation_days: use one of them",
        ),
        ({"label_schema": {**PAIR, "removed": ["a"]}}, "label_schema.removed holds 'a', which is a class of"),
        ({"label_schema": {**PAIR, "split": {"c": ["a", "z"]}}}, "label_schema.split leads to 'z', which is no class"),
        (
            {"label_schema": {**PAIR, "removed": ["c"], "renamed": {"c": "a"}}},
            "label_schema.removed holds 'c', which label_schema.renamed holds too",
        ),
        (
            {"label_schema": {**PAIR, "removed": ["c"], "split": {"c": ["a", "b"]}}},
            "label_schema.removed holds 'c', which label_schema.split holds too",
        ),
        ({"backend": "ground_truth"}, "ground_truth is missing"),
        ({"backend": "label_studio"}, "label_studio is missing: backend label_studio needs a url and a secret"),
        (
            {
                "backend": "label_studio",
                "label_studio": {"url": "https://labels.example.com", "secret": "trueup/labels"},
                "label_schema": {"kind": "rating", "media": "text", "scale": {"low": 0, "high": 4}},
                "triggers": {"action": "notify"},
            },
            "backend is 'label_studio', whose ratings are stars",
        ),
        (
            {"backend": "ground_truth", "ground_truth": TEAM, "label_schema": {"media": "tabular", **PAIR}},
            "backend is 'ground_truth', which has no task for tabular samples",
        ),
    ],
)
def test_a_wrong_configuration_names_its_key(changes: dict[str, Any], message: str) -> None:
    raw = {"name": "pets", "endpoint_name": "pets", "label_schema": PAIR}
    with pytest.raises(ConfigurationError, match=message):
        parse_project({**raw, **changes}, "trueup.projects[0]")


def test_a_project_has_a_policy_version_that_follows_its_content() -> None:
    assert project().selection.version == project().selection.version
    assert project(selection={"rate": 0.5}).selection.version != project().selection.version


def test_every_event_has_a_schema() -> None:
    assert set(json_schemas()) == set(EVENT_TYPES)
