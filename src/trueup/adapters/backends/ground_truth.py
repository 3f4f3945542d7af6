"""SageMaker Ground Truth labeling jobs with a private work team.

Formats: docs.aws.amazon.com/sagemaker/latest/dg/sms-create-labeling-job-api.html and sms-data-output.html. Answers
are read per worker, not consolidated, so that trueup's own consensus applies. Ground Truth is closed to new
customers: this backend serves accounts that used it before. It never uses a public work force.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from trueup.errors import ConfigurationError, NotFoundError
from trueup.model import Annotation, GroundTruthBackend, LabelSchema, Project, Record, Task, content_id

# Accounts that own the built-in pre- and post-annotation Lambdas (AWS documentation, HumanTaskConfig).
LAMBDA_ACCOUNTS = {
    "ap-northeast-1": "477331159723",
    "ap-northeast-2": "845288260483",
    "ap-south-1": "565803892007",
    "ap-southeast-1": "377565633583",
    "ap-southeast-2": "454466003867",
    "ca-central-1": "918755190332",
    "eu-central-1": "203001061592",
    "eu-west-1": "568282634449",
    "eu-west-2": "487402164563",
    "us-east-1": "432418664414",
    "us-east-2": "266458841044",
    "us-west-2": "081040173940",
}
_TASK_TYPES = {"image": "ImageMultiClass", "text": "TextMultiClass"}
_STATUS = {"Completed": "completed", "Failed": "failed", "Stopped": "stopped"}
_ATTRIBUTE = "trueup-label"


class LabelingJobs(Protocol):
    """The calls of SageMaker and S3 that a labeling job needs; adapters/aws/labeling_jobs.py makes them."""

    def create(self, request: Mapping[str, Any]) -> None:
        """A job of that name that exists already is left alone."""
        ...

    def status(self, name: str) -> str:
        """LabelingJobStatus as SageMaker words it. Raises NotFoundError."""
        ...

    def put(self, key: str, data: bytes) -> str:
        """Write an object of the dataset bucket; returns its URI."""
        ...

    def objects(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys and bytes below a prefix of the dataset bucket."""
        ...

    @property
    def region(self) -> str: ...

    @property
    def bucket(self) -> str: ...


class _Answer(msgspec.Struct, rename="camel"):
    answer_content: dict[str, Any]
    submission_time: datetime
    worker_id: str
    time_spent_in_seconds: float = 0.0
    worker_metadata: dict[str, Any] = {}


class _Response(msgspec.Struct):
    answers: list[_Answer]


class Roles(Record, frozen=True, kw_only=True):
    role_arn: str
    key_arn: str


class GroundTruth:
    """LabelingBackend over labeling jobs of one project."""

    def __init__(self, project: Project, settings: GroundTruthBackend, jobs: LabelingJobs, roles: Roles) -> None:
        self._project = project
        self._settings = settings
        self._jobs = jobs
        self._roles = roles

    def start(self, name: str, tasks: Sequence[Task]) -> None:
        schema = self._project.label_schema
        prefix = f"{self._project.name}/labeling/{name}"
        manifest = self._jobs.put(f"{prefix}/input.manifest", input_manifest(tasks))
        categories = self._jobs.put(f"{prefix}/categories.json", label_categories(schema))
        template = self._jobs.put(f"{prefix}/template.liquid.html", worker_template(schema))
        request = labeling_job_request(
            name,
            self._project,
            self._settings,
            self._roles,
            region=self._jobs.region,
            manifest_uri=manifest,
            categories_uri=categories,
            template_uri=template,
            output_uri=f"s3://{self._jobs.bucket}/{self._project.name}/labeling/",
        )
        self._jobs.create(request)

    def status(self, name: str) -> str:
        return _STATUS.get(self._jobs.status(name), "in_progress")

    def answers(self, name: str) -> list[Annotation]:
        prefix = f"{self._project.name}/labeling/{name}"
        task_ids = self._task_ids(prefix)
        found = []
        for key, data in self._jobs.objects(f"{prefix}/annotations/worker-response/"):
            position = int(key.rsplit("/", 2)[-2])
            if position < len(task_ids):
                found += self._read(data, task_ids[position])
        return found

    def failures(self, name: str) -> dict[str, str]:
        """Objects that the output manifest reports without a label but with a reason. The shape of such a line
        is not documented, so anything that looks like one is taken."""
        prefix = f"{self._project.name}/labeling/{name}"
        manifest = next((data for _, data in self._jobs.objects(f"{prefix}/manifests/output/output.manifest")), b"")
        lines = [msgspec.json.decode(each) for each in manifest.splitlines()]
        return {
            each["trueup-task"]: str(each[f"{_ATTRIBUTE}-metadata"].get("failure-reason", "no label"))
            for each in lines
            if _ATTRIBUTE not in each and f"{_ATTRIBUTE}-metadata" in each
        }

    def _task_ids(self, prefix: str) -> list[tuple[str, str]]:
        manifest = next((data for _, data in self._jobs.objects(f"{prefix}/input.manifest")), None)
        if manifest is None:
            raise NotFoundError(f"the manifest of {prefix} is gone")
        lines = [msgspec.json.decode(each) for each in manifest.splitlines()]
        return [(each["trueup-task"], each["trueup-sample"]) for each in lines]

    def _read(self, data: bytes, task: tuple[str, str]) -> list[Annotation]:
        answers = msgspec.json.decode(data, type=_Response).answers
        return [each for each in (self._annotation(answer, task) for answer in answers) if each is not None]

    def _annotation(self, answer: _Answer, task: tuple[str, str]) -> Annotation | None:
        label = _label(answer.answer_content)
        if label not in self._project.label_schema.names:
            return None
        worker = answer.worker_metadata.get("identityData", {}).get("sub") or answer.worker_id
        return Annotation(
            project=self._project.name,
            annotation_id=content_id(task[0], worker, answer.submission_time.isoformat(), label)[:32],
            task_id=task[0],
            sample_id=task[1],
            annotator=worker,
            label=label,
            submitted_at=answer.submission_time,
            seconds_spent=answer.time_spent_in_seconds,
            backend="ground_truth",
        )


def input_manifest(tasks: Sequence[Task]) -> bytes:
    """One line per task; trueup's own keys pass through the job unchanged."""
    lines = (
        {"source-ref": each.payload_uri, "trueup-task": each.task_id, "trueup-sample": each.sample_id} for each in tasks
    )
    return b"".join(msgspec.json.encode(each) + b"\n" for each in lines)


def label_categories(schema: LabelSchema) -> bytes:
    return msgspec.json.encode({"document-version": "2018-11-28", "labels": [{"label": each} for each in schema.names]})


def worker_template(schema: LabelSchema) -> bytes:
    """A worker page of crowd-html-elements; the classes come from the category file through the task input."""
    element = "crowd-image-classifier" if schema.media == "image" else "crowd-classifier"
    body = (
        'src="{{ task.input.taskObject | grant_read_access }}"'
        if schema.media == "image"
        else 'header="Choose the class"'
    )
    text = (
        "" if schema.media == "image" else "<classification-target>{{ task.input.taskObject }}</classification-target>"
    )
    page = (
        '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>\n'
        f'<crowd-form><{element} name="label" {body} categories="{{{{ task.input.labels | to_json | escape }}}}">'
        f"{text}<full-instructions>{{{{ task.input.fullInstruction }}}}</full-instructions>"
        f"<short-instructions>Choose the class.</short-instructions></{element}></crowd-form>\n"
    )
    return page.encode()


def labeling_job_request(
    name: str,
    project: Project,
    settings: GroundTruthBackend,
    roles: Roles,
    *,
    region: str,
    manifest_uri: str,
    categories_uri: str,
    template_uri: str,
    output_uri: str,
) -> dict[str, Any]:
    """A CreateLabelingJob request. Raises ConfigurationError where Ground Truth has no built-in task."""
    task_type = _TASK_TYPES.get(project.label_schema.media)
    account = LAMBDA_ACCOUNTS.get(region)
    if task_type is None or account is None:
        raise ConfigurationError(
            f"Ground Truth labels no {project.label_schema.media} samples in {region}: use backend queue",
            field="backend",
        )
    function = f"arn:aws:lambda:{region}:{account}:function"
    return {
        "LabelingJobName": name,
        "LabelAttributeName": _ATTRIBUTE,
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": manifest_uri}}},
        "OutputConfig": {"S3OutputPath": output_uri, "KmsKeyId": roles.key_arn},
        "RoleArn": roles.role_arn,
        "LabelCategoryConfigS3Uri": categories_uri,
        "HumanTaskConfig": {
            "WorkteamArn": settings.workteam_arn,
            "UiConfig": {"UiTemplateS3Uri": template_uri},
            "PreHumanTaskLambdaArn": f"{function}:PRE-{task_type}",
            "TaskTitle": (project.title or project.name)[:128],
            "TaskDescription": "Choose the class of the sample",
            "NumberOfHumanWorkersPerDataObject": project.consensus.overlap,
            "TaskTimeLimitInSeconds": min(28800, max(30, project.consensus.lease_seconds)),
            "TaskAvailabilityLifetimeInSeconds": 864000,
            "AnnotationConsolidationConfig": {
                "AnnotationConsolidationLambdaArn": f"{function}:ACS-{task_type}",
            },
        },
        "Tags": [{"Key": "trueup:project", "Value": project.name}],
    }


def _label(content: Mapping[str, Any]) -> str:
    """The answer is keyed by the crowd element's name; the class is a string or {"label": class}."""
    for value in content.values():
        if isinstance(value, Mapping) and "label" in value:
            return str(value["label"])
        if isinstance(value, str):
            return value
    return ""
