"""Every key of a deployment's configuration: what it means, what it may hold, and a value that shows it.

One table, read twice: infra/config.py refuses what it does not allow, infra/reference.py prints
docs/configuration.md. Types and defaults are those of the records (infra.config.Document, trueup.model.Project);
what keys of a project say about each other is in trueup.settings.parse_project. The strategies, decoders and methods
are those of the rooms' own tables: see docs/adr/0005-keys-known-at-synth.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from trueup.dataset.splitting import SPLITTERS
from trueup.keys import CLASS_NAME, MANY, MAX_CLASSES, Allowed, Key, between, matching, named_in
from trueup.policy_keys import POLICY_KEYS
from trueup.quality.methods import METHODS

# docs/configuration.md, "How many projects", says where it comes from; tests/infra/test_limits.py measures it.
MAX_PROJECTS = 12
# Folders of the dataset bucket beside those of the projects.
TAKEN_NAMES = ("code", "config")
# SageMaker: CreateTrainingJob takes 100 hyperparameters, names of 256 and texts of 2,500 characters. The plan of a
# retraining (trueup.retraining.plan) sets six itself, one of which lists the classes.
MAX_HYPERPARAMETERS = 94
MAX_HYPERPARAMETER = 2500
OUR_HYPERPARAMETERS = ("classes", "seed", "version")
# SageMaker takes ten rollback alarms, two of which trueup makes.
MAX_CANARY_ALARMS = 8
# Instances that train, but on which SageMaker runs no processing job, as which the evaluation runs.
TRAINING_ONLY = r"(c5n|p3dn|p4de?|p5en?|p6[a-z0-9-]*|trn\dn?)\.|p5\.48xlarge"
# An evaluation may take as long as the training, and both must end before the workflow's two days do.
MAX_RUNTIME_SECONDS = 82_800
# A role's policies hold 10,240 characters: those of capture_translate name each bucket and key of each project.
MAX_TOPICS, MAX_BUCKETS, MAX_KEYS = 4, 4, 2
MAX_MODELS, MAX_INSTRUCTIONS = 3, 4000
# Of all projects together: the policy of model_annotate names each, and an inference profile's model too.
MAX_DIFFERENT_MODELS = 10
# What a pass of the backend's synchronisation looks at.
MAX_BATCH = 1000
_DAY = 86_400
_MONTH = 31 * _DAY
_YEAR = 366 * _DAY


def _project_name(value: str) -> bool:
    return bool(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", value)) and len(value) <= 32 and value not in TAKEN_NAMES


def _classes(value: tuple[Any, ...]) -> bool:
    names = json.dumps([each.name for each in value])
    return len(value) <= MAX_CLASSES and len(names) <= MAX_HYPERPARAMETER


def _renamed(value: Mapping[str, str]) -> bool:
    return len(value) <= 300 and all(CLASS_NAME.holds(each) for each in value)


def _split(value: Mapping[str, tuple[str, ...]]) -> bool:
    named = len(value) <= 50 and all(CLASS_NAME.holds(each) for each in value)
    return named and all(2 <= len(set(parts)) == len(parts) <= 20 for parts in value.values())


def _hyperparameters(value: dict[str, str]) -> bool:
    fits = len(value) <= MAX_HYPERPARAMETERS and all(
        0 < len(name) <= 256 and len(text) <= MAX_HYPERPARAMETER for name, text in value.items()
    )
    return fits and not any(each.startswith("sagemaker_") or each in OUR_HYPERPARAMETERS for each in value)


def _alarm_names(value: tuple[str, ...]) -> bool:
    return len(value) <= MAX_CANARY_ALARMS and all(each.strip() and len(each) <= 255 for each in value)


def _all_match(value: tuple[str, ...], pattern: str, most: int) -> bool:
    return len(value) <= most and all(re.fullmatch(pattern, each) for each in value)


def _date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


_STAGE = matching(r"[a-z][a-z0-9]*", "up to 16 small letters and digits, a letter first", 16)
_EMAIL = matching(
    r"[^@\s,;<>]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", "one e-mail address, as in team@example.com", 254
)
_PROJECTS = Allowed(f"1 to {MAX_PROJECTS} projects", lambda value: 1 <= len(value) <= MAX_PROJECTS)
_NAME = Allowed(
    "up to 32 small letters, digits and inner hyphens, a letter first; not code or config, which are "
    "folders of the dataset bucket",
    _project_name,
)
_ENDPOINT = matching(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", "up to 63 letters, digits and inner hyphens", 63)
_TITLE = matching(r"[^\r\n]*", "one line of up to 100 characters", 100)
_CLASSES = Allowed(
    f"up to {MAX_CLASSES} classes, whose names as a JSON list take up to {MAX_HYPERPARAMETER:,} characters "
    "(SageMaker's limit of a hyperparameter)",
    _classes,
)
_WAGE = Allowed("0 to 10,000, or null", lambda value: value is None or 0 <= value <= 10_000)
# The environment of a function, of 4 KB, names each queue, beside those of the most projects.
MAX_QUEUES = 6
_QUEUES = Allowed(f"up to {MAX_QUEUES} queues", lambda value: len(value) <= MAX_QUEUES)
_QUEUE_NAME = matching(r"[a-z](-?[a-z0-9])*", "up to 20 small letters, digits and inner hyphens, a letter first", 20)
_WANTED = Allowed("up to 50 names", lambda value: len(value) <= 50 and all(0 < len(each) <= 256 for each in value))
_HOURS = Allowed("0.1 to 8,760, or null", lambda value: value is None or 0.1 <= value <= 8760)
_RENAMED = Allowed("up to 300 names that a class may have", _renamed)
_RELATIONS = Allowed("up to 30 relations", lambda value: len(value) <= 30)
_SPLIT = Allowed("up to 50 names that a class may have, each with 2 to 20 of the classes", _split)
_REMOVED = Allowed(
    "up to 50 names that a class may have",
    lambda value: len(value) <= 50 and all(CLASS_NAME.holds(each) for each in value),
)
_CLASS_KEY = matching(r"[^\sSsUu?]", "one character; s, u and ? are the workbench's own", 1)
_SALT = matching(r"[^\r\n]*", "one line of up to 64 characters", 64)
_DATE = Allowed("a date, as in 2026-11-30", _date)
_FROZEN_NAME = matching(r"[a-z0-9]+([.-][a-z0-9]+)*", "up to 64 small letters, digits, inner hyphens and dots", 64)
_INSTANCE = matching(
    rf"ml\.(?!{TRAINING_ONLY})[a-z0-9-]+\.[a-z0-9-]+",
    "a SageMaker instance type that runs training and processing jobs, as in ml.m5.large",
    64,
)
_IMAGE = matching(r"[^\s/]+\.[^\s/]+/\S+", "the URI of a container image in a registry, as SageMaker takes it", 255)
_SCRIPT = Allowed(
    f"up to {MAX_HYPERPARAMETERS} names with texts of up to {MAX_HYPERPARAMETER:,} characters; none that trueup sets "
    f"itself (sagemaker_…, {', '.join(OUR_HYPERPARAMETERS)})",
    _hyperparameters,
)
_ALARMS = Allowed(f"up to {MAX_CANARY_ALARMS} names of CloudWatch alarms", _alarm_names)
_WORKTEAM = matching(
    r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:workteam/(private|vendor)-crowd/\S+",
    "the ARN of your SageMaker work team (…:workteam/private-crowd/…)",
    256,
)
_STUDIO = matching(
    r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._/-]*)?|http://(127\.0\.0\.1|localhost)(:\d{1,5})?",
    "the address of a Label Studio server, https://…",
    256,
)
_OPENLINEAGE = matching(
    r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._/-]*)?|http://(127\.0\.0\.1|localhost)(:\d{1,5})?",
    "the address of an OpenLineage server, https://…",
    256,
)
_LINEAGE_PATH = matching(r"/?[A-Za-z0-9._/-]+", "a path below the address", 256)
_NAMESPACE = matching(r"[A-Za-z0-9:;=/_.@+-]+", "up to 256 letters, digits and any of : ; = / _ . @ + -", 256)
_SECRET = matching(r"[A-Za-z0-9/_+=.@-]+", "the name of a secret, not its ARN", 64)
_TOPICS = Allowed(
    f"up to {MAX_TOPICS} ARNs of SNS topics of this account and Region (arn:aws:sns:…), none of them FIFO",
    lambda value: _all_match(value, r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}", MAX_TOPICS),
)
_BUCKETS = Allowed(
    f"up to {MAX_BUCKETS} names of S3 buckets, without s3://",
    lambda value: _all_match(value, r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", MAX_BUCKETS),
)
_KEYS = Allowed(
    f"up to {MAX_KEYS} ARNs of KMS keys (arn:aws:kms:…:key/…), not of aliases",
    lambda value: _all_match(value, r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]{36}", MAX_KEYS),
)
_MODELS = Allowed(f"up to {MAX_MODELS} models", lambda value: len(value) <= MAX_MODELS)
_MODEL_NAME = matching(r"[a-z0-9]+(-[a-z0-9]+)*", "up to 32 small letters, digits and inner hyphens", 32)
_MODEL_ID = matching(
    r"[A-Za-z0-9][A-Za-z0-9.:/_-]*", "the id or ARN of a model or inference profile of Amazon Bedrock", 128
)
_INSTRUCTIONS = Allowed("up to 4,000 characters", lambda value: len(value) <= MAX_INSTRUCTIONS)
_SWITCH = named_in(("true", "false"))

# What stands under `trueup`, in cdk.json or in the file that trueup:config names.
DEPLOYMENT_KEYS: dict[str, Key] = {
    "stage": Key("Names the deployment: several live beside each other in an account", "prod", _STAGE),
    "removal_policy": Key(
        "What becomes of buckets, table and key when the stacks are deleted; `destroy` also needs "
        "`-c trueup:allow-data-loss=true`",
        "retain",
    ),
    "projects": Key("The projects, each as below", [], _PROJECTS),
    "alarm_email": Key("Gets the alarms and notices, once it has confirmed; null: nobody", "team@example.com", _EMAIL),
    "schedule_minutes": Key(
        "How often each project's versions and triggers are looked at without an event", 15, between(1, 1440)
    ),
    "log_retention_days": Key(
        "How long logs are kept, rounded up to a length that CloudWatch Logs offers", 365, between(1, 3653)
    ),
}

# Keys of the CDK's own context (`-c key=value`, or beside `trueup` in cdk.json).
CONTEXT_KEYS: dict[str, Key] = {
    "trueup": Key("The configuration itself", {}),
    "trueup:config": Key("A JSON file to read instead of `trueup`", "deployments/prod.json"),
    "trueup:allow-data-loss": Key("The second key to `removal_policy` destroy", "true", _SWITCH),
    "trueup:wheels": Key(
        "Wheels for AWS Lambda, or for this machine, where the embedded AWS runs the functions",
        "host",
        named_in(("lambda", "host")),
    ),
    "trueup:nag": Key("Whether cdk-nag looks at the templates", "false", _SWITCH),
}

PROJECT_KEYS: dict[str, Key] = {
    "name": Key("Names the project: folder in the buckets, dimension of metrics, `--project`", "tickets", _NAME),
    "title": Key("What the workbench and the dashboard call it; the name, when empty", "Support tickets", _TITLE),
    "endpoint_name": Key("The SageMaker endpoint that it watches; each project has its own", "tickets", _ENDPOINT),
    "backend": Key("Where people answer: the workbench's queue, Ground Truth, or Label Studio", "queue"),
    "capture_percent": Key(
        "Share of the endpoint's requests that is captured, in percent: what `trueup endpoint attach` switches on, and "
        "below half of which an alarm fires",
        50,
        between(1, 100),
    ),
    "sources.transform": Key(
        "Whether batch transforms are read too, whose data capture writes manifests under the project's capture URI",
        True,
    ),
    "sources.async_topics": Key(
        "SNS topics on which an asynchronous endpoint, `endpoint_name`, tells of successes and errors",
        ["arn:aws:sns:us-east-1:123456789012:tickets-answered"],
        _TOPICS,
    ),
    "sources.buckets": Key(
        "Buckets in which the inputs and outputs of these lie; nothing else is read",
        ["tickets-batches"],
        _BUCKETS,
    ),
    "sources.keys": Key(
        "KMS keys of yours that these are encrypted with",
        ["arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
        _KEYS,
    ),
    "feedback.lookback_hours": Key(
        "How far before its arrival the inference of a feedback is looked for that does not say when it was made",
        24,
        between(1, 744),
    ),
    "feedback.keep_days": Key("How long feedback waits for its capture", 14, between(1, 92)),
    "feedback.truth": Key(
        "Whether a real outcome is the label, or where it contradicts the model a reason to ask people", "ask"
    ),
    "label_schema.kind": Key(
        "What an answer is: one class, several, things drawn on an image, spans of a text, free text, a rating, or "
        "which of two answers is better (docs/concepts.md)",
        "classification",
    ),
    "label_schema.none_of_these": Key("Whether annotators may say that no class fits, and propose one", True),
    "label_schema.scale.low": Key("Of kind rating: the lowest", 1, between(-100, 100)),
    "label_schema.scale.high": Key("Of kind rating: the highest", 5, between(-100, 100)),
    "label_schema.relations": Key(
        "Of kind spans: what may lie between two of them",
        [{"name": "works at", "key": "w", "description": "A person is employed by it"}],
        _RELATIONS,
    ),
    "label_schema.relations[].name": Key("The relation; no other has its name", "works at", CLASS_NAME),
    "label_schema.relations[].key": Key(
        "Its key in the workbench, which no other relation has; null lets the page choose", "w", _CLASS_KEY
    ),
    "label_schema.relations[].description": Key("When it holds, for annotators", "A person is employed by it"),
    "label_schema.renamed": Key(
        "Names that classes or relations had before, and what each of these is called today; several may have become "
        "one. After the deployment `trueup schema migrate` relabels the dataset (docs/concepts.md)",
        {"organisation": "company"},
        _RENAMED,
    ),
    "label_schema.split": Key(
        "Classes that there were, and what a sample of each may be now. `trueup schema migrate` takes these samples "
        "out of the dataset and asks people about them (docs/splits.md)",
        {"place": ["city", "country"]},
        _SPLIT,
    ),
    "label_schema.removed": Key(
        "Classes that there were and that nothing took the place of; people are asked about their samples likewise",
        ["date"],
        _REMOVED,
    ),
    "label_schema.media": Key("How the workbench shows an input", "text"),
    "label_schema.guidelines": Key("What annotators read before they answer", "Choose the team that should answer."),
    "label_schema.classes": Key(
        "What annotators choose from. Their order is the order of the model's bare probabilities. Add classes at the "
        "end; where one gets another name, say so in `label_schema.renamed`; removing one makes labels unknown",
        [{"name": "billing", "key": "b", "description": "Invoices and refunds"}, {"name": "sales"}],
        _CLASSES,
    ),
    "label_schema.classes[].name": Key("The class, as the model says it; no other has it", "billing", CLASS_NAME),
    "label_schema.classes[].key": Key(
        "Its key in the workbench, which no other class has; null lets the page choose", "b", _CLASS_KEY
    ),
    "label_schema.classes[].description": Key("What belongs to it, for annotators", "Invoices and refunds"),
    **{f"selection.{name}": key for name, key in POLICY_KEYS.items()},
    "annotation.show_prediction": Key(
        "Whether annotators see what the model said; of audits, by which it is measured, never", False
    ),
    "annotation.hourly_cost": Key("What an hour of an annotator costs, for the report; null: not told", 18.5, _WAGE),
    "annotation.currency": Key("In which currency", "EUR", matching(r"[A-Z]{3}", "three capitals, as in ISO 4217", 3)),
    "gold.share": Key(
        "Of what an annotator claims, the share that is known already (`trueup gold add`), to see how good they are; "
        "they cannot tell",
        0.05,
        between(0, 0.5),
    ),
    "gold.retire_after": Key("How many annotators are asked about each at most", 200, between(1, 10_000)),
    "gold.window": Key("How many of the newest gold answers say how an annotator stands", 20, between(5, 200)),
    "gold.min_answers": Key("So many they must be, or nothing is said", 10, between(1, 200)),
    "gold.warn_below": Key("Below this share of right ones the annotator is told", 0.8, between(0, 1)),
    "gold.train_below": Key(
        "Below this one they get gold tasks alone, and see what is known, until they are right often enough; "
        "null: never",
        0.65,
        Allowed("0 to 1, or null", lambda value: value is None or 0 <= value <= 1),
    ),
    "gold.suspend_below": Key("Below this one they get no tasks until a lead says so", 0.5, between(0, 1)),
    "gold.requeue": Key("Whether one more person is then asked about labels that rest on them", True),
    "annotation.deadline_hours": Key(
        "When a task of the project's own queue is overdue, and comes before others; null: never", 72, _HOURS
    ),
    "annotation.queues": Key(
        "Queues beside the project's own, for a language, a skill, or what is urgent; a task goes into the first that "
        "wants it",
        [{"name": "north", "slices": ["eu-north"], "groups": ["nordic"], "priority": 1, "deadline_hours": 24}],
        _QUEUES,
    ),
    "annotation.queues[].name": Key("Names it", "north", _QUEUE_NAME),
    "annotation.queues[].slices": Key("Slices of `selection.slice_by` that it wants", ["eu-north"], _WANTED),
    "annotation.queues[].classes": Key("Predicted classes that it wants", ["billing"], _WANTED),
    "annotation.queues[].reasons": Key("Reasons to ask that it wants", ["override"], _WANTED),
    "annotation.queues[].groups": Key("Groups of the user pool that work on it; none: everybody", ["nordic"], _WANTED),
    "annotation.queues[].priority": Key("Higher ones come first; the project's own has 0", 1, between(-100, 100)),
    "annotation.queues[].deadline_hours": Key(
        "After so many hours a task of it is overdue, and comes before others; null: never", 24, _HOURS
    ),
    "annotation.models": Key(
        "Language models of Amazon Bedrock that answer beside people, one for each task at most; their skill is "
        "measured as anybody's",
        [{"name": "nova", "model_id": "us.amazon.nova-pro-v1:0", "per_day": 500}],
        _MODELS,
    ),
    "annotation.models[].name": Key("Names it: its answers are signed model:<name>", "nova", _MODEL_NAME),
    "annotation.models[].model_id": Key(
        "A foundation model, an inference profile, or the ARN of one that you made",
        "us.amazon.nova-pro-v1:0",
        _MODEL_ID,
    ),
    "annotation.models[].per_day": Key("How many answers it may give in a day (UTC)", 500, between(0, 1_000_000)),
    "annotation.models[].instructions": Key(
        "What it is told beside the guidelines", "Answer for the customer, not for the company.", _INSTRUCTIONS
    ),
    "consensus.method": Key("How answers become a label", "dawid-skene", named_in(METHODS)),
    "consensus.overlap": Key("People asked about a sample at first", 3, between(1, 9)),
    "consensus.max_overlap": Key("People asked before a reviewer decides; not below `overlap`", 5, between(1, 15)),
    "consensus.target": Key("Posterior at which a label is sure enough", 0.95, between(0.5, 1, below=True)),
    "consensus.min_gain": Key(
        "By how much another answer has to raise the posterior in expectation; else a reviewer decides at once",
        0.02,
        between(0, 0.5),
    ),
    "consensus.max_skips": Key("After so many people passed a task on, a reviewer decides", 3, between(1, 20)),
    "consensus.lease_seconds": Key("How long a task is an annotator's", 600, between(30, 43_200)),
    "commit.batch": Key("Settled labels that make a version at once", 50, between(1, 10_000)),
    "commit.max_age_seconds": Key(
        "… or the age of the oldest that waits; looked at every `schedule_minutes`", 3600, between(1, _MONTH)
    ),
    "commit.validation_share": Key("Share of samples in the validation split", 0.1, between(0, 1, below=True)),
    "commit.test_share": Key(
        "Share of samples in the test split; with the validation split it leaves something for training",
        0.2,
        between(0, 1, above=True, below=True),
    ),
    "commit.splits.method": Key(
        "How new groups are split: by their hash, by time, or so that every class has its shares (docs/splits.md)",
        "stratified",
        named_in(SPLITTERS),
    ),
    "commit.splits.salt": Key("Makes another draw of the methods group and stratified", "2026", _SALT),
    "commit.splits.near_duplicates": Key("Whether inputs that hardly differ stay in one split", True),
    "commit.splits.test_from": Key("Of method time: what came from this day on (UTC) tests", "2026-10-01", _DATE),
    "commit.splits.validation_from": Key("… and what came from this day on validates", "2026-09-01", _DATE),
    "commit.splits.test_days": Key(
        "Of method time, instead of dates: the days before a commit whose samples test", 30, between(1, 3660)
    ),
    "commit.splits.validation_days": Key("… and the days before these whose samples validate", 14, between(0, 3660)),
    "dataset.keep_versions": Key(
        "The newest versions of each branch keep their content; with neither this nor `keep_days`, all do. Tagged "
        "versions, those that a training used, and parents of what is kept keep it in any case",
        200,
        between(1, MANY),
    ),
    "dataset.keep_days": Key(
        "… as do those that are younger; what neither keeps is collected once a day, a day later",
        365,
        between(1, 36_600),
    ),
    "triggers.min_new_labels": Key(
        "Fires at so many labels since the last training; null never", 200, between(1, MANY)
    ),
    "triggers.new_class_min_labels": Key(
        "Fires at so many labels of a class that the model does not know; null never", 10, between(1, MANY)
    ),
    "triggers.every_seconds": Key(
        "Fires so long after the last run, when there is a new label; null never", 604_800, between(60, _YEAR)
    ),
    "triggers.action": Key("What follows: a retraining, or only a notice", "notify"),
    "gate.metric": Key("What candidate and champion are compared by", "macro_recall"),
    "gate.min_improvement": Key("What the candidate must gain; negative tolerates a loss", 0.0, between(-1, 1)),
    "gate.max_class_recall_drop": Key("What any class may lose of its recall", 0.1, between(0, 1)),
    "gate.min_test_samples": Key("Fewer test samples than this decide nothing: refused", 50, between(1, MANY)),
    "gate.confidence": Key(
        "Refused when worse at this confidence (McNemar's exact test)",
        0.9,
        between(0.5, 1, below=True),
    ),
    "gate.test": Key(
        "The frozen test set (`trueup dataset freeze`) that candidate and champion are compared on; null: the test "
        "split of the run's version",
        "frozen-2026-11",
        _FROZEN_NAME,
    ),
    "training.image": Key(
        "Image that trains and serves; null is SageMaker's scikit-learn image of the Region",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        _IMAGE,
    ),
    "training.instance_type": Key("What training and evaluation jobs run on", "ml.m5.large", _INSTANCE),
    "training.max_runtime_seconds": Key(
        "When a job, of training or of evaluation, is stopped", 3600, between(60, MAX_RUNTIME_SECONDS)
    ),
    "training.hyperparameters": Key("Given to the training script, values as JSON texts", {"epochs": "20"}, _SCRIPT),
    "training.approval": Key("Whether a person approves a candidate that passed the gate", "manual"),
    "training.canary.percent": Key("Share of the capacity that the new model takes first", 10, between(1, 50)),
    "training.canary.wait_seconds": Key("How long it is watched before it takes the rest", 300, between(0, 3600)),
    "training.canary.alarm_names": Key(
        "Alarms of yours that roll it back, beside trueup's two (5xx errors and latency of variant `AllTraffic`)",
        ["tickets-errors"],
        _ALARMS,
    ),
    "ground_truth.workteam_arn": Key(
        "The work team that `backend` ground_truth asks; after another one, its jobs are stopped and read to their end",
        "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/pets",
        _WORKTEAM,
    ),
    "ground_truth.batch": Key("Tasks in a labeling job", 100, between(1, MAX_BATCH)),
    "ground_truth.streaming": Key(
        "Whether tasks go one by one to a job that goes on, instead of a job for each batch", True
    ),
    "ground_truth.answer_price": Key(
        "What the vendor of the work team takes for an answer, in USD, for the report; 0 for people of your own",
        0.25,
        between(0, 1000),
    ),
    "label_studio.url": Key(
        "The server that `backend` label_studio asks; after another one, its open tasks are called back",
        "https://labels.example.com",
        _STUDIO,
    ),
    "label_studio.secret": Key(
        "The secret of Secrets Manager, in this account and Region, that holds an access token of it",
        "trueup/label-studio",
        _SECRET,
    ),
    "label_studio.batch": Key("Tasks that are sent there at a time", 100, between(1, MAX_BATCH)),
    "lineage.sagemaker": Key(
        "Whether retrainings are mirrored into SageMaker Lineage: the version, the run, the model, the endpoint", True
    ),
    "lineage.openlineage.transport": Key(
        "How OpenLineage events leave: to a server, or onto trueup's own bus (docs/openlineage.md)", "http"
    ),
    "lineage.openlineage.url": Key(
        "The server, which transport http needs", "https://marquez.example.com", _OPENLINEAGE
    ),
    "lineage.openlineage.endpoint": Key("Where it takes events", "api/v1/lineage", _LINEAGE_PATH),
    "lineage.openlineage.secret": Key(
        "The secret of Secrets Manager, in this account and Region, that holds its key; null: it wants none",
        "trueup/openlineage",
        _SECRET,
    ),
    "lineage.openlineage.namespace": Key(
        "The namespace of the jobs, in which they are called <project>.train and alike; null: trueup://<stage>",
        "trueup://prod",
        _NAMESPACE,
    ),
}
