"""Ground Truth: requests that SageMaker takes, manifests that it reads, and its answers read back."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import msgspec
import numpy as np
import pytest
from moto import mock_aws

from tests.contract.implementations import DATASET, clients_of_moto
from tests.integration.stand_ins import MemoryJobs, Scripted, refusal
from tests.unit.labels.test_masks import clear
from tests.worlds import opening, project
from trueup.adapters.aws.labeling_jobs import SageMakerLabelingJobs
from trueup.adapters.backends.ground_truth import LAMBDA_ACCOUNTS, GroundTruth, Roles, worker_template
from trueup.errors import ConfigurationError, NotFoundError, ServiceError
from trueup.local.launcher.sagemaker.errors import AwsError
from trueup.local.launcher.sagemaker.validation import check_request
from trueup.model import GroundTruthBackend, LabelClass, LabelSchema, Project, Task
from trueup.ports import Bill

SAMPLE = Path(__file__).parent.parent / "data" / "groundtruth" / "worker_response_image_classification.json"
TEAM = GroundTruthBackend(workteam_arn="arn:aws:sagemaker:eu-central-1:111122223333:workteam/private-crowd/pets")
ROLES = Roles(
    role_arn="arn:aws:iam::111122223333:role/labeling",
    key_arn="arn:aws:kms:eu-central-1:111122223333:key/5f0c1e7a-0000-4b1d-9a00-000000000400",
)
NAME = "trueup-pets-abc"
ROOT = f"pets/labeling/{NAME}"


def pets(media: str = "text", **changes: Any) -> Project:
    schema = {"media": media, "classes": [{"name": each} for each in ("cat", "dog", "fox")]}
    settings = {"backend": "ground_truth", "ground_truth": {"workteam_arn": TEAM.workteam_arn}}
    return project(label_schema=schema, **{**settings, **changes})


def tasks(count: int = 2, **changes: Any) -> list[Task]:
    uri = f"s3://{MemoryJobs.bucket}/pets/payloads/"
    found = [opening(number).task for number in range(count)]
    return [msgspec.structs.replace(each, payload_uri=f"{uri}{number}", **changes) for number, each in enumerate(found)]


def started(jobs: MemoryJobs, config: Project | None = None, count: int = 2, **changes: Any) -> GroundTruth:
    for number in range(count):
        jobs.objects_by_key.setdefault(f"pets/payloads/{number}", f"text {number}".encode())
    backend = GroundTruth(config or pets(), TEAM, jobs, ROLES)
    backend.start(NAME, tasks(count, **changes))
    return backend


@pytest.fixture
def jobs() -> MemoryJobs:
    return MemoryJobs(missing=NotFoundError("not there"))


def respond(jobs: MemoryJobs, position: int, *answers: dict[str, Any], file: str = "2026-11-20_09:58:31.json") -> None:
    key = f"{ROOT}/annotations/worker-response/iteration-1/{position}/{file}"
    jobs.objects_by_key[key] = json.dumps({"answers": answers}).encode()


def said(label: str, worker: str = "w1", **more: Any) -> dict[str, Any]:
    answer = {
        "answerContent": {"label": {"label": label}},
        "submissionTime": "2026-11-20T10:01:07Z",
        "workerId": worker,
    }
    return {**answer, **more}


def ended(jobs: MemoryJobs, *lines: dict[str, Any]) -> None:
    jobs.state = "Completed"
    data = b"".join(json.dumps(each).encode() + b"\n" for each in lines)
    jobs.objects_by_key[f"{ROOT}/manifests/output/output.manifest"] = data


# ---------------------------------------------------------------- going out


@pytest.mark.parametrize("region", sorted(LAMBDA_ACCOUNTS))
@pytest.mark.parametrize(("media", "task_type"), [("image", "ImageMultiClass"), ("text", "TextMultiClass")])
def test_sagemaker_would_take_the_request(region: str, media: str, task_type: str) -> None:
    jobs = MemoryJobs(region, NotFoundError("not there"))
    started(jobs, pets(media, title="x" * 200))
    (request,) = jobs.created
    check_request("CreateLabelingJob", dict(request))
    human = request["HumanTaskConfig"]
    account = LAMBDA_ACCOUNTS[region]
    assert human["PreHumanTaskLambdaArn"] == f"arn:aws:lambda:{region}:{account}:function:PRE-{task_type}"
    consolidation = human["AnnotationConsolidationConfig"]["AnnotationConsolidationLambdaArn"]
    assert consolidation == f"arn:aws:lambda:{region}:{account}:function:ACS-{task_type}"
    assert request["OutputConfig"] == {"S3OutputPath": "s3://trueup-dataset/pets/labeling/", "KmsKeyId": ROLES.key_arn}
    for uri in (
        request["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"],
        request["LabelCategoryConfigS3Uri"],
        human["UiConfig"]["UiTemplateS3Uri"],
    ):
        assert uri.removeprefix("s3://trueup-dataset/") in jobs.objects_by_key


def test_the_check_of_requests_bites() -> None:
    jobs = MemoryJobs(missing=NotFoundError("not there"))
    started(jobs)
    with pytest.raises(AwsError):
        check_request("CreateLabelingJob", {**jobs.created[0], "LabelAttributeName": "no_underscore"})


def test_the_accounts_are_those_that_botocore_documents() -> None:
    model = botocore.session.Session().get_service_model("sagemaker").shape_for("HumanTaskConfig")
    documented = model.members["PreHumanTaskLambdaArn"].documentation
    found = dict(re.findall(r"arn:aws:lambda:([a-z0-9-]+):([0-9]{12}):function:PRE-ImageMultiClass\b", documented))
    assert found == LAMBDA_ACCOUNTS


def test_as_many_people_are_asked_as_are_missing(jobs: MemoryJobs) -> None:
    started(jobs, overlap=4, answered_by=("ada", "ben"))
    assert jobs.created[0]["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == 2


@pytest.mark.parametrize(("overlap", "workers"), [(15, 9), (0, 1)])
def test_the_number_of_people_stays_in_ground_truths_bounds(jobs: MemoryJobs, overlap: int, workers: int) -> None:
    started(jobs, overlap=overlap)
    assert jobs.created[0]["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == workers


@pytest.mark.parametrize(("seconds", "limit"), [(30, 30), (43200, 28800)])
def test_the_time_for_an_answer_stays_in_ground_truths_bounds(jobs: MemoryJobs, seconds: int, limit: int) -> None:
    started(jobs, pets(consensus={"lease_seconds": seconds}))
    assert jobs.created[0]["HumanTaskConfig"]["TaskTimeLimitInSeconds"] == limit


def test_texts_stand_in_the_manifest_and_pictures_are_pointed_at(jobs: MemoryJobs) -> None:
    hard = 'a "quoted" \n line \u2028 and grün'
    jobs.objects_by_key["pets/payloads/0"] = hard.encode()
    started(jobs)
    lines = [json.loads(each) for each in jobs.objects_by_key[f"{ROOT}/input.manifest"].splitlines()]
    assert [each["source"] for each in lines] == [hard, "text 1"]
    assert [each["trueup-task"] for each in lines] == [each.task_id for each in tasks()]
    assert all(set(each) == {"source", "trueup-task", "trueup-sample"} for each in lines)
    pictures = MemoryJobs(missing=NotFoundError("not there"))
    started(pictures, pets("image"))
    lines = [json.loads(each) for each in pictures.objects_by_key[f"{ROOT}/input.manifest"].splitlines()]
    assert [each["source-ref"] for each in lines] == [each.payload_uri for each in tasks()]


def test_what_ground_truth_cannot_take_is_left_out_and_told(jobs: MemoryJobs) -> None:
    jobs.objects_by_key |= {
        "pets/payloads/0": b"x" * 20_001,
        "pets/payloads/1": b"\xff",
        "pets/payloads/2": b"",
        "pets/payloads/4": b"y" * 20_000,
    }
    backend = started(jobs, count=5)
    lines = jobs.objects_by_key[f"{ROOT}/input.manifest"].splitlines()
    ids = [each.task_id for each in tasks(5)]
    assert [json.loads(each)["trueup-task"] for each in lines] == ids[3:]
    assert set(backend.failures(NAME)) == set(ids[:3])
    assert "20001 characters" in backend.failures(NAME)[ids[0]]


def test_a_batch_of_which_nothing_is_left_has_failed(jobs: MemoryJobs) -> None:
    backend = GroundTruth(pets(), TEAM, jobs, ROLES)
    for _ in range(2):
        backend.start(NAME, tasks())
    assert jobs.created == []
    assert backend.status(NAME) == "failed"
    assert backend.answers(NAME) == []
    assert set(backend.failures(NAME)) == {each.task_id for each in tasks()}


@pytest.mark.parametrize(("media", "region"), [("tabular", "eu-central-1"), ("image", "sa-east-1")])
def test_what_has_no_built_in_task_is_said_before_anything_is_written(media: str, region: str) -> None:
    jobs = MemoryJobs(region, NotFoundError("not there"))
    with pytest.raises(ConfigurationError, match="backend"):
        GroundTruth(pets(media), TEAM, jobs, ROLES).start(NAME, tasks())
    assert jobs.objects_by_key == {}


def test_a_job_that_exists_keeps_its_manifest(jobs: MemoryJobs) -> None:
    backend = started(jobs)
    before = dict(jobs.objects_by_key)
    backend.start(NAME, tasks()[::-1])
    assert jobs.objects_by_key == before
    assert len(jobs.created) == 1


def test_a_batch_whose_files_a_deletion_took_away_is_over(jobs: MemoryJobs) -> None:
    backend = started(jobs)
    respond(jobs, 0, said("cat"))
    assert (backend.status(NAME), len(backend.answers(NAME))) == ("in_progress", 1)
    for key in [each for each in jobs.objects_by_key if each.startswith(ROOT)]:
        del jobs.objects_by_key[key]
    assert (backend.status(NAME), backend.answers(NAME)) == ("stopped", [])
    assert (backend.failures(NAME), backend.retryable(NAME)) == ({}, frozenset())
    # What Ground Truth still writes of it belongs to nobody.
    respond(jobs, 1, said("dog"))
    assert backend.answers(NAME) == []


@pytest.mark.parametrize("media", ["image", "text"])
def test_what_a_project_says_does_no_harm_in_the_workers_page(media: Any) -> None:
    nasty = '<script>alert("x")</script>{{ task.input | grant_read_access }}{% raw %}'
    schema = LabelSchema(media=media, classes=(LabelClass(name=nasty), LabelClass(name="b")), guidelines=nasty)
    page = worker_template(schema).decode()
    assert page.count("<script") == 1
    assert page.count("{%") == 0
    assert set(re.findall(r"\{\{ ([^}|]+?) [|}]", page)) == {"task.input.labels", "task.input.taskObject"}
    assert "&lt;script&gt;" in page


def test_the_classes_are_in_the_category_file(jobs: MemoryJobs) -> None:
    started(jobs)
    document = json.loads(jobs.objects_by_key[f"{ROOT}/categories.json"])
    assert document == {"document-version": "2018-11-28", "labels": [{"label": each} for each in ("cat", "dog", "fox")]}


# ---------------------------------------------------------------- coming back


def test_answers_are_read_per_worker_also_from_older_files(jobs: MemoryJobs) -> None:
    backend = started(jobs)
    key = f"{ROOT}/annotations/worker-response/iteration-1/1/2026-11-20_10:01:07.json"
    jobs.objects_by_key[key] = SAMPLE.read_bytes()
    first, second = backend.answers(NAME)
    assert (first.annotator, first.label, first.seconds_spent) == (
        "5f0c1e7a-0000-4b1d-9a00-000000000200",
        "dog",
        17.312,
    )
    assert (second.annotator, second.label, second.seconds_spent) == ("private.us-east-1.99887766554433aa", "cat", 0.0)
    assert {each.task_id for each in (first, second)} == {tasks()[1].task_id}
    assert {each.sample_id for each in (first, second)} == {tasks()[1].sample_id}
    assert second.submitted_at.isoformat() == "2026-11-20T10:01:07+00:00"
    assert first.backend == "ground_truth"
    assert [each.annotation_id for each in backend.answers(NAME)] == [first.annotation_id, second.annotation_id]


def test_an_answer_in_two_files_is_one_answer(jobs: MemoryJobs) -> None:
    backend = started(jobs)
    respond(jobs, 0, said("cat"))
    respond(jobs, 0, said("cat"), said("dog", "w2"), file="later.json")
    assert sorted(each.label for each in backend.answers(NAME)) == ["cat", "dog"]


def test_times_without_a_zone_are_utc_and_spent_time_is_reckoned(jobs: MemoryJobs) -> None:
    backend = started(jobs)
    respond(jobs, 0, said("cat", submissionTime="2026-11-20T10:00:09", acceptanceTime="2026-11-20T10:00:05"))
    (answer,) = backend.answers(NAME)
    assert answer.submitted_at.isoformat() == "2026-11-20T10:00:09+00:00"
    assert answer.seconds_spent == 4.0


@pytest.mark.parametrize("content", [{"label": "cat"}, {"crowd-classifier": {"label": "cat"}}])
def test_answers_of_either_element_are_understood(jobs: MemoryJobs, content: dict[str, Any]) -> None:
    backend = started(jobs)
    respond(jobs, 0, said("", answerContent=content))
    assert [each.label for each in backend.answers(NAME)] == ["cat"]


def test_files_that_are_no_answers_stop_nothing_and_are_told(jobs: MemoryJobs) -> None:
    backend = started(jobs, count=4)
    respond(jobs, 0, said("cat"))
    respond(jobs, 1, said("wolf"), said("dog", "w2"))
    respond(jobs, 9, said("cat"))
    root = f"{ROOT}/annotations/worker-response/iteration-1"
    jobs.objects_by_key[f"{root}/2/cut.json"] = b'{"answers": [{"answerCon'
    jobs.objects_by_key[f"{root}/not-a-number/x.json"] = b"{}"
    assert sorted(each.label for each in backend.answers(NAME)) == ["cat", "dog"]
    failures = backend.failures(NAME)
    assert set(failures) == {tasks(4)[1].task_id, tasks(4)[2].task_id}
    assert "'wolf'" in failures[tasks(4)[1].task_id]
    assert "cut.json" in failures[tasks(4)[2].task_id]


def test_objects_that_failed_are_told_once_the_job_has_ended(jobs: MemoryJobs) -> None:
    backend = started(jobs, count=3)
    lines = [json.loads(each) for each in jobs.objects_by_key[f"{ROOT}/input.manifest"].splitlines()]
    labelled = {**lines[0], "trueup-label": 0, "trueup-label-metadata": {"class-name": "cat"}}
    failed = {**lines[1], "trueup-label-metadata": {"failure-reason": "the image cannot be read"}}
    jobs.objects_by_key[f"{ROOT}/manifests/output/output.manifest"] = b"".join(
        json.dumps(each).encode() + b"\n" for each in (labelled, lines[2])
    )
    assert backend.failures(NAME) == {}
    ended(jobs, labelled, failed, lines[2])
    assert backend.failures(NAME) == {
        lines[1]["trueup-task"]: "the image cannot be read",
        lines[2]["trueup-task"]: "the job ended without a label",
    }


def test_what_ground_truth_gave_up_on_may_be_tried_again(jobs: MemoryJobs) -> None:
    jobs.objects_by_key["pets/payloads/3"] = b"x" * 20_001
    backend = started(jobs, count=4)
    expired, left, unusable = (json.loads(each) for each in jobs.objects_by_key[f"{ROOT}/input.manifest"].splitlines())
    respond(jobs, 2, said("wolf"))
    ended(jobs, {**expired, "trueup-label-metadata": {"failure-reason": "expired"}}, left, unusable)
    jobs.state = "Stopped"
    assert backend.failures(NAME).keys() == {each.task_id for each in tasks(4)}
    assert backend.retryable(NAME) == {expired["trueup-task"], left["trueup-task"]}


def test_labelled_objects_are_charged_for(jobs: MemoryJobs) -> None:
    backend = started(jobs, count=3)
    assert backend.bill(NAME, 0, 0) == Bill(objects=0, amount=0.0)
    lines = [json.loads(each) for each in jobs.objects_by_key[f"{ROOT}/input.manifest"].splitlines()]
    ended(jobs, *({**each, "trueup-label": 0} for each in lines[:2]), lines[2])
    assert backend.bill(NAME, 4, 0) == Bill(objects=2, amount=0.16)
    assert backend.bill(NAME, 4, 49_999) == Bill(objects=2, amount=0.12)
    vendor = msgspec.structs.replace(TEAM, answer_price=0.5)
    assert GroundTruth(pets(), vendor, jobs, ROLES).bill(NAME, 4, 0) == Bill(objects=2, amount=2.16)


@pytest.mark.parametrize(
    ("said_by_sagemaker", "ours"),
    [
        ("Initializing", "in_progress"),
        ("InProgress", "in_progress"),
        ("Stopping", "in_progress"),
        ("Completed", "completed"),
        ("Failed", "failed"),
        ("Stopped", "stopped"),
    ],
)
def test_a_job_is_over_when_sagemaker_says_so(jobs: MemoryJobs, said_by_sagemaker: str, ours: str) -> None:
    backend = started(jobs)
    jobs.state = said_by_sagemaker
    assert backend.status(NAME) == ours
    with pytest.raises(NotFoundError):
        backend.status("another")


# ---------------------------------------------------------------- the calls


def test_a_name_that_is_taken_is_a_job_that_was_started() -> None:
    calls = SageMakerLabelingJobs(Scripted(refusal("ResourceInUse"), refusal("ResourceLimitExceeded")), None, "b", "r")
    calls.create({"LabelingJobName": NAME})
    with pytest.raises(ServiceError):
        calls.create({"LabelingJobName": NAME})


def test_only_a_missing_job_is_not_found() -> None:
    calls = SageMakerLabelingJobs(
        Scripted(refusal("ResourceNotFound"), refusal("ValidationException"), {"LabelingJobStatus": "Failed"}),
        None,
        "b",
        "r",
    )
    with pytest.raises(NotFoundError):
        calls.status(NAME)
    with pytest.raises(ServiceError):
        calls.status("not a name")
    assert calls.status(NAME) == "Failed"


def test_files_are_listed_and_read_from_the_dataset_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3 = clients_of_moto()["s3"]
        s3.create_bucket(Bucket=DATASET)
        calls = SageMakerLabelingJobs(None, s3, DATASET, "us-east-1")
        uri = calls.put("p/iteration-1/0/2026-11-20_09:58:31.json", b"one")
        calls.put("q/other.json", b"two")
        assert calls.read(uri) == b"one"
        assert list(calls.objects("p/")) == [("p/iteration-1/0/2026-11-20_09:58:31.json", b"one")]
        with pytest.raises(NotFoundError):
            calls.read(f"s3://{DATASET}/none")


# ---------------------------------------------------------------- other kinds


def kinds(kind: str, media: str) -> Project:
    schema = {
        "kind": kind,
        "media": media,
        "classes": [{"name": each} for each in ("cat", "dog", "fox")],
        "guidelines": "<b>",
    }
    return msgspec.structs.replace(pets(media), label_schema=msgspec.convert(schema, LabelSchema))


@pytest.mark.parametrize(
    ("kind", "media", "task_type"),
    [
        ("multilabel", "image", "ImageMultiClassMultiLabel"),
        ("multilabel", "text", "TextMultiClassMultiLabel"),
        ("boxes", "image", "BoundingBox"),
        ("mask", "image", "SemanticSegmentation"),
        ("spans", "text", "NamedEntityRecognition"),
    ],
)
def test_a_job_of_each_kind_is_one_that_sagemaker_takes(kind: str, media: str, task_type: str) -> None:
    jobs = MemoryJobs("us-east-1", NotFoundError("not there"))
    started(jobs, kinds(kind, media))
    (request,) = jobs.created
    check_request("CreateLabelingJob", dict(request))
    human = request["HumanTaskConfig"]
    assert human["PreHumanTaskLambdaArn"].endswith(f":function:PRE-{task_type}")
    categories = json.loads(jobs.objects_by_key[f"{ROOT}/categories.json"])
    if kind == "spans":
        ui = "arn:aws:sagemaker:us-east-1:394669845002:human-task-ui/NamedEntityRecognition"
        assert human["UiConfig"] == {"HumanTaskUiArn": ui}
        assert categories["instructions"]["shortInstruction"] == "<p>&lt;b&gt;</p>"
        assert f"{ROOT}/template.liquid.html" not in jobs.objects_by_key
    else:
        page = jobs.objects_by_key[f"{ROOT}/template.liquid.html"].decode()
        elements = {"boxes": "crowd-bounding-box", "mask": "crowd-semantic-segmentation"}
        assert elements.get(kind, "multi-select") in page
        assert ("labels=" in page) == (kind in elements)
    assert request["LabelAttributeName"] == ("trueup-label-ref" if kind == "mask" else "trueup-label")


# Two by two pixels, the left ones of colour #1f77b4, as crowd-semantic-segmentation sends them.
PAINTED = base64.b64encode(clear(np.array([[1, 0], [1, 0]], dtype=np.uint8))).decode()
BOX = {"label": "cat", "left": 40, "top": 72, "width": 205, "height": 118}


@pytest.mark.parametrize(
    ("kind", "media", "content", "label"),
    [
        ("multilabel", "image", {"labels": ["fox", "cat"]}, {"classes": ["cat", "fox"]}),
        (
            "boxes",
            "image",
            {"boundingBoxes": [BOX], "inputImageProperties": {"width": 640, "height": 480}},
            {
                "width": 640,
                "height": 480,
                "boxes": [{"label": "cat", "left": 40, "top": 72, "right": 245, "bottom": 190}],
            },
        ),
        (
            "mask",
            "image",
            {
                "inputImageProperties": {"width": 2, "height": 2},
                "labelMappings": {"dog": {"color": "#1f77b4"}, "fox": {"color": "#ff7f0e"}},
                "labeledImage": {"pngImageData": PAINTED},
            },
            {"width": 2, "height": 2, "classes": ["dog"], "runs": [[1, 1], [0, 1], [1, 1], [0, 1]]},
        ),
        (
            "spans",
            "text",
            {"entities": [{"label": "dog", "startOffset": 5, "endOffset": 8}]},
            {"spans": [{"label": "dog", "start": 5, "end": 8}], "relations": []},
        ),
    ],
)
def test_answers_of_each_kind_are_read(kind: str, media: str, content: dict[str, Any], label: dict[str, Any]) -> None:
    jobs = MemoryJobs("us-east-1", NotFoundError("not there"))
    backend = started(jobs, kinds(kind, media))
    respond(jobs, 0, said("", answerContent={"label": content}))
    respond(jobs, 1, said("", answerContent={"label": {"nothing": 1}}))
    (answer,) = backend.answers(NAME)
    assert json.loads(answer.label) == label
    assert "cannot be used: no answer of kind" in backend.failures(NAME)[tasks()[1].task_id]


OWN = msgspec.structs.replace(
    ROLES,
    prepare_arn="arn:aws:lambda:us-east-1:111122223333:function:prepare",
    gather_arn="arn:aws:lambda:us-east-1:111122223333:function:gather",
)


@pytest.mark.parametrize(
    ("kind", "media", "content", "label"),
    [
        (
            "polygons",
            "image",
            {
                "label": {
                    "inputImageProperties": {"width": 640, "height": 480},
                    "polygons": [
                        {"label": "cat", "vertices": [{"x": 5, "y": 9}, {"x": 1, "y": 2}, {"x": 8.256, "y": 3}]}
                    ],
                }
            },
            {
                "width": 640,
                "height": 480,
                "polygons": [{"label": "cat", "points": [[1, 2], [8.26, 3], [5, 9]]}],
            },
        ),
        ("text", "image", {"label": " a cat\r\non a mat "}, {"text": "a cat\non a mat"}),
        ("rating", "text", {"rating": "4", "critique": "so so"}, {"rating": 4, "critique": "so so"}),
        ("rating", "text", {"rating": 4.0}, {"rating": 4, "critique": ""}),
        (
            "preference",
            "text",
            {"label": {"label": "second"}, "critique": "shorter"},
            {"preferred": "second", "critique": "shorter"},
        ),
    ],
)
def test_kinds_without_a_built_in_task_are_asked_by_pages_of_ours(
    kind: str, media: str, content: dict[str, Any], label: dict[str, Any]
) -> None:
    bare = kind != "polygons"
    schema = {"kind": kind, "media": media, "classes": [] if bare else [{"name": "cat"}]}
    config = msgspec.structs.replace(pets(media), label_schema=msgspec.convert(schema, LabelSchema))
    jobs = MemoryJobs("us-east-1", NotFoundError("not there"))
    with pytest.raises(ConfigurationError):
        started(jobs, config)
    backend = GroundTruth(config, TEAM, jobs, OWN)
    backend.start(NAME, tasks())
    (request,) = jobs.created
    check_request("CreateLabelingJob", dict(request))
    human = request["HumanTaskConfig"]
    assert human["PreHumanTaskLambdaArn"] == OWN.prepare_arn
    assert human["AnnotationConsolidationConfig"] == {"AnnotationConsolidationLambdaArn": OWN.gather_arn}
    respond(jobs, 0, said("", answerContent=content))
    respond(jobs, 1, said("", answerContent={"label": {"nothing": 1}, "rating": "much"}))
    answers = {each.task_id: json.loads(each.label) for each in backend.answers(NAME)}
    assert answers[tasks()[0].task_id] == label


@pytest.mark.parametrize(("picture", "says"), [("%%%", "cannot be used"), (PAINTED, "pixels of #1f77b4")])
def test_a_mask_that_cannot_be_read_is_told(picture: str, says: str) -> None:
    jobs = MemoryJobs("us-east-1", NotFoundError("not there"))
    backend = started(jobs, kinds("mask", "image"))
    content = {"labelMappings": {"dog": {"color": "#2ca02c"}}, "labeledImage": {"pngImageData": picture}}
    respond(jobs, 0, said("", answerContent={"label": content}))
    assert backend.answers(NAME) == []
    assert says in backend.failures(NAME)[tasks()[0].task_id]
