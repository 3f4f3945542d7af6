"""Builds what operating a deployment needs beyond looking at it: redriving, ruling, importing, diagnosing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import botocore.session
from botocore.exceptions import BotoCoreError

from trueup.adapters.aws.athena import AthenaSamples
from trueup.adapters.aws.buckets import S3Quarantine
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.dead_letters import SqsDeadLetters
from trueup.adapters.aws.failure_notes import DynamoFailureNotes
from trueup.adapters.aws.gold_store import DynamoGoldStore, DynamoStandingStore
from trueup.adapters.aws.health import AwsHealth
from trueup.adapters.aws.label_sources import AwsLabelSources
from trueup.adapters.aws.ledgers import (
    DynamoBatchStore,
    DynamoGuidelineStore,
    DynamoQueueStandings,
    DynamoReportStore,
)
from trueup.adapters.aws.model_registry import SageMakerRegistry
from trueup.adapters.aws.objects import S3Objects
from trueup.adapters.aws.replays import LambdaReplays
from trueup.adapters.aws.stored_parts import S3StoredParts
from trueup.adapters.integrations.duck import DuckSamples
from trueup.adapters.local_files import local_spill
from trueup.errors import ConfigurationError
from trueup.lineage.whereabouts import Whereabouts
from trueup.model import DatasetVersion, LabelledSample
from trueup.settings import lineage_namespace
from trueup.usecases.backfill_captures import BackfillCaptures
from trueup.usecases.blame_label import BlameLabel
from trueup.usecases.bring_by_many import BringByMany
from trueup.usecases.bring_labels import BringLabels
from trueup.usecases.check_receipts import CheckReceipts
from trueup.usecases.collect_garbage import CollectGarbage
from trueup.usecases.describe_lineage import DescribeLineage
from trueup.usecases.diagnose import Diagnose, Place
from trueup.usecases.edit_guidelines import EditGuidelines
from trueup.usecases.find_project import project_named
from trueup.usecases.find_version import FindVersion
from trueup.usecases.forget_samples import ForgetSamples
from trueup.usecases.keep_gold import KeepGold
from trueup.usecases.manage_queue import ManageQueue
from trueup.usecases.merge_versions import MergeVersions
from trueup.usecases.name_versions import NameVersions
from trueup.usecases.put_feedback import PutFeedback
from trueup.usecases.redrive_messages import RedriveMessages, Ward
from trueup.usecases.replay_quarantine import ReplayQuarantine
from trueup.usecases.report_quality import ReportQuality
from trueup.usecases.revert_versions import RevertVersions
from trueup.usecases.rule_on_candidate import RuleOnCandidate
from trueup.usecases.run_bulk import RunBulk
from trueup.usecases.show_corrections import ShowCorrections
from trueup.usecases.show_log import ShowLog
from trueup.usecases.split_dataset import SplitDataset
from trueup.usecases.stage_labels import StageLabels
from trueup.wiring.forgetting import check_receipts, forget_samples
from trueup.wiring.operator import Operator, operator


@dataclass(frozen=True)
class Operations(Operator):
    """A deployment with everything that the command line does to it."""

    @property
    def redrive(self) -> RedriveMessages:
        queues, dead = self.deployment.queues, self.deployment.dlqs
        wards = {name: Ward(dead=url, live=queues.get(name)) for name, url in dead.items()}
        wards |= {
            f"annotation-{name}": Ward(dead=each.annotation_dlq_url, live=each.annotation_queue_url, project=name)
            for name, each in self.deployed.items()
        }
        for name, each in self.deployed.items():
            wards |= {
                f"annotation-{name}-{queue}": Ward(dead=url, live=each.queues.get(queue), project=name)
                for queue, url in each.dlqs.items()
            }
        letters = SqsDeadLetters(self.clients["sqs"], DynamoFailureNotes(self.table))
        return RedriveMessages(letters=letters, replays=LambdaReplays(self.clients), wards=wards)

    @property
    def rule(self) -> RuleOnCandidate:
        return RuleOnCandidate(runs=self.runs, rulings=SageMakerRegistry(self.clients["sagemaker"]))

    @property
    def manage(self) -> ManageQueue:
        return ManageQueue(self.projects, self.tasks, DynamoQueueStandings(self.table), self.clock)

    @property
    def report(self) -> ReportQuality:
        reports = DynamoReportStore(self.table)
        gold, standings = DynamoGoldStore(self.table), DynamoStandingStore(self.table)
        return ReportQuality(
            projects=self.projects,
            tasks=self.tasks,
            skills=self.skills,
            reports=reports,
            gold=gold,
            standings=standings,
            batches=DynamoBatchStore(self.table),
            manage=self.manage,
            clock=self.clock,
        )

    @property
    def guidelines(self) -> EditGuidelines:
        return EditGuidelines(self.projects, DynamoGuidelineStore(self.table), self.clock)

    @property
    def corrections(self) -> ShowCorrections:
        return ShowCorrections(self.projects, self.tasks, self.datasets, self.lineage)

    @property
    def keep_gold(self) -> KeepGold:
        gold, standings = DynamoGoldStore(self.table), DynamoStandingStore(self.table)
        return KeepGold(self.projects, self.datasets, gold, standings, self.clock)

    @property
    def backfill(self) -> BackfillCaptures:
        return BackfillCaptures(workflows=self.workflows)

    @property
    def replay(self) -> ReplayQuarantine:
        return ReplayQuarantine(quarantine=S3Quarantine(self.clients["s3"], self.deployment.dataset_bucket))

    @property
    def find_version(self) -> FindVersion:
        return FindVersion(datasets=self.datasets, refs=self.refs)

    @property
    def name_versions(self) -> NameVersions:
        return NameVersions(datasets=self.datasets, refs=self.refs, clock=self.clock)

    @property
    def split_dataset(self) -> SplitDataset:
        return SplitDataset(projects=self.projects, datasets=self.datasets, names=self.name_versions, clock=self.clock)

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
            stored=S3StoredParts(self.clients["s3"], self.deployment.dataset_bucket),
            clock=self.clock,
        )

    @property
    def bulk(self) -> RunBulk:
        return RunBulk(workflows=self.workflows, clock=self.clock)

    @property
    def athena(self) -> AthenaSamples:
        place = self.deployment
        return AthenaSamples(self.clients["athena"], workgroup=place.workgroup, database=place.database)

    def sql(self, versions: Iterable[tuple[DatasetVersion, Iterable[LabelledSample]]]) -> DuckSamples:
        return DuckSamples(versions)

    @property
    def put_feedback(self) -> PutFeedback:
        return PutFeedback(projects=self.projects, feedback=self.feedback, clock=self.clock)

    def describe_lineage(self, namespace: str) -> DescribeLineage:
        return DescribeLineage(
            lambda name: self._whereabouts(name, namespace), self.datasets, self.runs, DynamoReportStore(self.table)
        )

    def _whereabouts(self, name: str, namespace: str) -> Whereabouts:
        project, deployment = project_named(self.projects, name), self.deployment
        _, partition, _, _, account, _ = deployment.sagemaker_role_arn.split(":", 5)
        return Whereabouts(
            stage=deployment.stage,
            project=project,
            namespace=namespace or lineage_namespace(deployment.stage, project),
            dataset_bucket=deployment.dataset_bucket,
            captures_bucket=deployment.captures_bucket,
            sagemaker=f"arn:{partition}:sagemaker:{deployment.region}:{account}",
        )

    @property
    def sources(self) -> AwsLabelSources:
        return AwsLabelSources(self.clients["s3"], self.clients["sagemaker"])

    @property
    def bring(self) -> BringLabels:
        return BringLabels(projects=self.projects, make=self.import_labels)

    @property
    def bring_by_many(self) -> BringByMany:
        return BringByMany(StageLabels(self.bring, local_spill), self.bulk, self.datasets)

    @property
    def forget(self) -> ForgetSamples:
        return forget_samples(self)

    @property
    def check_receipts(self) -> CheckReceipts:
        return check_receipts(self)

    @property
    def objects(self) -> S3Objects:
        return S3Objects(self.clients["s3"])


def operations(stage: str, clients: Clients | None = None) -> Operations:
    """Find a deployment by its stage. Raises NotFoundError, ConfigurationError (no region)."""
    found = operator(stage, clients or _clients())
    return Operations(deployment=found.deployment, deployed=found.deployed, clients=found.clients)


def diagnose(stage: str, clients: Clients | None = None) -> Diagnose:
    """Raises ConfigurationError (no region): without one there is no AWS to ask."""
    clients = clients or _clients()

    def find() -> Place:
        place = operations(stage, clients)
        return Place(deployment=place.deployment, deployed=place.deployed, ledger=place.ledger, clock=place.clock)

    return Diagnose(health=AwsHealth(clients), find=find)


def _clients() -> Clients:
    """botocore looks at AWS_DEFAULT_REGION alone; AWS_REGION goes first, as in the AWS CLI and the other SDKs."""
    session = botocore.session.Session()
    try:
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    except BotoCoreError as error:
        raise ConfigurationError(f"AWS is not configured: {error}") from error
    if region is None:
        raise ConfigurationError("no AWS region is set: export AWS_REGION")
    session.set_config_variable("region", region)
    return Clients(session)
