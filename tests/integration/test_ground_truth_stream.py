"""One labeling job that goes on: when it takes objects, what it is told of them, and how its answers are found."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from moto import mock_aws

from tests.contract.implementations import clients_of_moto
from tests.integration.stand_ins import MemoryJobs, Scripted, refusal
from tests.integration.test_ground_truth import NAME, ROLES, TEAM, pets, said, tasks
from tests.worlds import NOW
from trueup.adapters.aws.labeling_jobs import SageMakerLabelingJobs
from trueup.adapters.backends.ground_truth_stream import MOST_OBJECTS, GroundTruthStream
from trueup.adapters.memory import FixedClock
from trueup.errors import NotFoundError, RetryableError
from trueup.local.launcher.sagemaker.validation import check_request
from trueup.model import Project
from trueup.ports import Bill

TOPIC = "arn:aws:sns:eu-central-1:111122223333:labeling-pets"
STREAMING = msgspec.structs.replace(TEAM, streaming=True)


class Flow:
    """A project's stream, and what Ground Truth and its workers do to it. Each of these begins a new pass."""

    def __init__(self, config: Project | None = None) -> None:
        self.jobs = MemoryJobs(missing=NotFoundError("not there"))
        self.jobs.state = "Initializing"
        self.clock = FixedClock(NOW)
        self.again(config or pets())

    def again(self, config: Project) -> None:
        """With another configuration."""
        for number in range(4):
            self.jobs.objects_by_key[f"pets/payloads/{number}"] = f"text {number}".encode()
        self.backend = GroundTruthStream(config, STREAMING, self.jobs, ROLES, topic=TOPIC, clock=self.clock)

    def warm(self) -> None:
        """The job is asked for by the first batch, and takes messages later."""
        self.jobs.state = "Initializing"
        self.backend.start("trueup-pets-first", tasks(4)[3:])
        self.turn("InProgress")

    def turn(self, state: str) -> None:
        self.jobs.state = state
        self.backend.begin_pass()

    @property
    def job(self) -> str:
        return str(self.jobs.created[-1]["LabelingJobName"])

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The messages of a batch."""
        sent = [json.loads(each) for _, each in self.jobs.published]
        return [each for each in sent if f"/{name}/" in each["trueup-object"]]

    def answer(self, folder: str, label: str, worker: str) -> None:
        root = f"pets/labeling/{self.job}/annotations/worker-response/iteration-1"
        data = {"answers": [said(label, worker)]}
        self.jobs.objects_by_key[f"{root}/{folder}/{worker}.json"] = json.dumps(data).encode()
        self.backend.begin_pass()

    def tell(self, *lines: dict[str, Any]) -> None:
        data = b"".join(json.dumps(each).encode() + b"\n" for each in lines)
        self.jobs.objects_by_key[f"pets/labeling/{self.job}/manifests/output/output.manifest"] = data
        self.backend.begin_pass()


@pytest.fixture
def flow() -> Flow:
    found = Flow()
    found.warm()
    return found


def test_nothing_is_published_before_the_job_takes_it() -> None:
    flow = Flow()
    for _ in range(2):
        flow.backend.start(NAME, tasks())
        assert flow.jobs.published == []
        with pytest.raises(NotFoundError):
            flow.backend.status(NAME)
        flow.turn("Initializing")
    assert len(flow.jobs.created) == 1
    flow.turn("InProgress")
    flow.backend.start(NAME, tasks())
    flow.backend.start(NAME, tasks())
    assert len(flow.jobs.published) == 2
    assert flow.backend.status(NAME) == "in_progress"


def test_the_job_is_one_that_sagemaker_takes(flow: Flow) -> None:
    (request,) = flow.jobs.created
    check_request("CreateLabelingJob", dict(request))
    assert request["InputConfig"] == {"DataSource": {"SnsDataSource": {"SnsTopicArn": TOPIC}}}
    assert request["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == 2
    for uri in (request["LabelCategoryConfigS3Uri"], request["HumanTaskConfig"]["UiConfig"]["UiTemplateS3Uri"]):
        assert uri.removeprefix("s3://trueup-dataset/") in flow.jobs.objects_by_key


def test_a_message_is_a_manifest_line_with_an_id_of_its_own(flow: Flow) -> None:
    flow.backend.start(NAME, tasks())
    (topic, _), (_, second) = flow.jobs.published
    assert topic == TOPIC
    assert json.loads(second) == {
        "source": "text 1",
        "trueup-task": tasks()[1].task_id,
        "trueup-sample": tasks()[1].sample_id,
        "dataset-objectid-attribute-name": "trueup-object",
        "trueup-object": f"s3://trueup-dataset/pets/labeling/{NAME}/{tasks()[1].task_id}",
    }


def test_a_batch_that_was_cut_short_is_published_again_under_the_same_ids(flow: Flow) -> None:
    flow.backend.start(NAME, tasks())
    once = list(flow.jobs.published)
    del flow.jobs.objects_by_key[f"pets/labeling/{NAME}/published.json"]
    flow.turn("InProgress")
    flow.backend.start(NAME, tasks())
    assert flow.jobs.published == once * 2


@pytest.mark.parametrize("folder", [str, quote, lambda each: quote(each, safe="")])
def test_answers_lie_under_the_ids_that_we_gave(flow: Flow, folder: Any) -> None:
    flow.backend.start(NAME, tasks())
    for line in flow.lines(NAME):
        flow.answer(folder(line["trueup-object"]), "dog", "w1")
    assert {each.task_id for each in flow.backend.answers(NAME)} == {each.task_id for each in tasks()}
    assert flow.backend.status(NAME) == "in_progress"


def test_answers_under_ids_of_ground_truths_own_are_found_by_what_was_asked(flow: Flow) -> None:
    flow.backend.start(NAME, tasks())
    requests = [
        {"datasetObjectId": "5f0c1e7a-300", "dataObject": {"content": "text 1"}, "annotations": []},
        {"datasetObjectId": "5f0c1e7a-301", "dataObject": {"content": "somebody else's"}, "annotations": []},
    ]
    root = f"pets/labeling/{flow.job}/annotations/consolidated-annotation"
    key = f"{root}/consolidation-request/iteration-1/2026-11-20_10:02:03.json"
    flow.jobs.objects_by_key[key] = json.dumps(requests).encode()
    flow.jobs.objects_by_key[f"{root}/consolidation-response/iteration-1/2026-11-20_10:02:03.json"] = b"?"
    flow.answer("5f0c1e7a-300", "dog", "w1")
    flow.answer("5f0c1e7a-301", "dog", "w1")
    (answer,) = flow.backend.answers(NAME)
    assert (answer.task_id, answer.annotator) == (tasks()[1].task_id, "w1")


def test_batches_of_one_job_do_not_mix(flow: Flow) -> None:
    flow.backend.start(NAME, tasks()[:1])
    flow.backend.start("trueup-pets-other", tasks()[1:])
    (line,) = flow.lines(NAME)
    for worker in ("w1", "w2"):
        flow.answer(line["trueup-object"], "dog", worker)
    assert (flow.backend.status(NAME), flow.backend.status("trueup-pets-other")) == ("completed", "in_progress")
    assert flow.backend.answers("trueup-pets-other") == []
    assert flow.backend.bill(NAME, 2, 0) == Bill(objects=1, amount=0.08)
    assert flow.backend.bill("trueup-pets-other", 0, 0) == Bill(objects=0, amount=0.0)


def test_what_ground_truth_gave_up_on_is_told_of_this_batch_alone(flow: Flow) -> None:
    """A task that comes back goes out under another id, so that its first failure is not its second's."""
    flow.backend.start(NAME, tasks()[:1])
    (line,) = flow.lines(NAME)
    flow.tell({**line, "trueup-label-metadata": {"failure-reason": "expired"}})
    assert flow.backend.status(NAME) == "completed"
    assert flow.backend.failures(NAME) == {tasks()[0].task_id: "expired"}
    assert flow.backend.retryable(NAME) == {tasks()[0].task_id}
    flow.backend.start("trueup-pets-again", tasks()[:1])
    flow.backend.begin_pass()
    assert flow.backend.status("trueup-pets-again") == "in_progress"
    assert flow.backend.failures("trueup-pets-again") == {}


@pytest.mark.parametrize(("state", "ours"), [("Stopped", "stopped"), ("Completed", "stopped"), ("Failed", "failed")])
def test_when_the_job_is_over_so_are_its_batches_and_another_job_begins(flow: Flow, state: str, ours: str) -> None:
    flow.backend.start(NAME, tasks())
    flow.turn(state)
    assert flow.backend.status(NAME) == ours
    flow.backend.start("trueup-pets-next", tasks())
    first, second = (each["LabelingJobName"] for each in flow.jobs.created)
    assert first != second
    flow.turn("InProgress")
    flow.backend.start("trueup-pets-next", tasks())
    assert len(flow.lines("trueup-pets-next")) == 2


def test_objects_expire(flow: Flow) -> None:
    flow.backend.start(NAME, tasks())
    flow.clock.advance(timedelta(days=14).total_seconds() + 1)
    assert flow.backend.status(NAME) == "stopped"
    assert flow.backend.failures(NAME) == {}


def test_a_job_asked_for_otherwise_takes_the_place_of_the_old_one(flow: Flow) -> None:
    first = flow.job
    flow.again(pets(consensus={"overlap": 3, "max_overlap": 4}))
    flow.backend.start(NAME, tasks())
    assert (flow.jobs.stopped, flow.jobs.published, len(flow.jobs.created)) == ([first], [], 1)
    flow.turn("Stopping")
    flow.backend.start(NAME, tasks())
    assert len(flow.jobs.created) == 1
    flow.turn("Stopped")
    flow.backend.start(NAME, tasks())
    assert flow.jobs.created[-1]["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == 3
    flow.turn("InProgress")
    flow.backend.start(NAME, tasks())
    assert len(flow.lines(NAME)) == 2


def test_a_job_that_had_its_fill_is_followed_by_another(flow: Flow) -> None:
    flow.backend.start(NAME, tasks()[:1])
    place = "pets/labeling/stream.json"
    stream = json.loads(flow.jobs.objects_by_key[place])
    assert stream["objects"] == 1
    flow.jobs.objects_by_key[place] = json.dumps({**stream, "objects": MOST_OBJECTS}).encode()
    flow.backend.start("trueup-pets-next", tasks()[1:])
    assert (flow.jobs.stopped, flow.lines("trueup-pets-next")) == ([flow.job], [])


def test_tasks_that_are_asked_again_go_out_as_a_job_of_their_own(flow: Flow) -> None:
    flow.backend.start(NAME, tasks(1, overlap=3, answered_by=("w1", "w2")))
    assert flow.jobs.published == []
    assert flow.job == NAME
    assert flow.jobs.created[-1]["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == 1
    assert flow.backend.status(NAME) == "in_progress"
    flow.answer("0", "dog", "w3")
    assert [each.annotator for each in flow.backend.answers(NAME)] == ["w3"]


def test_a_batch_of_which_nothing_can_be_taken_has_failed(flow: Flow) -> None:
    flow.jobs.objects_by_key["pets/payloads/0"] = b""
    flow.backend.start(NAME, tasks()[:1])
    assert flow.jobs.published == []
    assert flow.backend.status(NAME) == "failed"
    assert "0 characters" in flow.backend.failures(NAME)[tasks()[0].task_id]


# ---------------------------------------------------------------- the calls


def test_messages_go_in_batches_that_sns_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        clients = clients_of_moto()
        topic = clients["sns"].create_topic(Name="labeling")["TopicArn"]
        queue = clients["sqs"].create_queue(QueueName="GroundTruth-a")["QueueUrl"]
        arn = clients["sqs"].get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        clients["sns"].subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        calls = SageMakerLabelingJobs(None, None, "b", "us-east-1", clients["sns"])
        calls.publish(topic, [f"small {number}" for number in range(12)] + ["x" * 200_000] * 2)
        found = []
        while batch := clients["sqs"].receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(each["Body"])["Message"] for each in batch]
        assert len(found) == 14


def test_what_sns_refuses_is_tried_again() -> None:
    refused = {"Successful": [], "Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}
    sns = Scripted({"Successful": [{"Id": "0"}], "Failed": []}, refused)
    calls = SageMakerLabelingJobs(None, None, "b", "r", sns)
    calls.publish(TOPIC, ["x" * 200_000])
    with pytest.raises(RetryableError, match="InternalError"):
        calls.publish(TOPIC, ["one"])


def test_only_a_job_that_runs_is_stopped() -> None:
    calls = SageMakerLabelingJobs(Scripted(refusal("ValidationException"), {}), None, "b", "r")
    calls.stop(NAME)
    calls.stop(NAME)
