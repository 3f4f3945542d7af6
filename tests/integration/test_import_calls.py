"""What single people's answers cost that come with an import, counted on the wire."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.contract.implementations import DATASET, TABLE, items_of
from tests.integration.test_calls import PRICES, metered
from tests.worlds import NOW, project
from trueup.adapters.aws.buckets import Bucket, S3PayloadStore
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.adapters.memory import FixedClock
from trueup.dataset.sources import Answer
from trueup.model import Payload
from trueup.usecases.import_labels import ImportedLabel, ImportLabels
from trueup.usecases.keep_answers import DOLLARS_PER_MILLION

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "imports.md").read_text()
SOURCE = "ground-truth s3://acme-labels/out/animals-r1/"
SAMPLES, PEOPLE = 70, 3


def labels(people: int) -> list[ImportedLabel]:
    answers = tuple(
        Answer(annotator=f"imported:{who:012x}", label="cat", submitted_at=NOW - timedelta(days=who))
        for who in range(people)
    )
    inputs = [Payload(data=f"text {number}".encode(), content_type="text/plain") for number in range(SAMPLES)]
    return [ImportedLabel(payload=each, label="cat", labelled_at=NOW, answers=answers) for each in inputs]


def _is_of_answers(item: Mapping[str, Any]) -> bool:
    """Everything but versions, and the arrow between the two of them."""
    key = item["pk"]["S"]
    return "#TASK#" in key or ("#EDGE#" in key and "#EDGE#version:" not in key)


def _write_units(item: Mapping[str, Any]) -> int:
    """A kilobyte each, twice in a transaction, and once more for the index."""
    size = sum(len(name) + len(text.encode()) for name, value in item.items() for text in value.values())
    return math.ceil(size / 1024) * (2 + ("gsi1pk" in item))


def test_a_million_answers_cost_what_the_page_says_and_again_nothing(clients: Clients) -> None:
    table, config = Table(clients["dynamodb"], TABLE), project()
    datasets = AwsDatasetStore(table, Bucket(clients["s3"], DATASET))
    payloads, tasks = S3PayloadStore(clients["s3"], DATASET), DynamoTaskStore(table)
    make = ImportLabels({config.name: config}, payloads, datasets, FixedClock(NOW), tasks)
    with metered(clients) as bare:
        make("pets", labels(0), "without answers")
    with metered(clients) as full:
        make("pets", labels(PEOPLE), "with answers", source=SOURCE)
    # A read for each sample; 13 items for each, of which 7 samples fit into a transaction; and the commit.
    assert full.calls["Query"] - bare.calls["Query"] == SAMPLES
    assert full.calls["TransactWriteItems"] == SAMPLES / 7 + 1
    written = [each for each in items_of(clients["dynamodb"]) if _is_of_answers(each)]
    assert len(written) == SAMPLES * 12 + 1
    units = sum(map(_write_units, written)) + 2 * SAMPLES
    dollars = (PRICES["write unit"] * units + PRICES["read unit"] * SAMPLES) / (SAMPLES * PEOPLE) * 1e6
    assert round(dollars) == DOLLARS_PER_MILLION
    assert f"a million answers of three people each cost about ${DOLLARS_PER_MILLION}" in " ".join(DOCS.split())
    with metered(clients) as again:
        make("pets", labels(PEOPLE), "the same again", source=SOURCE)
    assert again.calls["TransactWriteItems"] == 0
    assert again.calls["Query"] == bare.calls["Query"]
