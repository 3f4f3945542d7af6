"""SageMaker Ground Truth labeling jobs with a private work team.

Formats: docs.aws.amazon.com/sagemaker/latest/dg/sms-create-labeling-job-api.html and sms-data-output.html. Answers
are read per worker, not consolidated, so that trueup's own consensus applies. Ground Truth is closed to new
customers: this backend serves accounts that used it before. It never uses a public work force.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from trueup.adapters.backends.ground_truth_pages import CUSTOM, page
from trueup.annotation.prices import GROUND_TRUTH, graduated
from trueup.errors import ConfigurationError, InputError, LabelError, NotFoundError
from trueup.labels.ground_truth_answers import Answer, Response, label_of, response_of
from trueup.labels.reading import checked
from trueup.model import Annotation, GroundTruthBackend, LabelSchema, Project, Record, Task, content_id
from trueup.ports import Bill, Changes, LabelingBackend

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
_TASK_TYPES = {
    ("classification", "image"): "ImageMultiClass",
    ("classification", "text"): "TextMultiClass",
    ("multilabel", "image"): "ImageMultiClassMultiLabel",
    ("multilabel", "text"): "TextMultiClassMultiLabel",
    ("boxes", "image"): "BoundingBox",
    ("mask", "image"): "SemanticSegmentation",
    ("spans", "text"): "NamedEntityRecognition",
}
# Whose page for named entities is the only one that can be had.
_UI_ACCOUNT = "394669845002"
_ELEMENTS = {
    ("classification", "image"): "crowd-image-classifier",
    ("classification", "text"): "crowd-classifier",
    ("multilabel", "image"): "crowd-image-classifier-multi-select",
    ("multilabel", "text"): "crowd-classifier-multi-select",
    ("boxes", "image"): "crowd-bounding-box",
    ("mask", "image"): "crowd-semantic-segmentation",
}
_ASKED = {
    "classification": "Choose the class of the sample",
    "multilabel": "Choose all classes of the sample",
    "boxes": "Draw a box around each thing",
    "mask": "Paint the pixels of each class",
    "spans": "Mark each part of the text that has a class",
    "polygons": "Outline each thing",
    "text": "Write what is asked for",
    "rating": "Rate the sample",
    "preference": "Choose the better answer",
}
_STATUS = {"Completed": "completed", "Failed": "failed", "Stopped": "stopped"}
_ATTRIBUTE = "trueup-label"
# Where the label is a file, Ground Truth insists on an attribute that says so.
_FILE_ATTRIBUTE = f"{_ATTRIBUTE}-ref"
# Under which messages of a streaming job carry their object's id.
OBJECT_ID = "trueup-object"
_RESPONSES = re.compile(r".*/iteration-[0-9]+/(?P<position>[0-9]{1,9})/[^/]+\.json")
# Limits of an input manifest (sms-input-data-input-manifest) and of a job (CreateLabelingJob).
_MAX_TEXT = 20_000
_MAX_WORKERS = 9
_MIN_SECONDS, _MAX_SECONDS = 30, 28_800
_AVAILABLE_SECONDS = 864_000


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

    def read(self, uri: str) -> bytes:
        """Bytes of an object of the dataset bucket. Raises NotFoundError."""
        ...

    def objects(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys and bytes below a prefix of the dataset bucket."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys alone."""
        ...

    def publish(self, topic: str, messages: Sequence[str]) -> None:
        """Send each of them, at least once, in no order."""
        ...

    def stop(self, name: str) -> None:
        """A job that is not running is left alone."""
        ...

    @property
    def region(self) -> str: ...

    @property
    def bucket(self) -> str: ...


class Object(
    msgspec.Struct,
    rename={
        "task_id": "trueup-task",
        "sample_id": "trueup-sample",
        "object_id": OBJECT_ID,
        "source_ref": "source-ref",
        "text": "source",
    },
):
    """What trueup put into a manifest line, or a message."""

    task_id: str
    sample_id: str
    object_id: str = ""
    source_ref: str = ""
    text: str = ""


class Result(Record, frozen=True, kw_only=True):
    """A line of the output manifest. How one of a failed object looks is not documented: every key may be missing."""

    task_id: str = ""
    object_id: str = ""
    label: Any = None
    metadata: Mapping[str, Any] = {}


class Roles(Record, frozen=True, kw_only=True):
    """`prepare_arn` and `gather_arn` are those of the functions that kinds without a built-in task need."""

    role_arn: str
    key_arn: str
    prepare_arn: str = ""
    gather_arn: str = ""


class GroundTruth(LabelingBackend):
    """LabelingBackend over labeling jobs of one project.

    Everything of a job lies below <project>/labeling/<job>/ in the dataset bucket: our input.manifest,
    categories.json, template.liquid.html and refused.json, and what Ground Truth writes.
    """

    def __init__(self, project: Project, settings: GroundTruthBackend, jobs: LabelingJobs, roles: Roles) -> None:
        self._project = project
        self._settings = settings
        self._jobs = jobs
        self._roles = roles

    def start(self, name: str, tasks: Sequence[Task]) -> None:
        """Tasks that Ground Truth cannot take (too long a text, or none) are left out and told by `failures`. When
        none is left there is no job, and the batch has failed. Raises ConfigurationError."""
        if self._exists(name):
            return
        prefix = self._prefix(name)
        request = labeling_job_request(
            name,
            self._project,
            self._settings,
            self._roles,
            region=self._jobs.region,
            root=f"s3://{self._jobs.bucket}/{prefix}",
            workers=max((each.overlap - len(each.answered_by) for each in tasks), default=1),
        )
        objects, refused = self._objects(tasks)
        self._jobs.put(f"{prefix}/refused.json", msgspec.json.encode(refused, order="sorted"))
        if not objects:
            return
        self._jobs.put(f"{prefix}/input.manifest", input_manifest(objects))
        self._put_page(prefix)
        self._jobs.create(request)

    def _put_page(self, prefix: str) -> None:
        """What workers see of a job."""
        schema = self._project.label_schema
        self._jobs.put(f"{prefix}/categories.json", label_categories(schema))
        if schema.kind != "spans":
            self._jobs.put(f"{prefix}/template.liquid.html", worker_template(schema))

    def status(self, name: str) -> str:
        """Stopped, too, when a deletion took the batch's files away: its other tasks go into another one."""
        try:
            status = _STATUS.get(self._jobs.status(name), "in_progress")
        except NotFoundError:
            if self._is_empty(name):
                return "failed"
            raise
        return "stopped" if status == "in_progress" and self._is_taken_away(name) else status

    def answers(self, name: str) -> list[Annotation]:
        found: dict[str, Annotation] = {}
        for response, task in self._responses(name):
            if isinstance(response, str):
                continue
            for each in response.answers:
                annotation = self._annotation(each, task)
                if annotation is not None:
                    found[annotation.annotation_id] = annotation
        return sorted(found.values(), key=lambda each: (each.submitted_at, each.annotation_id))

    def failures(self, name: str) -> dict[str, str]:
        """Tasks left out of the job, objects whose files cannot be read or name unknown classes, and those that
        the output manifest gives no label."""
        ended = self.status(name) != "in_progress"
        reasons = {each.task_id: _failure(each, ended) for each in self._results(name) if each.task_id}
        return {task_id: reason for task_id, reason in reasons.items() if reason is not None} | self._hopeless(name)

    def retryable(self, name: str) -> frozenset[str]:
        """Objects that Ground Truth gave up on: nobody took them in time, or as many as were asked declined them, or
        their job was stopped. What it could not read may be among them; its reason is not documented."""
        ended = self.status(name) != "in_progress"
        given_up = {each.task_id for each in self._results(name) if _failure(each, ended) is not None}
        return frozenset(given_up) - self._hopeless(name).keys()

    def _hopeless(self, name: str) -> dict[str, str]:
        """Tasks left out of the job, and those of which an answer cannot be used."""
        refused = self._read(f"{self._prefix(name)}/refused.json")
        found = msgspec.json.decode(refused, type=dict[str, str]) if refused else {}
        for response, task in self._responses(name):
            reason = response if isinstance(response, str) else self._unknown(response)
            if reason is not None:
                found[task.task_id] = reason
        return found

    @property
    def single(self) -> bool:
        """A job's objects end together."""
        return False

    def returned(self, name: str, task_ids: Collection[str]) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def withdraw(self, name: str, task_ids: Collection[str]) -> None:
        """A job's objects are those that it began with."""

    def recall(self, name: str) -> None:
        self._jobs.stop(name)

    def changes(self, since: datetime | None) -> Changes:  # noqa: ARG002
        """Workers cannot change an answer that they sent."""
        return Changes()

    def bill(self, name: str, answers: int, before: int) -> Bill:
        """Ground Truth charges for objects that got a label, vendors for each answer."""
        objects = sum(each.label is not None for each in self._results(name))
        amount = graduated(GROUND_TRUTH, before, objects) + answers * self._settings.answer_price
        return Bill(objects=objects, amount=round(amount, 6))

    def _is_taken_away(self, name: str) -> bool:
        """A job is not made before its manifest is written."""
        return self._read(f"{self._prefix(name)}/input.manifest") is None

    def _is_empty(self, name: str) -> bool:
        """Whether a batch was started of which Ground Truth could take nothing."""
        prefix = self._prefix(name)
        return self._read(f"{prefix}/refused.json") is not None and self._read(f"{prefix}/input.manifest") is None

    def _exists(self, name: str) -> bool:
        """A job's manifest must stay as it was: positions in it name the objects of the answers."""
        try:
            self._jobs.status(name)
        except NotFoundError:
            return False
        return True

    def _objects(self, tasks: Sequence[Task]) -> tuple[list[dict[str, str]], dict[str, str]]:
        """Manifest lines, and the reasons of tasks that have none."""
        objects, refused = [], {}
        for each in tasks:
            try:
                objects.append({**self._source(each), "trueup-task": each.task_id, "trueup-sample": each.sample_id})
            except (InputError, NotFoundError) as error:
                refused[each.task_id] = str(error)
        return objects, refused

    def _source(self, task: Task) -> dict[str, str]:
        """Pictures go by reference, texts inline: the built-in text task shows what stands in the manifest."""
        if self._project.label_schema.media == "image":
            return {"source-ref": task.payload_uri}
        try:
            text = self._jobs.read(task.payload_uri).decode()
        except UnicodeDecodeError as error:
            raise InputError(f"task {task.task_id}: the text is no UTF-8") from error
        if not 0 < len(text) <= _MAX_TEXT:
            raise InputError(
                f"task {task.task_id}: a text of {len(text)} characters, Ground Truth takes 1 to {_MAX_TEXT}"
            )
        return {"source": text}

    def _responses(self, name: str) -> Iterator[tuple[Response | str, Object]]:
        """Every worker-response file with its object; instead of one that cannot be read, the reason."""
        objects = self._manifest(name)
        for key, data in self._jobs.objects(f"{self._prefix(name)}/annotations/worker-response/"):
            place = _RESPONSES.fullmatch(key)
            if place is not None and int(place["position"]) < len(objects):
                yield response_of(key, data), objects[int(place["position"])]

    def _manifest(self, name: str) -> list[Object]:
        """What a batch consists of. Nothing where Ground Truth could take nothing, or its files were taken away."""
        manifest = self._read(f"{self._prefix(name)}/input.manifest")
        return [msgspec.json.decode(each, type=Object) for each in (manifest or b"").splitlines()]

    def _results(self, name: str) -> Iterator[Result]:
        manifest = self._read(f"{self._prefix(name)}/manifests/output/output.manifest")
        attribute = attribute_of(self._project.label_schema)
        for each in (manifest or b"").splitlines():
            line = msgspec.json.decode(each, type=dict[str, Any])
            yield Result(
                task_id=str(line.get("trueup-task", "")),
                object_id=str(line.get(OBJECT_ID, "")),
                label=line.get(attribute),
                metadata=line.get(f"{attribute}-metadata") or {},
            )

    def _unknown(self, response: Response) -> str | None:
        for each in response.answers:
            try:
                self._label(each)
            except (LabelError, ValueError) as error:
                return f"an answer cannot be used: {error}"
        return None

    def _label(self, answer: Answer) -> str:
        schema = self._project.label_schema
        return checked(label_of(answer.answer_content, schema.kind), schema)

    def _annotation(self, answer: Answer, task: Object) -> Annotation | None:
        try:
            label = self._label(answer)
        except (LabelError, ValueError):
            return None
        return Annotation(
            project=self._project.name,
            annotation_id=content_id(task.task_id, answer.worker, answer.submitted_at.isoformat(), label)[:32],
            task_id=task.task_id,
            sample_id=task.sample_id,
            annotator=answer.worker,
            label=label,
            submitted_at=answer.submitted_at,
            seconds_spent=answer.seconds,
            backend="ground_truth",
            schema_version=self._project.label_schema.version,
        )

    def _read(self, key: str) -> bytes | None:
        try:
            return self._jobs.read(f"s3://{self._jobs.bucket}/{key}")
        except NotFoundError:
            return None

    def _prefix(self, name: str) -> str:
        return f"{self._project.name}/labeling/{name}"


def attribute_of(schema: LabelSchema) -> str:
    """The manifest's key of the label."""
    return _FILE_ATTRIBUTE if schema.kind == "mask" else _ATTRIBUTE


def input_manifest(objects: Sequence[Mapping[str, str]]) -> bytes:
    """One line per object; trueup's own keys pass through the job unchanged."""
    return b"".join(msgspec.json.encode(each) + b"\n" for each in objects)


def label_categories(schema: LabelSchema) -> bytes:
    """The page for named entities takes its instructions from here, and shows short names beside the text."""
    document: dict[str, Any] = {"document-version": "2018-11-28", "labels": [{"label": each} for each in schema.names]}
    if schema.kind == "spans":
        document["labels"] = [{"label": each, "shortDisplayName": each[:4]} for each in schema.names]
        told = f"<p>{_inert(schema.guidelines or _ASKED['spans'])}</p>"
        document["instructions"] = {"shortInstruction": told, "fullInstruction": told}
    return msgspec.json.encode(document)


def worker_template(schema: LabelSchema) -> bytes:
    """A worker page of crowd-html-elements; the classes come from the category file through the task input."""
    guidelines = _inert(schema.guidelines or "Choose the class that fits best.")
    classes = "".join(f"<li><b>{_inert(each.name)}</b> {_inert(each.description)}</li>" for each in schema.classes)
    if schema.kind in CUSTOM:
        return page(schema, guidelines, classes)
    source = "{{ task.input.taskObject | grant_read_access }}"
    target = "<classification-target>{{ task.input.taskObject }}</classification-target>"
    element = _ELEMENTS[schema.kind, schema.media]
    attribute, content = (f' src="{source}"', "") if schema.media == "image" else ("", target)
    names = "labels" if schema.kind in ("boxes", "mask") else "categories"
    made = f"""<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
<{element} name="label"{attribute} header="{_ASKED[schema.kind]}"
  {names}="{{{{ task.input.labels | to_json | escape }}}}">
{content}
<full-instructions header="Classes"><p>{guidelines}</p><ul>{classes}</ul></full-instructions>
<short-instructions><p>{guidelines}</p></short-instructions>
</{element}>
</crowd-form>
"""
    return made.encode()


def labeling_job_request(
    name: str,
    project: Project,
    settings: GroundTruthBackend,
    roles: Roles,
    *,
    region: str,
    root: str,
    workers: int,
    topic: str | None = None,
) -> dict[str, Any]:
    """A CreateLabelingJob request of the files below `root`, each object for `workers` people: those of a manifest, or
    those that come on a `topic`, for as long as it runs.

    Raises ConfigurationError where Ground Truth has no built-in task.
    """
    schema = project.label_schema
    before, after = _functions(schema, roles, region)
    source: dict[str, Any] = {"S3DataSource": {"ManifestS3Uri": f"{root}/input.manifest"}}
    if topic is not None:
        source = {"SnsDataSource": {"SnsTopicArn": topic}}
    return {
        "LabelingJobName": name,
        "LabelAttributeName": attribute_of(schema),
        "InputConfig": {"DataSource": source},
        "OutputConfig": {"S3OutputPath": f"{root.rpartition('/')[0]}/", "KmsKeyId": roles.key_arn},
        "RoleArn": roles.role_arn,
        "LabelCategoryConfigS3Uri": f"{root}/categories.json",
        "HumanTaskConfig": {
            "WorkteamArn": settings.workteam_arn,
            "UiConfig": _page(schema, region, root),
            "PreHumanTaskLambdaArn": before,
            "TaskTitle": (project.title or project.name)[:128],
            "TaskDescription": _ASKED[schema.kind],
            "NumberOfHumanWorkersPerDataObject": min(_MAX_WORKERS, max(1, workers)),
            "TaskTimeLimitInSeconds": min(_MAX_SECONDS, max(_MIN_SECONDS, project.consensus.lease_seconds)),
            "TaskAvailabilityLifetimeInSeconds": _AVAILABLE_SECONDS,
            "AnnotationConsolidationConfig": {
                "AnnotationConsolidationLambdaArn": after,
            },
        },
        "Tags": [{"Key": "trueup:project", "Value": project.name}],
    }


def _functions(schema: LabelSchema, roles: Roles, region: str) -> tuple[str, str]:
    """What Ground Truth calls before and after: our own, or those of a built-in task. Raises ConfigurationError."""
    if schema.kind in CUSTOM and schema.media in ("image", "text") and roles.prepare_arn and roles.gather_arn:
        return roles.prepare_arn, roles.gather_arn
    task_type = _TASK_TYPES.get((schema.kind, schema.media))
    account = LAMBDA_ACCOUNTS.get(region)
    if task_type is None or account is None:
        raise ConfigurationError(
            f"Ground Truth has no task of {schema.kind} for {schema.media} samples in {region}: use backend queue",
            field="backend",
        )
    function = f"arn:aws:lambda:{region}:{account}:function"
    return f"{function}:PRE-{task_type}", f"{function}:ACS-{task_type}"


def _page(schema: LabelSchema, region: str, root: str) -> dict[str, str]:
    if schema.kind == "spans":
        owner = f"arn:aws:sagemaker:{region}:{_UI_ACCOUNT}"
        return {"HumanTaskUiArn": f"{owner}:human-task-ui/NamedEntityRecognition"}
    return {"UiTemplateS3Uri": f"{root}/template.liquid.html"}


def _failure(result: Result, ended: bool) -> str | None:
    """A line comes back as it went in until its object is labelled, so a bare one has failed when the job ended."""
    if result.label is not None:
        return None
    if result.metadata:
        return str(result.metadata.get("failure-reason", "Ground Truth gives no reason"))
    return "the job ended without a label" if ended else None


def _inert(text: str) -> str:
    """Text that is neither HTML nor a Liquid tag."""
    return html.escape(text).replace("{", "&#123;").replace("}", "&#125;")
