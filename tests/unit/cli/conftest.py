"""A desk of fakes: the command line runs as it is, over a loop that lives in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from tests.worlds import NOW, Loop, project
from trueup.adapters.integrations.duck import DuckSamples
from trueup.adapters.local_files import LocalExportSink, local_spill
from trueup.adapters.memory import (
    FixedClock,
    MemoryAnnotationQueue,
    MemoryCaptureLedger,
    MemoryDatasetStore,
    MemoryEndpointAdmin,
    MemoryExportSink,
    MemoryFeedbackStore,
    MemoryLineageStore,
    MemoryPayloadStore,
    MemoryQuarantine,
    MemoryRegistry,
    MemoryRunStore,
    MemoryTaskStore,
    MemoryWorkflows,
)
from trueup.adapters.memory_operations import (
    MemoryDeadLetters,
    MemoryHealth,
    MemoryLabelSources,
    MemoryObjects,
    MemoryReplays,
)
from trueup.adapters.memory_refs import MemoryRefStore, MemoryStoredParts
from trueup.cli.app import app
from trueup.cli.desk import Desk
from trueup.errors import NotFoundError
from trueup.lineage.whereabouts import Whereabouts
from trueup.model import Champion, DatasetVersion, LabelledSample, ModelPackage, Project, RetrainingRun, RunStatus
from trueup.ports import EndpointState, ExportSink, Journal, LabelingOutput, QueueState, StackState
from trueup.settings import DeployedProject, Deployment
from trueup.usecases.asking_again import AskAgain
from trueup.usecases.attach_endpoint import AttachEndpoint
from trueup.usecases.backfill_captures import BackfillCaptures
from trueup.usecases.blame_label import BlameLabel
from trueup.usecases.bring_by_many import BringByMany
from trueup.usecases.bring_labels import BringLabels
from trueup.usecases.bulk.exporting import Exports
from trueup.usecases.bulk.run import BulkVersions, in_memory
from trueup.usecases.check_receipts import CheckReceipts
from trueup.usecases.collect_garbage import CollectGarbage
from trueup.usecases.compare_models import CompareModels
from trueup.usecases.credit_annotators import CreditAnnotators
from trueup.usecases.decide_retraining import DecideRetraining
from trueup.usecases.describe_lineage import DescribeLineage
from trueup.usecases.diagnose import STACKS, Diagnose, MachineFacts, Place
from trueup.usecases.edit_guidelines import EditGuidelines
from trueup.usecases.export_version import ExportVersion
from trueup.usecases.find_version import FindVersion
from trueup.usecases.forget_samples import ForgetSamples
from trueup.usecases.freeze_test import FreezeTest
from trueup.usecases.import_labels import ImportLabels
from trueup.usecases.keep_gold import KeepGold
from trueup.usecases.making_versions import view_of
from trueup.usecases.manage_queue import ManageQueue
from trueup.usecases.merge_versions import MergeVersions
from trueup.usecases.migrate_labels import MigrateLabels
from trueup.usecases.name_versions import NameVersions
from trueup.usecases.put_feedback import PutFeedback
from trueup.usecases.redrive_messages import RedriveMessages, Ward
from trueup.usecases.replay_quarantine import ReplayQuarantine
from trueup.usecases.report_quality import ReportQuality
from trueup.usecases.revert_versions import RevertVersions
from trueup.usecases.rule_on_candidate import RuleOnCandidate
from trueup.usecases.run_bulk import RunBulk
from trueup.usecases.show_corrections import ShowCorrections
from trueup.usecases.show_lineage import ShowLineage
from trueup.usecases.show_log import ShowLog
from trueup.usecases.split_dataset import SplitDataset
from trueup.usecases.stage_labels import StageLabels
from trueup.usecases.submit_annotation import Submission
from trueup.usecases.trace_label import TraceLabel

_HASH = re.compile(r"\b[0-9a-f]{16,64}\b")
GOLDEN = Path(__file__).with_name("golden")
FACTS = MachineFacts(python=(3, 12, 1), node=(22, 3, 0), uv="0.9.1", free_bytes=50_000_000_000)
QUEUES = ("backend", "commit", "decide", "feedback", "ingest", "promote", "settle")


@dataclass
class FakeDeployed:
    """A deployment of the project `pets`, whose loop is in memory."""

    loop: Loop
    deployment: Deployment
    deployed: dict[str, DeployedProject]
    projects: Mapping[str, Project]
    endpoints: MemoryEndpointAdmin = field(default_factory=MemoryEndpointAdmin)
    letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    replays: MemoryReplays = field(default_factory=MemoryReplays)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    health: MemoryHealth = field(default_factory=MemoryHealth)
    sinks: dict[str, MemoryExportSink] = field(default_factory=dict)
    jobs: dict[str, LabelingOutput] = field(default_factory=dict)

    def sql(self, versions: Iterable[tuple[DatasetVersion, Iterable[LabelledSample]]]) -> DuckSamples:
        return DuckSamples(versions)

    @property
    def bulk(self) -> RunBulk:
        """The workflow itself, done at once."""
        exports = Exports(self.export_version, self.sink, self.deployment.dataset_bucket)
        steps = BulkVersions(self.projects, self.datasets, exports, self.clock, 2)
        return RunBulk(MemoryWorkflows(lambda document: in_memory(steps, document)), self.clock, sleep=lambda _: None)

    @property
    def athena(self) -> DuckSamples:
        found = self.datasets.versions("pets")
        return DuckSamples((each, view_of(self.datasets, "pets", each)) for each in found)

    @property
    def clock(self) -> FixedClock:
        return self.loop.clock

    @property
    def ledger(self) -> MemoryCaptureLedger:
        return self.loop.ledger

    @property
    def feedback(self) -> MemoryFeedbackStore:
        return self.loop.feedback

    @property
    def put_feedback(self) -> PutFeedback:
        return self.loop.put_feedback

    @property
    def payloads(self) -> MemoryPayloadStore:
        return self.loop.payloads

    @property
    def tasks(self) -> MemoryTaskStore:
        return self.loop.tasks

    @property
    def queue(self) -> MemoryAnnotationQueue:
        return self.loop.queue

    @property
    def datasets(self) -> MemoryDatasetStore:
        return self.loop.datasets

    @property
    def refs(self) -> MemoryRefStore:
        return self.loop.refs

    @property
    def find_version(self) -> FindVersion:
        return FindVersion(datasets=self.datasets, refs=self.refs)

    @property
    def name_versions(self) -> NameVersions:
        return NameVersions(datasets=self.datasets, refs=self.refs, clock=self.clock)

    @property
    def log(self) -> ShowLog:
        return ShowLog(datasets=self.datasets, refs=self.refs, blame=self.blame)

    @property
    def blame(self) -> BlameLabel:
        return BlameLabel(datasets=self.datasets, refs=self.refs, lineage=self.lineage, tasks=self.tasks)

    @property
    def merge(self) -> MergeVersions:
        return MergeVersions(projects=self.projects, datasets=self.datasets, refs=self.refs, clock=self.clock)

    @property
    def revert(self) -> RevertVersions:
        return RevertVersions(projects=self.projects, datasets=self.datasets, refs=self.refs, clock=self.clock)

    @property
    def collect(self) -> CollectGarbage:
        return CollectGarbage(
            projects=self.projects,
            datasets=self.datasets,
            refs=self.refs,
            runs=self.runs,
            lineage=self.lineage,
            stored=MemoryStoredParts(self.datasets),
            clock=self.clock,
        )

    @property
    def lineage(self) -> MemoryLineageStore:
        return self.loop.lineage

    @property
    def show_lineage(self) -> ShowLineage:
        return self.loop.show_lineage

    @property
    def trace(self) -> TraceLabel:
        return self.loop.trace

    @property
    def credit(self) -> CreditAnnotators:
        return self.loop.credit

    @property
    def compare(self) -> CompareModels:
        return self.loop.compare

    @property
    def runs(self) -> MemoryRunStore:
        return self.loop.runs

    @property
    def registry(self) -> MemoryRegistry:
        return self.loop.registry

    @property
    def attach(self) -> AttachEndpoint:
        return AttachEndpoint(endpoints=self.endpoints)

    @property
    def import_labels(self) -> ImportLabels:
        return ImportLabels(
            projects=self.projects,
            payloads=self.payloads,
            datasets=self.datasets,
            clock=self.clock,
            tasks=self.tasks,
        )

    @property
    def export_version(self) -> ExportVersion:
        return ExportVersion(projects=self.projects, datasets=self.datasets, payloads=self.payloads)

    def sink(self, place: str) -> ExportSink:
        if place.startswith("s3://"):
            return self.sinks.setdefault(place, MemoryExportSink(place))
        return LocalExportSink(Path(place))

    @property
    def sources(self) -> MemoryLabelSources:
        return MemoryLabelSources(self.objects, self.jobs)

    @property
    def bring(self) -> BringLabels:
        return BringLabels(projects=self.projects, make=self.import_labels)

    @property
    def bring_by_many(self) -> BringByMany:
        return BringByMany(StageLabels(self.bring, local_spill), self.bulk, self.datasets)

    @property
    def freeze_test(self) -> FreezeTest:
        return FreezeTest(projects=self.projects, datasets=self.datasets, clock=self.clock)

    @property
    def split_dataset(self) -> SplitDataset:
        return SplitDataset(projects=self.projects, datasets=self.datasets, names=self.name_versions, clock=self.clock)

    @property
    def migrate_labels(self) -> MigrateLabels:
        return MigrateLabels(projects=self.projects, datasets=self.datasets, clock=self.clock, ask=self.ask_again)

    @property
    def ask_again(self) -> AskAgain:
        return AskAgain(tasks=self.tasks, queue=self.queue, payloads=self.payloads, clock=self.clock)

    @property
    def decide(self) -> DecideRetraining:
        return self.loop.decide

    @property
    def forget(self) -> ForgetSamples:
        return self.loop.forget

    @property
    def check_receipts(self) -> CheckReceipts:
        loop = self.loop
        return CheckReceipts(self.projects, loop.receipts, loop.signer, loop.datasets)

    @property
    def backfill(self) -> BackfillCaptures:
        return BackfillCaptures(workflows=self.loop.workflows)

    @property
    def replay(self) -> ReplayQuarantine:
        return ReplayQuarantine(quarantine=MemoryQuarantine(self.loop.archive))

    @property
    def rule(self) -> RuleOnCandidate:
        return RuleOnCandidate(runs=self.runs, rulings=self.registry)

    @property
    def report(self) -> ReportQuality:
        return self.loop.report

    @property
    def guidelines(self) -> EditGuidelines:
        return self.loop.guidelines

    @property
    def corrections(self) -> ShowCorrections:
        return self.loop.corrections

    @property
    def keep_gold(self) -> KeepGold:
        return self.loop.keep_gold

    @property
    def manage(self) -> ManageQueue:
        return self.loop.manage

    def describe_lineage(self, namespace: str) -> DescribeLineage:
        place = Whereabouts(
            stage="dev",
            project=self.loop.config,
            namespace=namespace or "trueup://dev",
            dataset_bucket=self.deployment.dataset_bucket,
            captures_bucket=self.deployment.captures_bucket,
            sagemaker="arn:aws:sagemaker:us-east-1:111122223333",
        )
        return DescribeLineage(lambda _: place, self.datasets, self.runs, self.loop.reports)

    @property
    def redrive(self) -> RedriveMessages:
        wards = {
            name: Ward(dead=url, live=self.deployment.queues.get(name)) for name, url in self.deployment.dlqs.items()
        }
        wards |= {
            f"annotation-{name}": Ward(dead=each.annotation_dlq_url, live=each.annotation_queue_url, project=name)
            for name, each in self.deployed.items()
        }
        return RedriveMessages(letters=self.letters, replays=self.replays, wards=wards)


@dataclass
class Terminal:
    """Runs `trueup …` over a deployment of fakes."""

    place: FakeDeployed
    facts: MachineFacts = FACTS
    embedded: Any = None
    stage: str = "dev"

    def __call__(self, *arguments: str, keys: str | None = None) -> Result:
        desk = Desk(
            connect=self._connect, diagnose=self._diagnose, facts=lambda: self.facts, embedded=lambda: self.embedded
        )
        return CliRunner(env={"TRUEUP_STAGE": self.stage, "NO_COLOR": "1", "COLUMNS": None}).invoke(
            app, list(arguments), obj=desk, input=keys
        )

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What --json says; nothing else may stand on stdout."""
        result = self(*arguments, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def _connect(self, stage: str) -> FakeDeployed:
        if stage != self.place.deployment.stage:
            raise NotFoundError(f"no trueup deployment of stage {stage!r} in us-east-1")
        return self.place

    def _diagnose(self, stage: str) -> Diagnose:
        def find() -> Place:
            found = self._connect(stage)
            return Place(deployment=found.deployment, deployed=found.deployed, ledger=found.ledger, clock=found.clock)

        return Diagnose(health=self.place.health, find=find)


@pytest.fixture
def place() -> FakeDeployed:
    """A deployment where nothing has happened yet, and nothing is wrong."""
    loop = Loop(project(title="Pets in words"))
    deployed = DeployedProject(
        name="pets",
        endpoint_name="pets",
        annotation_queue_url="https://sqs/annotation-pets",
        annotation_dlq_url="https://sqs/annotation-pets-dead",
        model_package_group="trueup-pets",
        capture_uri="s3://captures/pets",
    )
    place = FakeDeployed(
        loop=loop, deployment=_deployment(), deployed={"pets": deployed}, projects={"pets": loop.config}
    )
    _serve(place)
    _thrive(place)
    return place


@pytest.fixture
def lived(place: FakeDeployed) -> FakeDeployed:
    """The same, after a life: five captures, three settled labels in v1, two open tasks, one of them in ben's hands,
    and a run whose candidate waits for approval."""
    loop = place.loop
    loop.ingest(loop.capture(5))
    for name in ("ada", "ben"):
        for _ in range(4):
            _answer(loop, name)
    loop.commit("pets", "three labels settled", force=True)
    loop.clock.advance(120)
    loop.claim("pets", "ben")
    head = loop.datasets.head("pets")
    assert head is not None
    run = RetrainingRun(
        project="pets",
        run_id="v1-0123abcd",
        status=RunStatus.RUNNING,
        version_id=head.version_id,
        rule="count",
        reason="3 new labels, 3 wanted",
        started_at=loop.clock.now(),
    )
    loop.runs.begin(run, Journal(at=run.started_at))
    waiting = msgspec.structs.replace(
        run,
        status=RunStatus.AWAITING_APPROVAL,
        training_job="trueup-pets-v1-0123abcd",
        model_package_arn="arn:aws:sagemaker:us-east-1:111122223333:model-package/trueup-pets/1",
        outcome="better than the champion",
        metrics={"candidate_accuracy": 0.93, "champion_accuracy": 0.81},
    )
    loop.runs.save(waiting, Journal(at=run.started_at))
    loop.registry.packages[waiting.model_package_arn or ""] = ModelPackage(
        arn=waiting.model_package_arn or "",
        group="trueup-pets",
        approval="PendingManualApproval",
        image="image:1",
        model_data_url="s3://models/model.tar.gz",
    )
    return place


@pytest.fixture
def trueup(place: FakeDeployed) -> Terminal:
    return Terminal(place)


def check_golden(name: str, document: Any) -> None:
    """Compare with a file that a person has read; a missing one is written, and the test fails once."""
    document = _masked(document)
    path = GOLDEN / f"{name}.json"
    text = json.dumps(document, indent=2) + "\n"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        pytest.fail(f"wrote {path.name}: read it and commit it")
    assert json.loads(path.read_text()) == document


def _masked(document: Any) -> Any:
    """Ids follow from content of other rooms, which may change without the command line's doing."""
    return json.loads(_HASH.sub("<hash>", json.dumps(document)))


def fake_service(running: Any = None) -> Any:
    """The embedded AWS as the verbs see it."""
    return SimpleNamespace(status=lambda state: running)


def _answer(loop: Loop, name: str) -> None:
    claimed = loop.claim("pets", name)
    assert claimed is not None
    loop.clock.advance(1)
    loop.submit(
        Submission(
            project="pets",
            task_id=claimed.task.task_id,
            annotator=name,
            label="cat",
            lease_token=claimed.lease.token,
            seconds_spent=1.5,
        )
    )
    loop.settle("pets", claimed.task.task_id)


def _serve(place: FakeDeployed) -> None:
    place.endpoints.configs["pets-first"] = {
        "EndpointConfigName": "pets-first",
        "EndpointConfigArn": "arn:memory:endpoint-config/pets-first",
        "CreationTime": NOW.isoformat(),
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "ModelName": "pets-first",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 2,
            }
        ],
        "KmsKeyId": "arn:aws:kms:us-east-1:111122223333:key/theirs",
        "Tags": [{"Key": "cost-centre", "Value": "42"}],
    }
    place.endpoints.serving["pets"] = "pets-first"
    place.loop.registry.champions["pets"] = Champion(
        endpoint_name="pets",
        endpoint_config="pets-first",
        model_name="pets-first",
        model_data_url="s3://theirs/model.tar.gz",
        image="scikit-learn",
        variant="AllTraffic",
    )


def _thrive(place: FakeDeployed) -> None:
    """Everything that the doctor looks at is in order."""
    health, there = place.health, place.deployment
    health.stack_states = [StackState(name=f"trueup-dev-{each}", status="CREATE_COMPLETE") for each in STACKS]
    health.queues = {
        url: QueueState(messages=0, consumers={f"fn-{name}": "Enabled"}) for name, url in there.queues.items()
    }
    health.queues |= {url: QueueState(messages=0) for url in there.dlqs.values()}
    health.queues[place.deployed["pets"].annotation_dlq_url] = QueueState(messages=0)
    health.streams = {there.table: {"fn-publish": "Enabled"}}
    health.endpoints = {
        "pets": EndpointState(
            status="InService",
            config="pets-trueup",
            capture_uri="s3://captures/pets",
            capture_status="Started",
            sampling=100,
        )
    }


def _deployment() -> Deployment:
    return Deployment(
        stage="dev",
        region="us-east-1",
        table="trueup-table",
        captures_bucket="captures",
        dataset_bucket="dataset",
        bus="trueup-bus",
        key_arn="arn:aws:kms:us-east-1:111122223333:key/ours",
        api_url="https://api.example.com",
        workbench_url="https://workbench.example.com",
        workbench_bucket="workbench",
        workbench_headers={},
        user_pool_id="us-east-1_pool",
        user_pool_client_id="client",
        queues={name: f"https://sqs/{name}" for name in QUEUES},
        dlqs={name: f"https://sqs/{name}-dead" for name in (*QUEUES, "failures")},
        retraining_machine_arn="arn:aws:states:us-east-1:111122223333:stateMachine:retraining",
        promotion_machine_arn="arn:aws:states:us-east-1:111122223333:stateMachine:promotion",
        backfill_machine_arn="arn:aws:states:us-east-1:111122223333:stateMachine:backfill",
        sagemaker_role_arn="arn:aws:iam::111122223333:role/sagemaker",
        code_uri="s3://dataset/code/abc/sourcedir.tar.gz",
        image_uri="scikit-learn",
        topic_arn="arn:aws:sns:us-east-1:111122223333:notices",
        dashboard="trueup-dev",
        database="trueup_dev",
        bulk_machine_arn="arn:bulk",
        workgroup="trueup-dev",
        projects=("pets",),
    )
