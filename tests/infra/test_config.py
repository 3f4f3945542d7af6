"""A wrong configuration ends the synthesis with one sentence that names the key."""

from __future__ import annotations

import copy
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from infra.config import CONTEXT_KEYS, Document, read_config
from infra.keys import (
    DEPLOYMENT_KEYS,
    MAX_BATCH,
    MAX_BUCKETS,
    MAX_CANARY_ALARMS,
    MAX_HYPERPARAMETER,
    MAX_HYPERPARAMETERS,
    MAX_INSTRUCTIONS,
    MAX_KEYS,
    MAX_MODELS,
    MAX_PROJECTS,
    MAX_RUNTIME_SECONDS,
    MAX_TOPICS,
    OUR_HYPERPARAMETERS,
    PROJECT_KEYS,
)
from infra.packaging import ROOT
from infra.reference import PAGE, documentation, fields_of, full_example
from trueup.cli.policy import read_policy
from trueup.errors import ConfigurationError, InputError
from trueup.keys import MAX_CLASSES
from trueup.settings import Project
from trueup.usecases import sync_backend

ARN = "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/pets"
TOPIC = "arn:aws:sns:us-east-1:123456789012:told"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MODEL = {"name": "nova", "model_id": "us.amazon.nova-pro-v1:0"}
# For each key that the table bounds: what it still takes, and what it refuses.
QUEUES = [{"name": f"q{each}", "reasons": ["audit"]} for each in range(7)]
RELATIONS = [{"name": str(each)} for each in range(30)]
BOUNDS: dict[str, tuple[list[Any], list[Any]]] = {
    "stage": (["a", "dev2", "s" * 16], ["", "Dev", "2dev", "a-b", "s" * 17, "dev\n"]),
    "alarm_email": (["a@b.co", None], ["", "team", "a@b", "a b@c.de", "a@b.co,c@d.eu", "a" * 65 + "@b.co"]),
    "schedule_minutes": ([1, 1440], [0, -1, 1441]),
    "log_retention_days": ([1, 3653], [0, 3654]),
    "name": (["p", "a-b", "p" * 32], ["", "Pets", "1a", "a--b", "a-", "-a", "a_b", "p" * 33, "code", "config", "a\n"]),
    "title": (["", "Ünïcode", "x" * 100], ["x" * 101, "two\nlines"]),
    "endpoint_name": (["A", "a--b", "e" * 63], ["", "a_b", "-a", "a-", "e" * 64, "a" + "-" * 70 + "b", "a\n"]),
    "label_schema.classes": (
        [[{"name": str(each)} for each in range(MAX_CLASSES)]],
        [
            [{"name": str(each)} for each in range(MAX_CLASSES + 1)],
            [{"name": str(each).ljust(30, "x")} for each in range(MAX_CLASSES)],
        ],
    ),
    "label_schema.classes[].name": (["a", "two words", "x" * 256, "a {"], ["", "  ", "x" * 257, "a\nb", "{"]),
    "label_schema.relations": ([[], RELATIONS], [[*RELATIONS, {"name": "one more"}]]),
    "label_schema.renamed": (
        [{}, {"firm": "company", "worker": "person"}, {"x" * 256: "company"}],
        [{"": "company"}, {"a\nb": "company"}, {"x" * 257: "company"}, {str(each): "company" for each in range(301)}],
    ),
    "label_schema.split": (
        [{}, {"place": ["city", "country"]}],
        [{"place": ["city"]}, {"place": ["city", "city"]}, {"a\nb": ["city", "country"]}],
    ),
    "label_schema.removed": ([[], ["date"]], [[""], ["a\nb"], [str(each) for each in range(51)]]),
    "label_schema.relations[].name": (["a", "two words", "x" * 256], ["", "  ", "x" * 257, "a\nb", "{"]),
    "label_schema.relations[].key": (["b", "1", "ü", None], ["", "ab", "s", "U", "?", " "]),
    "label_schema.scale.low": ([-100, 4], [-101]),
    "label_schema.scale.high": ([2, 100], [101]),
    "label_schema.classes[].key": (["b", "1", "ü", None], ["", "ab", "s", "U", "?", " "]),
    "capture_percent": ([1, 100], [0, 101]),
    "feedback.lookback_hours": ([1, 744], [0, 745]),
    "feedback.keep_days": ([1, 92], [0, 93]),
    "sources.async_topics": (
        [[], [TOPIC] * MAX_TOPICS],
        [["told"], [TOPIC + ".fifo"], [TOPIC.replace("sns", "sqs")], [TOPIC] * (MAX_TOPICS + 1)],
    ),
    "sources.buckets": (
        [["abc"], ["my.bucket-1"] * MAX_BUCKETS],
        [["ab"], ["s3://abc"], ["Abc"], ["abc/def"], ["abc*"], ["abc"] * (MAX_BUCKETS + 1)],
    ),
    "sources.keys": ([[], [KEY] * MAX_KEYS], [["*"], [KEY.replace(":key/", ":alias/")], [KEY] * (MAX_KEYS + 1)]),
    "selection.strategy": (["margin"], ["", "Margin", "marginal"]),
    "selection.picker": (["top"], ["", "Top"]),
    "selection.rate": ([1, 1e-6, None], [0, -0.1, 1.01, math.nan, math.inf]),
    "selection.audit_share": ([0, 1], [-0.1, 1.1, math.nan]),
    "selection.budget.per_hour": ([0, 10**9], [-1, 10**9 + 1]),
    "selection.budget.per_day": ([0, 10**9], [-1, 10**9 + 1]),
    "selection.budget.total": ([0, None], [-1, 10**40]),
    "selection.error_rate": ([0.01, 0.5], [0, 0.51, math.nan]),
    "selection.shares": ([{}, {"entropy": 0.5}], [{"nope": 0.1}, {"entropy": 0}, {"entropy": 1}, {"random": 0.1}]),
    "selection.budget.reasons": (
        [{}, {"audit": {"per_hour": 0}, "margin": {"total": 5}}],
        [{"nope": {}}, {"audit": {"per_day": -1}}],
    ),
    "selection.slice_by": (["attribute:a", None], ["", "inference_id", "attribute:", "a"]),
    "selection.seed": ([0, 2**32 - 1], [-1, 2**32]),
    "selection.decoder": (["csv_probabilities", None], ["", "csv"]),
    "selection.classes": ([[], ["a", "b"]], [["a", "a"], [""], [str(each) for each in range(MAX_CLASSES + 1)]]),
    "selection.answer.values": (["a", "a[*].b"], ["", "a["]),
    "selection.answer.labels": (["a", None], ["", "]"]),
    "selection.group_by": (
        ["inference_id", "attribute:a", "payload:user.id", "payload:a[0]", "column:0", None],
        ["", "id", "attribute:", "attribute:a=b", "a", "payload:", "payload:a[", "column:x", "column:"],
    ),
    "consensus.method": (["majority"], ["", "vote"]),
    "consensus.overlap": ([1, 5], [0, -1]),
    "consensus.max_overlap": ([3, 15], [16]),
    "consensus.target": ([0.5, 0.999], [0.49, 1, math.nan]),
    "consensus.min_gain": ([0, 0.5], [-0.01, 0.51, math.nan]),
    "annotation.deadline_hours": ([None, 0.1, 8760], [0, 8761]),
    "annotation.queues": ([[], [{"name": f"q{each}", "reasons": ["audit"]} for each in range(6)]], [QUEUES]),
    "annotation.queues[].name": (["n", "a-b2"], ["", "N", "a--b", "a" * 21, "a/b"]),
    "annotation.queues[].slices": ([["x"] * 50], [["x"] * 51, [""]]),
    "annotation.queues[].classes": ([["x"] * 50], [["x"] * 51, [""]]),
    "annotation.queues[].reasons": ([["x"] * 50], [["x"] * 51, [""]]),
    "annotation.queues[].groups": ([[], ["x"] * 50], [["x"] * 51, [""]]),
    "annotation.queues[].priority": ([-100, 100], [-101, 101]),
    "annotation.queues[].deadline_hours": ([None, 0.1, 8760], [0, 8761]),
    "gold.share": ([0, 0.5], [-0.1, 0.51]),
    "gold.retire_after": ([1, 10_000], [0, 10_001]),
    "gold.window": ([5, 200], [4, 201]),
    "gold.min_answers": ([1, 200], [0, 201]),
    "gold.warn_below": ([0, 1], [-0.1, 1.1]),
    "gold.train_below": ([None, 0, 1], [-0.1, 1.1]),
    "gold.suspend_below": ([0, 1], [-0.1, 1.1]),
    "annotation.hourly_cost": ([None, 0, 10_000], [-1, 10_001]),
    "annotation.currency": (["USD"], ["", "usd", "EURO"]),
    "consensus.max_skips": ([1, 20], [0, 21]),
    "consensus.lease_seconds": ([30, 43_200], [29, 43_201]),
    "annotation.models": ([[], [MODEL] * 1], [[{**MODEL, "name": f"m{each}"} for each in range(MAX_MODELS + 1)]]),
    "annotation.models[].name": (["n", "a-b", "n" * 32], ["", "A", "a--b", "a b", "n" * 33]),
    "annotation.models[].model_id": (["m", "us.amazon.nova-pro-v1:0", "m" * 128], ["", "a b", "m" * 129]),
    "annotation.models[].per_day": ([0, 1_000_000], [-1, 1_000_001]),
    "annotation.models[].instructions": (["", "x" * MAX_INSTRUCTIONS], ["x" * (MAX_INSTRUCTIONS + 1)]),
    "commit.batch": ([1, 10_000], [0, 10_001]),
    "commit.max_age_seconds": ([1, 2_678_400], [0, 2_678_401]),
    "commit.validation_share": ([0, 0.7], [-0.1, math.nan]),
    "commit.test_share": ([0.01, 0.8], [0, -0.1, math.nan]),
    "commit.splits.method": (["group", "stratified"], ["", "random"]),
    "commit.splits.salt": (["", "s" * 64], ["a\nb", "s" * 65]),
    "commit.splits.test_from": (["2026-10-01", "2027-02-28"], ["", "2026-13-01", "yesterday", "20261001"]),
    "commit.splits.validation_from": (["2026-09-01", None], ["", "2026-02-31"]),
    "commit.splits.test_days": ([1, 3660], [0, 3661]),
    "commit.splits.validation_days": ([0, 3660, None], [-1, 3661]),
    "dataset.keep_versions": ([1, 10**9, None], [0, 10**9 + 1]),
    "dataset.keep_days": ([1, 36_600, None], [0, 36_601]),
    "triggers.min_new_labels": ([1, None], [0, 10**9 + 1]),
    "triggers.new_class_min_labels": ([1, None], [0, 10**9 + 1]),
    "triggers.every_seconds": ([60, None], [59, 31_622_401]),
    "gate.min_improvement": ([-1, 1], [-1.1, 1.1, math.nan]),
    "gate.max_class_recall_drop": ([0, 1], [-0.1, 1.1, math.nan]),
    "gate.min_test_samples": ([1], [0, 10**9 + 1]),
    "gate.confidence": ([0.5, 0.99], [0.4, 1, math.nan]),
    "gate.test": (["frozen-2026-11", None], ["", "Frozen", "a b", "-a", "a" * 65]),
    "training.image": (["host.io/name:tag", None], ["", "name:tag", "host.io/", "host.io/a b", "h.io/" + "x" * 251]),
    "training.instance_type": (
        ["ml.g5.2xlarge", "ml.c5.xlarge"],
        ["", "m5.large", "ml.p5.48xlarge", "ml.trn1.2xlarge"],
    ),
    "training.max_runtime_seconds": ([60, MAX_RUNTIME_SECONDS], [59, MAX_RUNTIME_SECONDS + 1]),
    "training.hyperparameters": (
        [{}, {"n" * 256: "x" * 2500}, {str(each): "" for each in range(MAX_HYPERPARAMETERS)}],
        [
            {"": "1"},
            {"n" * 257: "1"},
            {"a": "x" * 2501},
            {"seed": "1"},
            {"sagemaker_program": "x.py"},
            {str(each): "" for each in range(MAX_HYPERPARAMETERS + 1)},
        ],
    ),
    "training.canary.percent": ([1, 50], [0, 51]),
    "training.canary.wait_seconds": ([0, 3600], [-1, 3601]),
    "training.canary.alarm_names": ([[], ["a"] * MAX_CANARY_ALARMS], [[""], [" "], ["a" * 256], ["a"] * 9]),
    "ground_truth.workteam_arn": ([ARN, ARN.replace("private", "vendor")], ["", "pets", ARN + "x" * 256, ARN[:-4]]),
    "ground_truth.batch": ([1, MAX_BATCH], [0, MAX_BATCH + 1]),
    "ground_truth.answer_price": ([0, 0.012, 1000], [-0.01, 1001]),
    "label_studio.url": (
        ["https://labels.example.com", "https://labels.example.com:8443/studio/", "http://127.0.0.1:8080"],
        ["", "labels.example.com", "http://labels.example.com", "https://", "https://a b", "https://a?x=1"],
    ),
    "label_studio.secret": (
        ["labels", "trueup/label-studio_1.2+3=4@5-6", "a" * 64],
        ["", "two words", "a*", "a" * 513],
    ),
    "label_studio.batch": ([1, MAX_BATCH], [0, MAX_BATCH + 1]),
    "lineage.openlineage.url": (
        ["https://marquez.example.com:5000/base", "http://127.0.0.1:5000"],
        ["http://marquez.example.com", "marquez", "https://m?x=1", "https://m\n"],
    ),
    "lineage.openlineage.endpoint": (["api/v1/lineage", "/lineage"], ["", "a b", "x?y", "x" * 257]),
    "lineage.openlineage.secret": (["a", "trueup/open-lineage", "s" * 64, None], ["", "a b", "s" * 65]),
    "lineage.openlineage.namespace": (["trueup://prod", "team.a", None], ["", "a b", "n" * 257]),
}
# It has a test of its own.
ELSEWHERE = {"projects"}


def context(**changes: Any) -> dict[str, Any]:
    """The context of cdk.json, with other keys under `trueup`."""
    found: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return {**found, "trueup": {**found["trueup"], **changes}}


def _example_of(path: str) -> int:
    """In which project of the full example a key stands."""
    third = (
        "label_schema.relations",
        "label_schema.renamed",
        "label_studio",
        "label_schema.split",
        "commit.splits.test_days",
    )
    if path.startswith((*third, "label_schema.removed", "commit.splits.validation_days")):
        return 2
    second = ("ground_truth", "selection.answer", "commit.splits.test_from", "commit.splits.validation_from")
    return int(path.startswith(second))


def with_value(path: str, value: Any) -> dict[str, Any]:
    """The full example of docs/configuration.md with one other value."""
    document = copy.deepcopy(full_example())
    place: Any = document
    if path in PROJECT_KEYS:
        place = document["projects"][_example_of(path)]
    if path == "consensus.overlap":
        # Where one answer is enough, no model may give it.
        del place["annotation"]
    if path == "selection.slice_by":
        # Where nothing has a slice, no queue may want one.
        del place["annotation"]
    *parents, name = path.split(".")
    for each in parents:
        place = place[each] if not each.endswith("[]") else place[each.removesuffix("[]")][0]
    place[name] = value
    return {"trueup": document}


def refusal(found: dict[str, Any]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_config(found)
    sentence = str(caught.value)
    assert caught.value.field
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("path", [each for each in BOUNDS if each.startswith("selection.")])
def test_a_policy_is_simulated_where_it_could_be_deployed(path: str, tmp_path: Path) -> None:
    _, key, *below = path.split(".")
    file = tmp_path / "policy.json"
    taken, refused = BOUNDS[path]
    for value in (*taken, *refused):
        whole = {"values": "scores"} if key == "answer" else {}
        file.write_text(json.dumps({key: {**whole, below[0]: value} if below else value}))
        if value in taken:
            read_policy(str(file))
        else:
            with pytest.raises(InputError, match=f"selection.{key}"):
                read_policy(str(file))


def test_the_configuration_of_the_repository_is_right() -> None:
    config = read_config(context())
    assert [each.name for each in config.projects] == ["digits", "tickets"]
    assert (config.stage, config.wheels, config.nag, config.destroy) == ("dev", "lambda", True, False)


def test_every_bounded_key_is_tried() -> None:
    bounded = {path for path, key in (DEPLOYMENT_KEYS | PROJECT_KEYS).items() if key.allowed is not None}
    assert set(BOUNDS) | ELSEWHERE == bounded


@pytest.mark.parametrize(("path", "value"), [(path, each) for path, (taken, _) in BOUNDS.items() for each in taken])
def test_what_the_table_allows_is_taken(path: str, value: Any) -> None:
    read_config(with_value(path, value))


@pytest.mark.parametrize(("path", "value"), [(path, each) for path, (_, refused) in BOUNDS.items() for each in refused])
def test_what_the_table_does_not_allow_is_refused_by_name(path: str, value: Any) -> None:
    key = (DEPLOYMENT_KEYS | PROJECT_KEYS)[path]
    sentence = refusal(with_value(path, value))
    where = path.replace("[]", "[0]")
    if path in PROJECT_KEYS:
        where = f"projects[{_example_of(path)}].{where}"
    assert sentence.startswith(f"trueup.{where} is ")
    assert key.allowed is not None
    assert sentence.endswith(f": use {key.allowed.says}")


@pytest.mark.parametrize("path", sorted(DEPLOYMENT_KEYS | PROJECT_KEYS))
def test_a_value_of_a_wrong_type_is_refused_by_name(path: str) -> None:
    """A list where a value belongs, a text where a list does."""
    example = (DEPLOYMENT_KEYS | PROJECT_KEYS)[path].example
    sentence = refusal(with_value(path, "x" if isinstance(example, (list, dict)) else [1]))
    assert path.rpartition(".")[2] in sentence.partition(": Expected")[0]


def _deployment(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update(changes)


def _project(index: int = 0, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["projects"][index].update(changes)


def _many_queues(document: dict[str, Any]) -> None:
    for number, each in enumerate(document["projects"]):
        each["annotation"] = {"queues": QUEUES[:4] if number == 0 else QUEUES[:3] if number == 1 else []}
        each.pop("ground_truth", None)
        each.pop("label_studio", None)
        each["backend"] = "queue"


def _many_models(document: dict[str, Any]) -> None:
    (first, *_) = document["projects"]
    first |= {"consensus": {"overlap": 2, "max_overlap": 3}}
    document["projects"] = [
        {
            **first,
            "name": f"p{index}",
            "endpoint_name": f"p{index}",
            "annotation": {"models": [{"name": "m", "model_id": f"m{index}"}]},
        }
        for index in range(11)
    ]


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (_deployment(colour="red"), "trueup.colour is not a known key; known are: alarm_email"),
        (_deployment(stage=True), "trueup.stage is true or false: use text"),
        (_deployment(schedule_minutes=True), "trueup.schedule_minutes is true or false: use a whole number"),
        (_deployment(schedule_minutes="5"), "trueup.schedule_minutes is text: use a whole number"),
        (_deployment(removal_policy="maybe"), "trueup.removal_policy: Invalid enum value 'maybe'"),
        (_deployment(removal_policy="destroy"), "trueup.removal_policy is 'destroy', which deletes every label"),
        (_deployment(projects=[]), "trueup.projects is []: use 1 to"),
        (_deployment(projects={"name": "pets"}), "trueup.projects is an object: use a list"),
        (_deployment(projects=["pets"]), "trueup.projects[0] is text: use an object"),
        (lambda document: document.pop("projects"), "trueup.projects is []: use 1 to"),
        (
            lambda document: document["projects"][1].pop("endpoint_name"),
            "trueup.projects[1]: Object missing required field `endpoint_name`",
        ),
        (_project(1, selction={}), "trueup.projects[1].selction is not a known key; known are: annotation"),
        (
            _project(selection={"budget": {"perday": 3}}),
            "trueup.projects[0].selection.budget.perday is not",
        ),
        (_project(selection={"budget": None}), "trueup.projects[0].selection.budget is null: use an object"),
        (_project(consensus={"overlap": 2.5}), "trueup.projects[0].consensus.overlap is a number: use a whole number"),
        (
            _project(consensus={"overlap": 10, "max_overlap": 10}),
            "trueup.projects[0].consensus.overlap is 10: use at least 1 and at most 9",
        ),
        (_project(commit={"test_share": True}), "trueup.projects[0].commit.test_share is true or false: use a number"),
        (
            _project(label_schema={"classes": [{"name": "a", "colour": "red"}, {"name": "b"}]}),
            "trueup.projects[0].label_schema.classes[0].colour is not a known key; known are: description, key, name",
        ),
        (_project(label_schema={"classes": [{"name": "a"}, "b"]}), "trueup.projects[0].label_schema.classes["),
        (
            _project(label_schema={"classes": [{"name": "a"}]}),
            "trueup.projects[0].label_schema.classes is a list of 1: label_schema.kind 'classification' needs",
        ),
        (
            _project(label_schema={"kind": "rating", "classes": [{"name": "a"}]}),
            "trueup.projects[0].label_schema.classes is set, but label_schema.kind is 'rating', which has none",
        ),
        (
            _project(label_schema={"kind": "spans", "media": "image", "classes": [{"name": "a"}]}),
            "trueup.projects[0].label_schema.media is 'image', but label_schema.kind is 'spans': use text",
        ),
        (
            _project(label_schema={"kind": "rating", "scale": {"low": 3, "high": 3}}),
            "trueup.projects[0].label_schema.scale reaches from 3 to 3",
        ),
        (
            _project(label_schema={"kind": "boxes", "classes": [{"name": "a"}], "relations": [{"name": "b"}]}),
            "trueup.projects[0].label_schema.relations is set, but label_schema.kind is 'boxes'",
        ),
        (
            _project(label_schema={"kind": "rating"}),
            "trueup.projects[0].triggers.action is 'retrain', but label_schema.kind is 'rating'",
        ),
        (
            _project(
                label_schema={"media": "audio", "classes": [{"name": "a"}, {"name": "b"}]},
                backend="ground_truth",
                ground_truth={"workteam_arn": ARN},
            ),
            "trueup.projects[0].backend is 'ground_truth', which has no task for audio samples",
        ),
        (
            _project(label_schema={"classes": [{"name": "a"}, {"name": "a"}]}),
            "trueup.projects[0].label_schema.classes[].name is 'a' twice",
        ),
        (
            _project(label_schema={"classes": [{"name": "a"}, {"name": "b"}], "renamed": {"a": "b"}}),
            "trueup.projects[0].label_schema.renamed holds 'a' as a name of before, which a class or relation",
        ),
        (
            _project(label_schema={"classes": [{"name": "a"}, {"name": "b"}], "renamed": {"c": "d", "d": "a"}}),
            "trueup.projects[0].label_schema.renamed leads to 'd', which no class or relation is called",
        ),
        (
            _project(label_schema={"kind": "rating", "renamed": {"a": "b"}}, triggers={"action": "notify"}),
            "trueup.projects[0].label_schema.renamed leads to 'b', which no class or relation is called",
        ),
        (
            _project(label_schema={"classes": [{"name": "a", "key": "x"}, {"name": "b", "key": "X"}]}),
            "trueup.projects[0].label_schema.classes[].key is 'x' twice",
        ),
        (_project(sources={"transform": True}), "trueup.projects[0].sources.buckets is empty: name the buckets"),
        (_project(sources={"async_topics": [TOPIC]}), "trueup.projects[0].sources.buckets is empty: name the buckets"),
        (_project(sources={"transforms": True}), "trueup.projects[0].sources.transforms is not a known key"),
        (_project(backend="ground_truth"), "trueup.projects[0].ground_truth is missing"),
        (_project(backend="label_studio"), "trueup.projects[0].label_studio is missing"),
        (
            _project(lineage={"openlineage": {"transport": "http"}}),
            "trueup.projects[0].lineage.openlineage.url is missing: transport http needs one",
        ),
        (
            _project(lineage={"openlineage": {"transport": "eventbridge", "url": "https://m"}}),
            "trueup.projects[0].lineage.openlineage.url is set, but transport is 'eventbridge'",
        ),
        (
            _project(lineage={"openlineage": {"transport": "eventbridge", "secret": "s"}}),
            "trueup.projects[0].lineage.openlineage.secret is set, but transport is 'eventbridge'",
        ),
        (_project(training={"hyperparameters": {"epochs": 3}}), "trueup.projects[0].training.hyperparameters["),
        (
            _project(annotation={"queues": [{"name": "all"}]}),
            "trueup.projects[0].annotation.queues holds 'all', which wants nothing",
        ),
        (
            _project(annotation={"queues": [{"name": "north", "slices": ["n"]}]}),
            "trueup.projects[0].annotation.queues holds 'north' with slices, but selection.slice_by is null",
        ),
        (
            _project(annotation={"queues": [{"name": "a", "reasons": ["audit"]}, {"name": "a", "reasons": ["x"]}]}),
            "trueup.projects[0].annotation.queues[].name is 'a' twice",
        ),
        (_many_queues, "trueup.projects have 7 queues in annotation.queues: use up to 6 in all"),
        (_many_models, "trueup.projects name 11 different models in annotation.models: use up to 10 in all"),
        (_project(1, name="digits"), "trueup.projects[1].name is 'digits', which trueup.projects[0] has too"),
        (_project(1, name="d-igits"), "trueup.projects[1].name is 'd-igits', which trueup.projects[0] has too"),
        (_project(1, endpoint_name="Digits"), "trueup.projects[1].endpoint_name is 'Digits', which trueup.projects[0]"),
    ],
)
def test_mistakes_that_people_make(mistake: Callable[[dict[str, Any]], Any], sentence: str) -> None:
    found = copy.deepcopy(context())
    mistake(found["trueup"])
    assert refusal(found).startswith(sentence)


def test_there_is_room_for_so_many_projects() -> None:
    def named(count: int) -> dict[str, Any]:
        (first, *_) = context()["trueup"]["projects"]
        return context(projects=[{**first, "name": f"p{each}", "endpoint_name": f"p{each}"} for each in range(count)])

    assert len(read_config(named(MAX_PROJECTS)).projects) == MAX_PROJECTS
    assert refusal(named(MAX_PROJECTS + 1)).endswith(f": use 1 to {MAX_PROJECTS} projects")


def test_destroying_takes_two_keys() -> None:
    assert read_config({**context(removal_policy="destroy"), "trueup:allow-data-loss": "true"}).destroy
    assert not read_config({**context(), "trueup:allow-data-loss": True}).destroy


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"trueup:conifg": "x.json"}, "trueup:conifg is not a known context key; known are: trueup, trueup:config"),
        ({"trueup": "digits"}, "trueup is text: use an object"),
        ({"trueup:wheels": "arm"}, "trueup:wheels is 'arm': use one of lambda, host"),
        ({"trueup:nag": "no"}, "trueup:nag is 'no': use one of true, false"),
        ({"trueup:allow-data-loss": "yes"}, "trueup:allow-data-loss is 'yes': use one of true, false"),
    ],
)
def test_the_context_is_read_as_strictly(change: dict[str, Any], sentence: str) -> None:
    assert refusal({**context(), **change}).startswith(sentence)


def test_a_context_without_a_configuration_is_refused() -> None:
    assert refusal({"@aws-cdk/core:checkSecretUsage": True}).startswith("trueup is missing from the context")


def test_a_file_may_hold_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "prod.json"
    file.write_text(json.dumps(context(stage="prod")["trueup"]))
    assert read_config({**context(), "trueup:config": str(file)}).stage == "prod"


@pytest.mark.parametrize("content", [b'{"stage": "dev",', b"", b"\xff\xfe\xff", None])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "prod.json"
    if content is not None:
        file.write_bytes(content)
    assert refusal({**context(), "trueup:config": str(file)}).startswith(f"trueup:config names {file}, which cannot be")


def test_a_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "prod.json"
    file.write_text("[]")
    assert refusal({"trueup:config": str(file)}) == "trueup is a list: use an object"


@pytest.mark.infra
def test_the_command_line_says_one_sentence_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps(context(colour="red")["trueup"]))
    cdk = str(ROOT / "node_modules" / ".bin" / "cdk")
    command = [cdk, "synth", "--quiet", "--output", str(tmp_path / "out"), "-c", f"trueup:config={file}"]
    command += ["--app", f"{sys.executable} -m infra.app"]
    environment = {**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "trueup: trueup.colour is not a known key; known are: alarm_email" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not list(tmp_path.glob("out/*.template.json"))


# ---------------------------------------------------------------- the table and its page


def test_every_key_of_the_records_is_in_the_table() -> None:
    assert set(DEPLOYMENT_KEYS) == {path for path, _ in fields_of(Document)}
    assert set(PROJECT_KEYS) == {path for path, _ in fields_of(Project)}


def test_the_configuration_page_is_the_code() -> None:
    assert PAGE.read_text() == documentation(), "python -m infra.reference > docs/configuration.md"


def test_the_examples_of_the_page_are_right() -> None:
    examples = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    minimal, full = (read_config({"trueup": json.loads(each)}) for each in examples)
    assert [each.backend for each in full.projects] == ["queue", "ground_truth", "label_studio"]
    assert minimal.projects[0].selection.rate != full.projects[0].selection.rate


def test_every_context_key_is_on_the_page() -> None:
    assert all(f"| `{key}` |" in PAGE.read_text() for key in CONTEXT_KEYS)


# ---------------------------------------------------------------- the bounds that others set


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def test_instance_types_are_those_that_train_and_process(sagemaker: Any) -> None:
    training = set(sagemaker.shape_for("TrainingInstanceType").enum)
    processing = set(sagemaker.shape_for("ProcessingInstanceType").enum)
    allowed = PROJECT_KEYS["training.instance_type"].allowed
    assert allowed is not None
    assert {each for each in training if allowed.holds(each)} == training & processing


def test_bounds_are_those_of_sagemaker(sagemaker: Any) -> None:
    def most(shape: str) -> int:
        return int(sagemaker.shape_for(shape).metadata["max"])

    assert most("HyperParameters") == MAX_HYPERPARAMETERS + 3 + len(OUR_HYPERPARAMETERS)
    assert most("HyperParameterValue") == MAX_HYPERPARAMETER
    assert most("AlarmList") == MAX_CANARY_ALARMS + 2
    assert most("WaitIntervalInSeconds") == 3600
    assert most("EndpointName") == 63
    assert most("ContainerImage") == 255
    assert most("NumberOfHumanWorkersPerDataObject") == 9


def test_two_jobs_end_before_the_workflow_does() -> None:
    workflow = json.loads((ROOT / "infra" / "workflows" / "retraining.asl.json").read_text())
    assert workflow["TimeoutSeconds"] >= 2 * MAX_RUNTIME_SECONDS + 3600


def test_a_batch_is_what_a_pass_looks_at() -> None:
    assert sync_backend._SCAN == MAX_BATCH
