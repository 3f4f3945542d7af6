"""Fixtures that several kinds of test share: the embedded AWS, up once for all of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.openlineage import Marquez, serving
from tests.parrot import parrot
from tests.studio.people import TOKEN, Studio
from tests.studio.pictures import Pictures
from tests.studio.server import Server
from trueup.dataset.segments.cache import SEGMENTS

# How long an example takes says something of the machine's load. In CI hypothesis has a profile of its own.
settings.register_profile("here", deadline=None)
if "CI" not in os.environ:
    settings.load_profile("here")


@pytest.fixture(autouse=True)
def _nothing_is_open() -> None:
    """Tests write the same segments, and one that forgets samples leaves something else in their place."""
    SEGMENTS.clear()


ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "Trueup-test-1!"
ANNOTATORS = ("ada", "ben", "cleo", "dev")
REVIEWER = "rita"
PETS = {
    "name": "pets",
    "title": "Pets in words",
    "endpoint_name": "pets",
    "label_schema": {
        "media": "text",
        "guidelines": "Which animal is meant?",
        "classes": [{"name": "cat"}, {"name": "dog"}, {"name": "fox"}],
    },
    "selection": {"rate": 1.0, "audit_share": 0.0},
    "consensus": {"overlap": 1, "max_overlap": 2, "target": 0.7, "lease_seconds": 60},
    "commit": {"batch": 1000},
}
DIGITS = {
    **PETS,
    "name": "digits",
    "title": "Handwritten digits",
    "endpoint_name": "digits",
    "label_schema": {
        "media": "image",
        "guidelines": "Which digit did the writer mean? Skip what nobody could read.",
        "classes": [{"name": str(number)} for number in range(10)],
    },
}
# Two projects alike: what happens to one undisturbed must happen to the other under kills and repeats.
CALM, ROUGH = (
    {
        **PETS,
        "name": name,
        "endpoint_name": name,
        "selection": {"rate": 0.5, "audit_share": 0.0},
        "consensus": {"method": "majority", "overlap": 2, "max_overlap": 4, "target": 0.62, "lease_seconds": 600},
    }
    for name in ("calm", "rough")
)
# A project whose people work in Ground Truth: tasks flow to one job, and go out as another when they are asked again.
ELSEWHERE = {
    **PETS,
    "name": "elsewhere",
    "endpoint_name": "elsewhere",
    "consensus": {"method": "majority", "overlap": 2, "max_overlap": 3, "target": 0.6},
    "backend": "ground_truth",
    "ground_truth": {
        "workteam_arn": "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/pets",
        "streaming": True,
    },
}
# A project whose captures come from batch transforms and an asynchronous endpoint, and whose people work in Label
# Studio, of which the address is known when it runs.
SECRET = "trueup/label-studio"
LINEAGE_SECRET = "trueup/openlineage"
BATCHES = {
    **PETS,
    "consensus": {"method": "majority", "overlap": 2, "max_overlap": 3, "target": 0.6},
    "backend": "label_studio",
    "name": "batches",
    "endpoint_name": "batches",
    "sources": {
        "transform": True,
        "async_topics": ["arn:aws:sns:us-east-1:000000000000:batches-answered"],
        "buckets": ["pets-batches"],
    },
}
# A project that asks about next to nothing of itself, and whose corrections wait in a queue of their own.
REMARKS = {
    **PETS,
    "annotation": {"queues": [{"name": "said", "reasons": ["override"], "priority": 1, "deadline_hours": 1}]},
    "name": "remarks",
    "endpoint_name": "remarks",
    "selection": {"rate": 0.000001, "audit_share": 0.0},
}
# A project whose disputed tasks a reviewer rules on, of which each label is a version at once, and which lets old
# versions go.
REVIEWED = {
    **PETS,
    "name": "reviewed",
    "title": "Disputed pets",
    "endpoint_name": "reviewed",
    "commit": {"batch": 1},
    "dataset": {"keep_versions": 2},
}
# A project in which a language model answers beside people.
HELPED = {
    **PETS,
    "name": "helped",
    "endpoint_name": "helped",
    "annotation": {"models": [{"name": "parrot", "model_id": "us.amazon.nova-lite-v1:0"}]},
    "consensus": {"method": "majority", "overlap": 2, "max_overlap": 3, "target": 0.6, "lease_seconds": 60},
}
# Projects that train: one as it should be, one whose candidates are bad, one whose trainings fail.
MOODS, STALE, BROKEN = (
    {
        **PETS,
        "name": name,
        "endpoint_name": name,
        "commit": {"batch": 1000, "validation_share": 0.0, "test_share": 0.4},
        "triggers": {"min_new_labels": None, "new_class_min_labels": None},
        "gate": {"min_test_samples": 10, "max_class_recall_drop": 0.5},
        "training": {"canary": {"percent": 10, "wait_seconds": 100}, "hyperparameters": hyperparameters},
    }
    for name, hyperparameters in (("moods", {}), ("stale", {"regularisation": "1e-9"}), ("broken", {}))
)


@dataclass(frozen=True)
class Cloud:
    """The embedded AWS with one project deployed."""

    operator: Any
    workbench_url: str
    username: str = "ada"
    password: str = PASSWORD


@pytest.fixture(scope="session")
def picture_store() -> Iterator[Pictures]:
    """An S3 that other processes reach. What moto holds is emptied by each test that uses it otherwise."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Pictures(f"http://{host}:{port}")
    server.stop()


@pytest.fixture(scope="session")
def studio_server(tmp_path_factory: pytest.TempPathFactory, picture_store: Pictures) -> Iterator[Server]:
    """Label Studio, which comes up while AWS does."""
    server = Server(tmp_path_factory.mktemp("studio"), ROOT / ".cache", picture_store.environment)
    try:
        yield server
    finally:
        server.down()


@pytest.fixture(scope="session")
def studio(studio_server: Server) -> Studio:
    return studio_server.up()


@pytest.fixture(scope="session")
def bedrock() -> Iterator[str]:
    """Where the emulated Bedrock asks."""
    with parrot() as address:
        yield address


@pytest.fixture(scope="session")
def lineage_server() -> Iterator[Marquez]:
    """Where the project stale tells its lineage; moods tells it on the bus."""
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def cloud(
    tmp_path_factory: pytest.TempPathFactory, bedrock: str, studio_server: Server, lineage_server: Marquez
) -> Iterator[Cloud]:
    from trueup.adapters.aws.clients import Clients
    from trueup.local import service
    from trueup.wiring.operator import operator

    folder = tmp_path_factory.mktemp("aws")
    config = folder / "deployment.json"
    batches = {**BATCHES, "label_studio": {"url": studio_server.url, "secret": SECRET}}
    projects = [
        PETS,
        DIGITS,
        CALM,
        ROUGH,
        ELSEWHERE,
        batches,
        REMARKS,
        HELPED,
        REVIEWED,
        {**MOODS, "lineage": {"openlineage": {"transport": "eventbridge"}}},
        {**STALE, "lineage": {"openlineage": {"url": lineage_server.url, "secret": LINEAGE_SECRET}}},
        BROKEN,
    ]
    config.write_text(
        json.dumps({"stage": "e2e", "removal_policy": "destroy", "schedule_minutes": 1, "projects": projects})
    )
    # Beside the state lies ministack's environment, which the test of its life cycle shares. IAM is enforced, so
    # that whatever passes here has the permissions that it needs on AWS.
    state = tmp_path_factory.getbasetemp() / "embedded-aws"
    options = service.Options(root=ROOT, state=state, config=config, attached=True, auth=True)
    before = dict(os.environ)
    os.environ["MINISTACK_BEDROCK_PROXY_URL"] = bedrock
    # Nobody resumes this one.
    os.environ["TRUEUP_LOCAL_CHECKPOINT_SECONDS"] = "86400"
    running = service.up(options, print)
    os.environ.update(service.aws_environment(running))
    try:
        look = operator("e2e", Clients())
        look.clients["secretsmanager"].create_secret(Name=SECRET, SecretString=TOKEN)
        look.clients["secretsmanager"].create_secret(Name=LINEAGE_SECRET, SecretString='{"token": "marquez"}')
        for name in ANNOTATORS:
            hire(look, name)
        hire(look, REVIEWER, "reviewers")
        yield Cloud(operator=look, workbench_url=running.workbench_url)
    finally:
        os.environ.clear()
        os.environ.update(before)
        service.down(options.state)


def hire(look: Any, name: str, group: str = "annotators") -> None:
    idp, pool = look.clients["cognito-idp"], look.deployment.user_pool_id
    idp.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    idp.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
    idp.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)
