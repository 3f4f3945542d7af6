"""The nouns. Frozen records that every floor of the house shares; see docs/concepts.md for the words.

Times are timezone-aware UTC. Ids are content hashes (`content_id`) unless said otherwise, so that the same
thing seen twice has the same name.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Parent of all records: immutable, compared by value, JSON through msgspec."""


def content_id(*parts: str | bytes) -> str:
    """SHA-256 (64 hex digits) over length-prefixed parts, so that ("ab","c") and ("a","bc") differ."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return digest.hexdigest()


# ---------------------------------------------------------------- what a project wants


class LabelClass(Record, frozen=True, kw_only=True):
    """One class of a label schema. `key` is the workbench's keyboard key; None lets the page choose."""

    name: str
    key: str | None = None
    description: str = ""


class Scale(Record, frozen=True, kw_only=True):
    """Whole numbers from `low` to `high` that a sample may be rated with."""

    low: int = 1
    high: int = 5


Kind = Literal["classification", "multilabel", "boxes", "polygons", "mask", "spans", "text", "rating", "preference"]


class LabelSchema(Record, frozen=True, kw_only=True):
    """What annotators may answer (trueup.labels). The order of `classes` gives the class index of manifests; kinds
    without classes have none. `relations` may lie between spans, `scale` is that of ratings. `none_of_these`: whether
    annotators may say that no class fits, and propose one. `renamed` leads from names that classes or relations had
    before to those of today, `split` from classes that there were to those that such a sample may be of now, and
    `removed` are classes that are no more: of these two, people say anew what a sample is. `version` names what gives
    answers their meaning."""

    kind: Kind = "classification"
    media: Literal["image", "text", "tabular", "audio"] = "image"
    classes: tuple[LabelClass, ...] = ()
    relations: tuple[LabelClass, ...] = ()
    scale: Scale = Scale()
    none_of_these: bool = True
    renamed: Mapping[str, str] = {}
    split: Mapping[str, tuple[str, ...]] = {}
    removed: tuple[str, ...] = ()
    guidelines: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.classes)

    @property
    def relation_names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.relations)

    @property
    def version(self) -> str:
        """Another one where the same answer would mean something else: guidelines, keys and old names are not in it."""
        meaning = (self.kind, self.media, self.names, self.relation_names, self.scale, self.none_of_these)
        return content_id(msgspec.json.encode(meaning, order="deterministic"))[:12]


class SaidClasses(tuple[str, ...]):
    """Classes in the order of a model's bare numbers: today's, and `before` those of a model that knows others."""

    before: tuple[str, ...] = ()

    @classmethod
    def of(cls, today: tuple[str, ...], before: tuple[str, ...]) -> SaidClasses:
        found = cls(today)
        found.before = before
        return found

    def first(self, count: int) -> tuple[str, ...]:
        """The classes of so many numbers: those of before, where it is as many as these; else the first of today's."""
        return self.before if len(self.before) == count else tuple(self[:count])


class AnswerPath(Record, frozen=True, kw_only=True):
    """Where the numbers lie in a JSON answer that no decoder knows, in JMESPath: `values` leads to one list of numbers,
    one for each instance, or one score. `labels` leads to their classes; without it they are `classes`, or else the
    label schema's, in order. `logits` need a softmax."""

    values: str
    labels: str | None = None
    classes: tuple[str, ...] = ()
    logits: bool = False


class ReasonBudget(Record, frozen=True, kw_only=True):
    """How many of the labels may go to one reason to ask. None is as many as there are."""

    per_hour: int | None = None
    per_day: int | None = None
    total: int | None = None


class Budget(Record, frozen=True, kw_only=True):
    """How many labels selection may ask for (one label = one task, whatever its overlap), in hours and days of UTC."""

    per_hour: int | None = None
    per_day: int = 500
    total: int | None = None
    reasons: Mapping[str, ReasonBudget] = {}

    def limits(self, at: datetime) -> dict[str, int | None]:
        """What may be used in each period that `at` lies in, by the period's name; None is without end."""
        return _limits(self, at)

    def limits_of(self, reason: str, at: datetime) -> dict[str, int]:
        """The same for one reason: its own limits alone, by other names."""
        own = _limits(self.reasons[reason], at) if reason in self.reasons else {}
        return {f"{period}#{reason}": limit for period, limit in own.items() if limit is not None}


def _limits(budget: Budget | ReasonBudget, at: datetime) -> dict[str, int | None]:
    hour, day = f"HOUR#{at:%Y-%m-%dT%H}", f"DAY#{at:%Y-%m-%d}"
    return {hour: budget.per_hour, day: budget.per_day, "TOTAL": budget.total}


class SelectionPolicy(Record, frozen=True, kw_only=True):
    """Which predictions deserve a person.

    `strategy` names an entry of the selection room's table, `picker` one of its pickers. `rate` is the share of a
    file's predictions that may be asked about (0..1] before the budget cuts; None follows the traffic and the scores of
    the last days, so that the budget is used up evenly. `audit_share` is the part of the asked-about ones that is drawn
    uniformly at random, `shares` the parts that other strategies choose, by name. `error_rate` is that of the strategy
    conformal; `calibrate` scores by probabilities at the temperature that labels taught. `slice_by` names the captures'
    slice as `group_by` does their group. `decoder` names who reads answers, `answer` says where in them the numbers
    lie; both None takes the first decoder that can. `classes` are those of a model that was trained before classes
    changed, in its order. `seed` makes the draw reproducible; `version` is filled from the
    content.
    """

    strategy: str = "margin"
    picker: str = "k_center"
    rate: float | None = 0.1
    audit_share: float = 0.1
    error_rate: float = 0.1
    calibrate: bool = False
    shares: Mapping[str, float] = {}
    budget: Budget = Budget()
    seed: int = 0
    decoder: str | None = None
    answer: AnswerPath | None = None
    classes: tuple[str, ...] = ()
    group_by: str | None = None
    slice_by: str | None = None

    @property
    def reader(self) -> str | AnswerPath | None:
        """How answers are read: a decoder by name, a path, or the first decoder that can."""
        return self.answer or self.decoder

    @property
    def version(self) -> str:
        return content_id(msgspec.json.encode(self, order="deterministic"))[:12]


class ConsensusPolicy(Record, frozen=True, kw_only=True):
    """How answers become a label: `overlap` people first, up to `max_overlap`, sure at posterior `target`. Another
    answer has to raise the posterior by `min_gain` in expectation, or a reviewer decides at once; so does one when
    `max_skips` people passed a task on."""

    method: str = "dawid-skene"
    overlap: int = 2
    max_overlap: int = 4
    target: float = 0.9
    min_gain: float = 0.0
    max_skips: int = 3
    lease_seconds: int = 600


MODEL_ANNOTATOR = "model:"
TRUTH_ANNOTATOR = "truth"
# Of people whose answers came with an import: what follows is their pseudonym, for nothing else is kept of them.
IMPORTED_ANNOTATOR = "imported:"


def pseudonym(project: str, annotator: str) -> str:
    """What datasets call an annotator: ten hexadecimal digits, the same for ever within a project. Models go by their
    names, and what turned out to be true by that word alone."""
    if annotator.startswith(MODEL_ANNOTATOR):
        return annotator
    if annotator.startswith(IMPORTED_ANNOTATOR):
        return annotator.removeprefix(IMPORTED_ANNOTATOR)[:10]
    if annotator.partition(":")[0] == TRUTH_ANNOTATOR:
        return TRUTH_ANNOTATOR
    return content_id("annotator", project, annotator)[:10]


# The reason of what is drawn uniformly at random beside what strategies choose.
AUDIT = "audit"


class ModelAnnotator(Record, frozen=True, kw_only=True):
    """A language model that answers tasks as people do: its skill is measured as anybody's. `model_id` is a model
    or an inference profile of Amazon Bedrock; `per_day` bounds its answers in a day of UTC; `instructions` are for
    it alone."""

    name: str
    model_id: str
    per_day: int = 200
    instructions: str = ""

    @property
    def annotator(self) -> str:
        """What its answers are signed with."""
        return f"{MODEL_ANNOTATOR}{self.name}"


class TaskQueue(Record, frozen=True, kw_only=True):
    """A queue beside a project's own, for a language, a skill, or what is urgent. A task goes into the first one whose
    `slices`, predicted `classes` and `reasons` to ask all hold it (those that are given). Only annotators in one of
    `groups` work on it, where it names some; of several queues that of the highest `priority` comes first, the
    project's own being of 0. A task not settled within `deadline_hours` comes before others."""

    name: str
    slices: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    priority: int = 0
    deadline_hours: float | None = None


class AnnotationPolicy(Record, frozen=True, kw_only=True):
    """Who answers beside people; whether people see what the endpoint's model said of a task (never of one that is
    asked about as an audit); what an hour of theirs costs, for the report; which queues there are beside the project's
    own, and when a task of that is overdue."""

    show_prediction: bool = False
    hourly_cost: float | None = None
    currency: str = "USD"
    models: tuple[ModelAnnotator, ...] = ()
    queues: tuple[TaskQueue, ...] = ()
    deadline_hours: float | None = None


class GoldPolicy(Record, frozen=True, kw_only=True):
    """Tasks whose label is known, hidden among an annotator's others: `share` of what they claim; each is shown to
    `retire_after` people at most. Of the newest `window` gold answers of somebody who gave `min_answers` or more, a
    share of right ones below `warn_below` is a warning, below `train_below` (None: never) they are trained until it is
    `warn_below` again, below `suspend_below` they get no more tasks; `requeue` then asks one more person about what
    rests on them."""

    share: float = 0.0
    retire_after: int = 200
    window: int = 20
    min_answers: int = 10
    warn_below: float = 0.8
    train_below: float | None = None
    suspend_below: float = 0.5
    requeue: bool = True


Split = Literal["train", "validation", "test"]


class SplitPolicy(Record, frozen=True, kw_only=True):
    """Which split a new group of samples goes into: `method` names an entry of trueup.dataset.splitting, `salt` makes
    other draws of it. With `near_duplicates`, what hardly differs counts as one group. Of the method time: `test_from`
    and `validation_from` are dates, or `test_days` and `validation_days` say how long each lasts, up to the commit and
    up to the test's beginning."""

    method: str = "group"
    salt: str = ""
    near_duplicates: bool = True
    test_from: str | None = None
    validation_from: str | None = None
    test_days: int | None = None
    validation_days: int | None = None


class CommitPolicy(Record, frozen=True, kw_only=True):
    """When settled labels become a version: at `batch` of them, or once one waited `max_age_seconds`. `splits` says
    where they go, of which validation and test get their shares."""

    batch: int = 50
    max_age_seconds: int = 3600
    validation_share: float = 0.1
    test_share: float = 0.2
    splits: SplitPolicy = SplitPolicy()


class DatasetPolicy(Record, frozen=True, kw_only=True):
    """Which versions keep their content: of each branch the newest `keep_versions`, and those younger than `keep_days`.
    With neither all that a branch leads to. Tagged and trained-on ones keep it whatever this says."""

    keep_versions: int | None = None
    keep_days: int | None = None


class TriggerPolicy(Record, frozen=True, kw_only=True):
    """When a version is worth a training: any rule that holds fires. None switches a rule off."""

    min_new_labels: int | None = 100
    new_class_min_labels: int | None = 10
    every_seconds: int | None = None
    action: Literal["retrain", "notify"] = "retrain"


class GatePolicy(Record, frozen=True, kw_only=True):
    """What a candidate must show against the champion on the same test split: that of the run's version, or of the
    frozen one that `test` names."""

    metric: Literal["accuracy", "macro_recall"] = "accuracy"
    min_improvement: float = 0.0
    max_class_recall_drop: float = 0.1
    min_test_samples: int = 20
    confidence: float = 0.9
    test: str | None = None


class CanaryPolicy(Record, frozen=True, kw_only=True):
    """How a promoted model takes over: see SageMaker deployment guardrails."""

    percent: int = 10
    wait_seconds: int = 300
    alarm_names: tuple[str, ...] = ()


class TrainingPolicy(Record, frozen=True, kw_only=True):
    """What the training job runs on. `image` None means SageMaker's scikit-learn image of the region."""

    image: str | None = None
    instance_type: str = "ml.m5.large"
    max_runtime_seconds: int = 3600
    hyperparameters: Mapping[str, str] = {}
    approval: Literal["manual", "automatic"] = "manual"
    canary: CanaryPolicy = CanaryPolicy()


class GroundTruthBackend(Record, frozen=True, kw_only=True):
    """A Ground Truth work team; only accounts that used Ground Truth before 2026 can use it. Tasks go out as jobs of
    `batch` tasks, or with `streaming` as messages to one job that goes on. `answer_price` is what the team's vendor
    takes for an answer, in USD; people of your own cost Ground Truth nothing."""

    workteam_arn: str
    batch: int = 100
    streaming: bool = False
    answer_price: float = 0.0


class LabelStudioBackend(Record, frozen=True, kw_only=True):
    """A Label Studio server at `url`. `secret` names the secret of AWS Secrets Manager that holds an access token of
    it; `batch` tasks go there at a time."""

    url: str
    secret: str
    batch: int = 100


class FeedbackPolicy(Record, frozen=True, kw_only=True):
    """What becomes of feedback. An inference is looked for in the captures of the `lookback_hours` before its feedback
    came, unless that says when it was made; feedback waits `keep_days` for its capture. A `truth` either is the label,
    or a reason to ask people as an override is."""

    lookback_hours: int = 48
    keep_days: int = 7
    truth: Literal["label", "ask"] = "label"


class OpenLineageSink(Record, frozen=True, kw_only=True):
    """Who hears of jobs and runs in OpenLineage's words: a server at `url`, or our own bus. `secret` names the secret
    of AWS Secrets Manager that holds the server's key; `namespace` is that of the jobs, None being
    trueup://<stage>."""

    transport: Literal["http", "eventbridge"] = "http"
    url: str | None = None
    endpoint: str = "api/v1/lineage"
    secret: str | None = None
    namespace: str | None = None


class LineagePolicy(Record, frozen=True, kw_only=True):
    """Whom lineage is told, beside trueup's own graph. `sagemaker`: whether runs are mirrored into SageMaker's."""

    openlineage: OpenLineageSink | None = None
    sagemaker: bool = True


class Sources(Record, frozen=True, kw_only=True):
    """Where captures come from beside the endpoint's own data capture: messages of an asynchronous endpoint on SNS
    topics (`async_topics`, ARNs), and batch transforms that write capture manifests. `buckets` are those in which
    inputs and outputs lie, `keys` the ARNs of the KMS keys that they are encrypted with."""

    async_topics: tuple[str, ...] = ()
    transform: bool = False
    buckets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def on(self) -> bool:
        return self.transform or bool(self.async_topics)


class Project(Record, frozen=True, kw_only=True):
    """One model's loop and everything it wants. Rendered from cdk.json by infra/config.py. `capture_percent` of the
    endpoint's requests are to be captured. `backend` is where people are asked; the settings of another one may stay
    while its batches are called back."""

    name: str
    endpoint_name: str
    label_schema: LabelSchema
    title: str = ""
    capture_percent: int = 100
    sources: Sources = Sources()
    feedback: FeedbackPolicy = FeedbackPolicy()
    selection: SelectionPolicy = SelectionPolicy()
    annotation: AnnotationPolicy = AnnotationPolicy()
    gold: GoldPolicy = GoldPolicy()
    consensus: ConsensusPolicy = ConsensusPolicy()
    commit: CommitPolicy = CommitPolicy()
    dataset: DatasetPolicy = DatasetPolicy()
    triggers: TriggerPolicy = TriggerPolicy()
    gate: GatePolicy = GatePolicy()
    training: TrainingPolicy = TrainingPolicy()
    backend: Literal["queue", "ground_truth", "label_studio"] = "queue"
    ground_truth: GroundTruthBackend | None = None
    label_studio: LabelStudioBackend | None = None
    lineage: LineagePolicy = LineagePolicy()

    @property
    def said_classes(self) -> SaidClasses:
        """What the endpoint's model calls its classes where its answers do not name them."""
        return SaidClasses.of(self.label_schema.names, self.selection.classes)

    @property
    def batch(self) -> int:
        """How many tasks its foreign backend is given at a time."""
        settings = self.label_studio if self.backend == "label_studio" else self.ground_truth
        return settings.batch if settings else 0


# ---------------------------------------------------------------- what an endpoint said

NO_LABEL = "(none)"


class CaptureFile(Record, frozen=True, kw_only=True):
    """One Data Capture object. `key` ends in <endpoint>/<variant>/yyyy/mm/dd/hh/<file>.jsonl."""

    project: str
    endpoint: str
    variant: str
    bucket: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def file_id(self) -> str:
        return content_id(self.bucket, self.key)

    @property
    def hour(self) -> str:
        """The hour of its captures, in UTC, as it stands in the key: yyyy/mm/dd/hh."""
        return "/".join(self.key.split("/")[-5:-1])


class TransformPair(Record, frozen=True, kw_only=True):
    """One input object of a batch transform with its output, and the output manifest that names it: S3 URIs."""

    manifest: str
    input: str
    output: str


class Payload(Record, frozen=True, kw_only=True):
    """Captured bytes of one side, decoded from their capture encoding, with the observed content type."""

    data: bytes
    content_type: str


class Capture(Record, frozen=True, kw_only=True):
    """One captured inference: one line of a capture file. Either side may be missing.

    `line` counts from 1, `offset` in bytes from 0; `raw` is the line itself, kept so that a record whose payload
    cannot be decoded can be quarantined and replayed.
    """

    event_id: str
    inference_time: datetime
    line: int
    offset: int = 0
    raw: bytes = b""
    input: Payload | None = None
    output: Payload | None = None
    inference_id: str | None = None
    custom_attributes: tuple[str, ...] = ()


PredictionKind = Literal[
    "probabilities",
    "binary",
    "winner",
    "logits",
    "labels",
    "entities",
    "detections",
    "logprobs",
    "regression",
    "multilabel",
    "mask",
]


class Found(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a model found in an instance: a box in an image or a span of a text, and how sure it was.

    `box` is left, top, right, bottom, as shares of the image's sides or in its pixels as `unit` says; `start` and
    `end` count characters. Each is None where the model did not say.
    """

    label: str
    score: float
    box: tuple[float, float, float, float] | None = None
    unit: Literal["share", "pixel"] | None = None
    start: int | None = None
    end: int | None = None
    text: str = ""


class Prediction(Record, frozen=True, kw_only=True):
    """What the model said about one instance: class names with probabilities, in the model's own order.

    `kind` tells what the numbers are, as decoded. `partial` tells that it named only some of its classes, the
    likeliest; `probabilities` is empty where it gave a label and nothing else. Of entities, detections and
    multilabel every class has a probability of its own, which need not sum to one: for `objects` it is that of the
    surest of the class. A regression has a `value`, perhaps with an `interval`, and no classes. `information` in
    [0, 1] is how much several passes over the instance disagree, where the model made some.
    """

    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    partial: bool = False
    kind: PredictionKind = "probabilities"
    objects: tuple[Found, ...] = ()
    information: float | None = None
    value: float | None = None
    interval: tuple[float, float] | None = None

    @property
    def label(self) -> str:
        """The likeliest class, or NO_LABEL when the model named none."""
        if not self.classes:
            return NO_LABEL
        if not self.probabilities:
            return self.classes[0]
        return self.classes[max(range(len(self.classes)), key=self.probabilities.__getitem__)]


class Quarantined(Record, frozen=True, kw_only=True):
    """A capture line that could not be used: where it is, why, and its bytes for a later replay."""

    line: int
    offset: int
    reason: str
    raw: bytes


class Sketch(Record, frozen=True, kw_only=True):
    """Counts of scores by bin, the empty bins left out: see trueup.selection.sketch."""

    bins: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()


class Drawn(Record, frozen=True, kw_only=True):
    """What the first reading of a capture file chose, which whoever reads it again chooses too: at what `rate`, how
    many it `wanted`, and the positions of the `chosen` (trueup.selection.choose), by reason."""

    rate: float = 0.0
    wanted: Mapping[str, int] = {}
    chosen: Mapping[str, tuple[int, ...]] = {}


class Reservation(Record, frozen=True, kw_only=True):
    """The labels that were taken from the budget for a name, by reason, and what a file chose with them."""

    granted: Mapping[str, int]
    drawn: Drawn = Drawn()


class FileReceipt(Record, frozen=True, kw_only=True):
    """What became of one capture file. lines = captures + quarantined + duplicates, always: `captures` counts the
    lines that were read, two of which may hold the sides of one event.

    `predictions` counts instances (one capture may hold several); `selected` of them became tasks. What was not
    asked about is known in sum: `scores` by `strategy` of all predictions, and of those by class and by slice of the
    project's `slice_by`; `decoders` counts the captures that each read; `wanted` and `granted` are labels by reason;
    `fingerprints` are those of the texts that were asked about, in hexadecimal (trueup.similarity.near_duplicates).
    """

    file: CaptureFile
    lines: int
    captures: int
    quarantined: int
    duplicates: int
    predictions: int
    selected: int
    class_counts: Mapping[str, int]
    ingested_at: datetime
    strategy: str = ""
    scores: Sketch = Sketch()
    class_scores: Mapping[str, Sketch] = {}
    slice_scores: Mapping[str, Sketch] = {}
    decoders: Mapping[str, int] = {}
    wanted: Mapping[str, int] = {}
    granted: Mapping[str, int] = {}
    fingerprints: tuple[str, ...] = ()


class Sample(Record, frozen=True, kw_only=True):
    """One distinct input worth keeping, named by the SHA-256 of its bytes and content type. `fingerprint` is 16
    hexadecimal digits (trueup.similarity.near_duplicates); None where inputs of its kind have none."""

    project: str
    sample_id: str
    content_type: str
    size: int
    payload_uri: str
    group: str
    first_seen: datetime
    slice: str | None = None
    fingerprint: str | None = None


class Selection(Record, frozen=True, kw_only=True):
    """The decision to ask about a sample, with the probability (propensity) with which it was taken."""

    project: str
    sample_id: str
    event_id: str
    index: int
    capture_uri: str
    capture_line: int
    strategy: str
    score: float
    threshold: float
    propensity: float
    reason: str
    policy_version: str
    prediction: Prediction
    selected_at: datetime


# ---------------------------------------------------------------- what turned out later


class Feedback(Record, frozen=True, kw_only=True):
    """What somebody knows of an inference that was made: a user's correction (`override`), or the real outcome
    (`truth`). Either `event_id` or `inference_id` names the inference, and `index` the record within its request. `by`
    says whose word it is; `inferred_at`, when the inference was made, spares a search."""

    project: str
    kind: Literal["override", "truth"]
    label: str
    received_at: datetime
    event_id: str | None = None
    inference_id: str | None = None
    index: int = 0
    by: str = ""
    inferred_at: datetime | None = None

    @property
    def feedback_id(self) -> str:
        """The same word of the same person on the same record is the same feedback."""
        names = (self.event_id or "", self.inference_id or "", str(self.index))
        return content_id(self.project, self.kind, self.label, self.by, *names)[:32]


class FeedbackStatus(enum.StrEnum):
    """`pending`: its capture is looked for. `joined`: done with. `refused`: its capture cannot be used. `expired`: no
    capture came."""

    PENDING = "pending"
    JOINED = "joined"
    REFUSED = "refused"
    EXPIRED = "expired"


class FeedbackState(Record, frozen=True, kw_only=True):
    """How a feedback stands. `outcome` says what its capture led to: it `agreed` with the model; people were `asked`;
    the sample was `labelled`; a task or a label of it was `known` already. `capture_uri` is the file that holds the
    capture, as soon as that is found; `reason` tells of what keeps it."""

    feedback: Feedback
    status: FeedbackStatus = FeedbackStatus.PENDING
    outcome: Literal["", "agreed", "asked", "labelled", "known"] = ""
    reason: str = ""
    capture_uri: str | None = None
    sample_id: str | None = None
    task_id: str | None = None
    at: datetime | None = None


class FeedbackSearch(Record, frozen=True, kw_only=True):
    """How far a project's captures were searched. What came before `searched_to` was looked for in every file until
    then. A search that ran out of time goes on: it began at `began` and got as far as `reached`, in the order of hours
    and URIs."""

    project: str
    searched_to: datetime | None = None
    began: datetime | None = None
    reached: str = ""


# ---------------------------------------------------------------- what people said


class TaskStatus(enum.StrEnum):
    OPEN = "open"
    SETTLING = "settling"
    SETTLED = "settled"
    REVIEW = "review"
    CANCELLED = "cancelled"


class Lease(Record, frozen=True, kw_only=True):
    """One annotator's hold of one slot of a task. `token` fences: a late answer with an old token is refused.

    `receipt` is the queue's handle of the slot's message, opaque to everyone but the queue adapter.
    """

    task_id: str
    annotator: str
    token: str
    expires_at: datetime
    receipt: str = ""


class Comment(Record, frozen=True, kw_only=True):
    """What a reviewer says to those who answer a task next."""

    by: str
    at: datetime
    text: str


def lane_of(project: str, queue: str) -> str:
    """What the messages of a queue go by."""
    return f"{project}/{queue}" if queue else project


class Skip(Record, frozen=True, kw_only=True):
    """Somebody who passed a task on, and why."""

    by: str
    at: datetime
    reason: str = ""


class Task(Record, frozen=True, kw_only=True):
    """A request for labels on one sample. `revision` counts writes and guards each of them.

    `answered_by` and the holders of unexpired `leases` together take the slots of `overlap`. A `final` one was settled
    by a ruling or by the truth: what annotators said of it stands. `returned` counts the batches in turn that came back
    from a labeling service without its answers. `slice` is the sample's."""

    project: str
    task_id: str
    sample_id: str
    content_type: str
    payload_uri: str
    priority: float
    overlap: int
    opened_at: datetime
    status: TaskStatus = TaskStatus.OPEN
    leases: tuple[Lease, ...] = ()
    answered_by: tuple[str, ...] = ()
    skips: tuple[Skip, ...] = ()
    backend: str = "queue"
    backend_batch: str | None = None
    returned: int = 0
    prediction: Prediction | None = None
    comments: tuple[Comment, ...] = ()
    final: bool = False
    gold_id: str | None = None
    queue: str = ""
    due_at: datetime | None = None
    slice: str | None = None
    revision: int = 0

    @property
    def lane(self) -> str:
        """The name of its queue's messages: the project's, or with that of a queue beside it."""
        return lane_of(self.project, self.queue)

    @property
    def skipped_by(self) -> tuple[str, ...]:
        return tuple(each.by for each in self.skips)


class Guidelines(Record, frozen=True, kw_only=True):
    """What annotators read, as somebody changed it and why; `task_id` is the disputed task that showed the need.
    Version 0 is the configuration's."""

    project: str
    number: int
    text: str
    by: str = ""
    reason: str = ""
    at: datetime | None = None
    task_id: str | None = None


class Correction(Record, frozen=True, kw_only=True):
    """A label that somebody changed: an annotator their own answer, or a reviewer what people had settled. `held_by`
    are the numbers of the dataset versions that held the old label; of an answer that is none."""

    project: str
    kind: Literal["answer", "ruling"]
    task_id: str
    sample_id: str
    by: str
    at: datetime
    before: str
    after: str
    reason: str = ""
    held_by: tuple[int, ...] = ()


class QueueStatus(enum.StrEnum):
    """`paused`: nobody is given a task; what is held goes on. `draining`: no new tasks come in; the others go on."""

    ACTIVE = "active"
    PAUSED = "paused"
    DRAINING = "draining"


class QueueStanding(Record, frozen=True, kw_only=True):
    """How a project's queue stands, who said so, and why. `hastened_at` is when a task was last put first, as long
    as one may still wait: only then claims look for such."""

    project: str
    status: QueueStatus = QueueStatus.ACTIVE
    by: str = ""
    reason: str = ""
    at: datetime | None = None
    hastened_at: datetime | None = None


class Gold(Record, frozen=True, kw_only=True):
    """An input whose label is known. `names` are what its label is counted under; `exposures` how many annotators were
    asked."""

    project: str
    gold_id: str
    sample_id: str
    label: str
    names: tuple[str, ...]
    content_type: str
    payload_uri: str
    added_at: datetime
    added_by: str = ""
    exposures: int = 0


class GoldAnswer(Record, frozen=True, kw_only=True):
    """What an annotator said of a gold task, and how right that is, 0 to 1."""

    project: str
    annotator: str
    gold_id: str
    task_id: str
    label: str
    names: tuple[str, ...]
    score: float
    at: datetime


class StandingStatus(enum.StrEnum):
    """`warned` annotators go on and are told; those in `training` get gold tasks alone, and are shown what is known,
    until they are right often enough; `suspended` ones get no tasks until a lead says so."""

    ACTIVE = "active"
    WARNED = "warned"
    TRAINING = "training"
    SUSPENDED = "suspended"


class Standing(Record, frozen=True, kw_only=True):
    """How an annotator stands in a project, who said so (a rule, or a lead), and why."""

    project: str
    annotator: str
    status: StandingStatus = StandingStatus.ACTIVE
    by: str = ""
    reason: str = ""
    at: datetime | None = None


class Annotation(Record, frozen=True, kw_only=True):
    """One annotator's answer. Immutable: a correction is a new annotation that supersedes the old one. `label` is text
    of the schema's kind (trueup.labels), whose version was `schema_version`; `flagged` asks for a reviewer, whatever
    others say. One that is `withdrawn` takes back the one that it supersedes. `slice` is the sample's. `source` is what
    an answer was imported from: no task has `task_id` then (trueup.annotation.imported)."""

    project: str
    annotation_id: str
    task_id: str
    sample_id: str
    annotator: str
    label: str
    submitted_at: datetime
    seconds_spent: float = 0.0
    supersedes: str | None = None
    backend: str = "queue"
    comment: str = ""
    flagged: bool = False
    withdrawn: bool = False
    slice: str | None = None
    schema_version: str = ""
    source: str = ""


class Consensus(Record, frozen=True, kw_only=True):
    """The label that a set of annotations supports. `agreement` is the share of answers equal to `label`, `annotators`
    are those whose answers they are."""

    project: str
    consensus_id: str
    task_id: str
    sample_id: str
    label: str
    posterior: float
    agreement: float
    method: str
    annotation_ids: tuple[str, ...]
    reached_at: datetime
    annotators: tuple[str, ...] = ()


class Ruling(Record, frozen=True, kw_only=True):
    """What a reviewer decided of a task, and why: a `label`, or None where they sent it back for more answers. `before`
    is the label that it replaced, where there was one, and `version_id` the first dataset version that held that."""

    project: str
    ruling_id: str
    task_id: str
    sample_id: str
    reviewer: str
    label: str | None
    comment: str
    at: datetime
    before: str | None = None
    version_id: str | None = None


class AnnotatorSkill(Record, frozen=True, kw_only=True):
    """What consensus believes of one annotator: probability of a right answer, with a 90 % interval.

    `confusion[t][a]` is the probability that they answer class `a` when `t` is true, in the order of `classes`.
    """

    project: str
    annotator: str
    skill: float
    low: float
    high: float
    answers: int
    classes: tuple[str, ...]
    confusion: tuple[tuple[float, ...], ...]
    fitted_at: datetime


class Figure(Record, frozen=True, kw_only=True):
    """A measure with its 90 % interval, over so many samples; NaN is None."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    samples: int


class AnnotatorFigures(Record, frozen=True, kw_only=True):
    """What an annotator did, as far as the report looked: answers, the median seconds of one, skill with a 90 %
    interval, and how often right of late and before (None with too few answers to tell). `drifts`: of late clearly less
    often. `gold` tasks they answered, and how right, with a 90 % interval."""

    annotator: str
    answers: int
    seconds: float
    last_at: datetime
    skill: float
    low: float
    high: float
    recent: float | None = None
    earlier: float | None = None
    drifts: bool = False
    gold: int = 0
    gold_right: float | None = None
    gold_low: float | None = None
    gold_high: float | None = None
    standing: StandingStatus = StandingStatus.ACTIVE


class Charge(Record, frozen=True, kw_only=True):
    """What a labeling service charges for a batch, by its list price: for the `objects` that it labelled, and for
    `answers` where its people are not the project's own."""

    project: str
    batch: str
    backend: str
    at: datetime
    objects: int
    answers: int
    amount: float
    currency: str = "USD"

    @property
    def month(self) -> str:
        """That of UTC, yyyy-mm: services count the objects of each anew."""
        return f"{self.at:%Y-%m}"


class ServiceCost(Record, frozen=True, kw_only=True):
    """What a labeling service charged in all, and `this_month`."""

    backend: str
    currency: str
    batches: int
    objects: int
    answers: int
    amount: float
    this_month: float


class QualityReport(Record, frozen=True, kw_only=True):
    """A lead's figures of a project. `ages` are open tasks by how long they wait, `days` answers by day of UTC;
    agreement is Krippendorff's alpha, or how like answers are where they are no classes. `cost` is people's time at
    the configured wage, of the `looked_at` newest answers without imported ones; `services` charge beside that."""

    project: str
    at: datetime
    tasks: Mapping[str, int]
    ages: Mapping[str, int]
    overdue: int = 0
    oldest_seconds: float | None
    days: Mapping[str, int]
    agreement: Figure
    by_class: tuple[Figure, ...]
    by_week: tuple[Figure, ...]
    annotators: tuple[AnnotatorFigures, ...]
    looked_at: int
    hours: float
    cost: float | None
    currency: str = "USD"
    services: tuple[ServiceCost, ...] = ()
    by_slice: tuple[Figure, ...] = ()


class Judged(Record, frozen=True, kw_only=True):
    """A prediction whose truth is known: the probability that the model gave to it, the highest ones that it gave to
    others and the rest of them together, and how many of the traffic it stands for (one over its propensity)."""

    sample_id: str
    chance: float
    weight: float
    others: tuple[float, ...] = ()


class Places(Record, frozen=True, kw_only=True):
    """Where labelled inputs lie, made small (trueup.selection.places). `length` numbers of an input are centred by
    `centre` and divided by `spread`, one for each or one for all. `points` are base64 of int8[m, 32]; `typical` is the
    median distance of one to its nearest."""

    length: int = 0
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    points: str = ""
    typical: float = 0.0


class Knowledge(Record, frozen=True, kw_only=True):
    """What labels taught about a project's model, for choosing what to ask about next. `labelled` counts the
    dataset's labels by class, `labelled_slices` by slice; `places` says where they lie; `judged` holds the latest
    MOST_JUDGED predictions whose truth is known; `temperature` is what they say of the model's probabilities
    (trueup.selection.calibration)."""

    project: str = ""
    labelled: Mapping[str, int] = {}
    labelled_slices: Mapping[str, int] = {}
    places: Places = Places()
    judged: tuple[Judged, ...] = ()
    temperature: float = 1.0


class SettledLabel(Record, frozen=True, kw_only=True):
    """A consensus that no version holds yet, with what a dataset line needs to know about its sample."""

    consensus: Consensus
    sample: Sample
    selection: Selection | None = None


# ---------------------------------------------------------------- what the dataset holds


# Made by the million: by position that is seven times as fast.
class LabelledSample(Record, frozen=True):
    """One line of a segment: a sample with its trusted label and split. Sorted by sample_id in a segment. `since` is
    the number of the version that set the line, `captured_at` when the input was first seen, `fingerprint` the
    sample's; `annotators` are the pseudonyms of those on whose answers the label stands."""

    sample_id: str
    label: str
    split: Split
    group: str
    content_type: str
    payload_uri: str
    weight: float = 1.0
    posterior: float = 1.0
    agreement: float = 1.0
    consensus_id: str | None = None
    selected_by: str = "import"
    propensity: float | None = None
    labelled_at: datetime | None = None
    captured_at: datetime | None = None
    slice: str | None = None
    annotators: tuple[str, ...] = ()
    fingerprint: str | None = None
    since: int = 0


class Removal(Record, frozen=True, kw_only=True):
    """One line of a segment: the version no longer holds the sample. `why` is "forgotten" where somebody asked for
    that."""

    sample_id: str
    removed: Literal[True] = True
    why: str = ""


# One line of a segment.
Change = LabelledSample | Removal


class Segment(Record, frozen=True, kw_only=True):
    """A content-addressed file of lines sorted by sample id, from `first` to `last` (empty where ids are no hashes);
    `removed` of its `samples` lines take a sample out."""

    sha256: str
    samples: int
    bytes: int
    removed: int = 0
    first: str = ""
    last: str = ""


class VersionQuality(Record, frozen=True, kw_only=True):
    """How good the answers behind a version were, by the newest report before it: agreement (Krippendorff's alpha,
    or how like they are where they are no classes), over how many answers of how many annotators, and how often these
    were right on gold tasks."""

    at: datetime
    agreement: Figure
    answers: int
    annotators: int
    gold: int = 0
    gold_right: float | None = None


class DatasetVersion(Record, frozen=True, kw_only=True):
    """An immutable, content-addressed list of labelled samples. `version_id` is the SHA-256 of the document.

    `segments` hold the whole content, in order; a later segment's line for a sample replaces an earlier one. `delta`
    is what was written for this version alone: its changes against `parent`. `root` is the Merkle root of `segments`
    (RFC 9162). `number` is unique in the project and grows along every branch; `merged` is the other parent of a
    merge, `by` who made it. Of the changes `restated` are lines that changed in something else than label and split.
    Agreement and posterior are sums over all samples, in millionths, so that they are exact. `schema_version` is that
    of the label schema of when it was made. `annotators` counts, for each pseudonym, the labels of each split that
    stand on their answers (trueup.dataset.annotators).
    """

    project: str
    version_id: str
    number: int
    parent: str | None
    segments: tuple[Segment, ...]
    delta: tuple[Segment, ...]
    root: str
    samples: int
    classes: tuple[str, ...]
    class_counts: Mapping[str, int]
    split_counts: Mapping[str, int]
    slice_counts: Mapping[str, int]
    strategy_counts: Mapping[str, int]
    added: int
    removed: int
    relabelled: int
    moved: int
    restated: int
    created_at: datetime
    reason: str
    by: str = "trueup"
    branch: str = "main"
    merged: str | None = None
    agreement_sum: int = 0
    posterior_sum: int = 0
    policy_version: str = ""
    schema_version: str = ""
    quality: VersionQuality | None = None
    annotators: Mapping[str, Mapping[str, int]] = {}

    @property
    def mean_agreement(self) -> float:
        """1 for a version without samples."""
        return self.agreement_sum / self.samples / 1e6 if self.samples else 1.0

    @property
    def mean_posterior(self) -> float:
        """1 for a version without samples."""
        return self.posterior_sum / self.samples / 1e6 if self.samples else 1.0


class SampleChange(Record, frozen=True):
    """One line of a diff of two versions. `restated`: neither label nor split changed, but something else did."""

    sample_id: str
    change: Literal["added", "removed", "relabelled", "moved", "restated"]
    before: str | None
    after: str | None


class Tag(Record, frozen=True, kw_only=True):
    """A name of one version that no commit moves; who gave it, when and why."""

    project: str
    name: str
    version_id: str
    by: str
    at: datetime
    reason: str = ""


class Branch(Record, frozen=True, kw_only=True):
    """A line of versions beside `main`: who began it at which version, when and why. Commits move its head."""

    project: str
    name: str
    began_at: str
    by: str
    at: datetime
    reason: str = ""


class Pruned(Record, frozen=True, kw_only=True):
    """A version whose figures and document stay while its content is gone, or about to go."""

    project: str
    version_id: str
    number: int
    at: datetime


class StoredPart(Record, frozen=True, kw_only=True):
    """A segment or a version's document, as it lies in storage. `name` is its SHA-256, `handle` names this one writing
    of it: the same bytes written again are another one, and the newer one is `current`."""

    kind: Literal["segment", "document"]
    name: str
    handle: str
    bytes: int
    written_at: datetime
    current: bool = True


# ---------------------------------------------------------------- what was forgotten


class Redaction(Record, frozen=True, kw_only=True):
    """What stands for a segment of which samples were forgotten: a file with the hash `sha256`, in which `lines` of the
    segment's lines are removals. `jobs` are those whose receipts tell of it."""

    project: str
    segment: str
    sha256: str
    bytes: int
    lines: int
    jobs: tuple[str, ...]
    at: datetime


class HeldBy(Record, frozen=True, kw_only=True):
    """A dataset version that held forgotten samples, and how many of them."""

    version_id: str
    number: int
    branch: str
    samples: int


class Consequence(Record, frozen=True, kw_only=True):
    """What was made of a version that held forgotten samples: a training job, a model, or an endpoint configuration.
    `since` is when it was; `serving` says that the project's endpoint has it now."""

    kind: str
    id: str
    came_from: str
    since: datetime
    serving: bool = False


class Receipt(Record, frozen=True, kw_only=True):
    """What was forgotten, when, by whom and why, without saying of whom: `subject_sha256` is the hash of `salt` and the
    subject, so that whoever knows the subject can tell that this is theirs. `removed` are the objects that were taken
    away, by URI, beside the payloads, which are named by `samples`; `segments` leads from segments to the hashes of
    what stands for them; `captures` are the files that held captures of it, and `by_hand` is what trueup could not do.
    `previous` is the hash of the project's receipt before this one."""

    project: str
    number: int
    job_id: str
    at: datetime
    by: str
    reason: str
    kind: Literal["subject", "sample"]
    salt: str
    subject_sha256: str
    previous: str = ""
    began_at: datetime | None = None
    samples: tuple[str, ...] = ()
    counts: Mapping[str, int] = {}
    versions: tuple[HeldBy, ...] = ()
    successors: tuple[str, ...] = ()
    consequences: tuple[Consequence, ...] = ()
    segments: Mapping[str, str] = {}
    removed: tuple[str, ...] = ()
    captures: tuple[str, ...] = ()
    captures_rewritten: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()


class Signature(Record, frozen=True, kw_only=True):
    """`value` is base64, over the SHA-256 of a receipt's deterministic JSON; `key` names the key of KMS."""

    key: str
    algorithm: str
    value: str


class SignedReceipt(Record, frozen=True, kw_only=True):
    """A receipt as it is stored."""

    receipt: Receipt
    signature: Signature


class ReceiptEntry(Record, frozen=True, kw_only=True):
    """A link of the chain of a project's receipts: the hash of the stored file, and that of the one before."""

    project: str
    number: int
    job_id: str
    at: datetime
    sha256: str
    previous: str
    uri: str


class Forgetting(Record, frozen=True, kw_only=True):
    """A deletion under way: what its receipt will say, and which steps are done. `captures` are files in which lines
    are to be dropped, and `events` whose; `tasks` are those that asked about the samples, `batches` those that held
    them at labeling services, and `keys` what a group index has of them."""

    draft: Receipt
    done: tuple[str, ...] = ()
    rewrite: bool = False
    events: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    batches: tuple[str, ...] = ()
    keys: tuple[int, ...] = ()


class GroupPart(Record, frozen=True, kw_only=True):
    """A content-addressed part of a group index (trueup.dataset.groups): `rows` groups and fingerprints."""

    sha256: str
    rows: int


class GroupDocument(Record, frozen=True, kw_only=True):
    """Where the groups of a version stand: `parts` add up, in any order. `counts` are samples by class and split; of
    what is in the parts `form` tells."""

    parts: tuple[GroupPart, ...] = ()
    counts: Mapping[str, Mapping[str, int]] = {}
    form: int = 1


class FrozenTest(Record, frozen=True, kw_only=True):
    """The test split of a version, which no later version of any branch may train on. `sha256` names what it covers
    (trueup.dataset.frozen): its samples, their groups, and what hardly differs from them."""

    project: str
    name: str
    version_id: str
    number: int
    samples: int
    groups: int
    sha256: str
    at: datetime
    by: str = ""


class SchemaVersion(Record, frozen=True, kw_only=True):
    """A label schema as it stood when the first version was made under it."""

    project: str
    version: str
    schema: LabelSchema
    at: datetime


# ---------------------------------------------------------------- what was learned


class Action(enum.StrEnum):
    RETRAIN = "retrain"
    NOTIFY = "notify"
    WAIT = "wait"


class TriggerDecision(Record, frozen=True, kw_only=True):
    """What the trigger rules say, and why, in words an operator reads."""

    action: Action
    rule: str
    reason: str


class RunStatus(enum.StrEnum):
    RUNNING = "running"
    REJECTED = "rejected"
    AWAITING_APPROVAL = "awaiting_approval"
    PROMOTING = "promoting"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


class RetrainingRun(Record, frozen=True, kw_only=True):
    """One retraining of a project. `run_id` is unique per project and names the execution and the jobs.
    `version_number` is that of `version_id`, 0 in records of old; `hyperparameters` are the training job's."""

    project: str
    run_id: str
    status: RunStatus
    version_id: str
    rule: str
    reason: str
    started_at: datetime
    ended_at: datetime | None = None
    execution_arn: str | None = None
    training_job: str | None = None
    model_package_arn: str | None = None
    endpoint_config: str | None = None
    outcome: str = ""
    metrics: Mapping[str, float] = {}
    promotion_execution_arn: str | None = None
    version_number: int = 0
    hyperparameters: Mapping[str, str] = {}


class Evaluation(Record, frozen=True, kw_only=True):
    """How a run's candidate did on its version's test split. `labels_by` counts the test labels that stand on each
    annotator's answers, by pseudonym, and `wrong_by` those of them with which the candidate did not agree. `sha256` is
    that of the predictions at `uri`."""

    project: str
    run_id: str
    version_id: str
    uri: str
    sha256: str
    passed: bool
    at: datetime
    samples: int
    wrong: int
    metrics: Mapping[str, float] = {}
    labels_by: Mapping[str, int] = {}
    wrong_by: Mapping[str, int] = {}


class Champion(Record, frozen=True, kw_only=True):
    """The model that serves, as the endpoint itself says."""

    endpoint_name: str
    endpoint_config: str
    model_name: str
    model_data_url: str
    image: str
    variant: str
    classes: tuple[str, ...] = ()


class GateVerdict(Record, frozen=True, kw_only=True):
    """Whether the candidate may replace the champion, with every reason and figure that decided it."""

    passed: bool
    reasons: tuple[str, ...]
    metrics: Mapping[str, float]


class ModelPackage(Record, frozen=True, kw_only=True):
    """A registered candidate, as the model registry says. `digest` names the bytes of its archive, where it says so."""

    arn: str
    group: str
    approval: Literal["Approved", "Rejected", "PendingManualApproval"]
    image: str
    model_data_url: str
    environment: Mapping[str, str] = {}
    metadata: Mapping[str, str] = {}
    digest: str | None = None


# ---------------------------------------------------------------- who came from whom


class NodeKind(enum.StrEnum):
    """In the order of the loop."""

    ENDPOINT = "endpoint"
    CAPTURE = "capture"
    SOURCE = "source"
    SAMPLE = "sample"
    SELECTION = "selection"
    FEEDBACK = "feedback"
    TASK = "task"
    BATCH = "batch"
    ANNOTATION = "annotation"
    REVIEW = "review"
    CONSENSUS = "consensus"
    IMPORT = "import"
    VERSION = "version"
    TRAINING = "training"
    EVALUATION = "evaluation"
    MODEL = "model"
    DEPLOYMENT = "deployment"


class Node(Record, frozen=True, kw_only=True):
    """A thing in the lineage graph. Ids: endpoint = the endpoint configuration's name, of a model that trueup did not
    deploy the endpoint's; capture = event id#index, source = the format and place of an import, selection = its sample,
    review = the ruling, import = a hash of the labels that it brought into a version, batch and training = job name,
    evaluation and deployment = the run, model = package ARN; the others as in their records."""

    kind: NodeKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def own_hash(self) -> str | None:
        return self.id if self.kind in (NodeKind.SAMPLE, NodeKind.VERSION) else None

    @classmethod
    def parse(cls, text: str) -> Node:
        """Read "kind:id". Raises ValueError when the kind is unknown."""
        kind, _, name = text.partition(":")
        return cls(kind=NodeKind(kind), id=name)


class Edge(Record, frozen=True, kw_only=True, omit_defaults=True):
    """`source` led to `target`: the arrow points from the older thing to what was made of it. `source_hash` and
    `target_hash` are SHA-256 of what they were then, where that is known and is not their id: of files that of their
    bytes, of records that of the record. `note` says in a few words what was made: a label, a verdict."""

    project: str
    source: Node
    target: Node
    actor: str
    at: datetime
    note: str = ""
    source_hash: str | None = None
    target_hash: str | None = None

    @property
    def hashes(self) -> tuple[str | None, str | None]:
        """Of both ends; samples and versions are named by theirs."""
        return self.source_hash or self.source.own_hash, self.target_hash or self.target.own_hash


def record_hash(record: Record) -> str:
    """SHA-256 of a record as it is stored."""
    return hashlib.sha256(msgspec.json.encode(record, order="deterministic")).hexdigest()
