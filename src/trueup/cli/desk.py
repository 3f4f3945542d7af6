"""What a verb works with. The command line hands the real one over, a test one of fakes; nothing is patched."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import typer

from trueup.errors import ConflictError, InputError, NotFoundError

if TYPE_CHECKING:
    from trueup.model import DatasetVersion, LabelledSample, Project
    from trueup.ports import (
        AnnotationQueue,
        CaptureLedger,
        Clock,
        DatasetStore,
        ExportSink,
        FeedbackStore,
        LabelSources,
        LineageStore,
        ModelRegistry,
        ObjectReader,
        PayloadStore,
        RefStore,
        RunStore,
        SampleSql,
        TaskStore,
    )
    from trueup.settings import DeployedProject, Deployment
    from trueup.usecases.attach_endpoint import AttachEndpoint
    from trueup.usecases.backfill_captures import BackfillCaptures
    from trueup.usecases.blame_label import BlameLabel
    from trueup.usecases.bring_by_many import BringByMany
    from trueup.usecases.bring_labels import BringLabels
    from trueup.usecases.check_receipts import CheckReceipts
    from trueup.usecases.collect_garbage import CollectGarbage
    from trueup.usecases.compare_models import CompareModels
    from trueup.usecases.credit_annotators import CreditAnnotators
    from trueup.usecases.decide_retraining import DecideRetraining
    from trueup.usecases.describe_lineage import DescribeLineage
    from trueup.usecases.diagnose import Diagnose, MachineFacts
    from trueup.usecases.edit_guidelines import EditGuidelines
    from trueup.usecases.export_version import ExportVersion
    from trueup.usecases.find_version import FindVersion
    from trueup.usecases.forget_samples import ForgetSamples
    from trueup.usecases.freeze_test import FreezeTest
    from trueup.usecases.import_labels import ImportLabels
    from trueup.usecases.keep_gold import KeepGold
    from trueup.usecases.manage_queue import ManageQueue
    from trueup.usecases.merge_versions import MergeVersions
    from trueup.usecases.migrate_labels import MigrateLabels
    from trueup.usecases.name_versions import NameVersions
    from trueup.usecases.put_feedback import PutFeedback
    from trueup.usecases.redrive_messages import RedriveMessages
    from trueup.usecases.replay_quarantine import ReplayQuarantine
    from trueup.usecases.report_quality import ReportQuality
    from trueup.usecases.revert_versions import RevertVersions
    from trueup.usecases.rule_on_candidate import RuleOnCandidate
    from trueup.usecases.run_bulk import RunBulk
    from trueup.usecases.show_corrections import ShowCorrections
    from trueup.usecases.show_lineage import ShowLineage
    from trueup.usecases.show_log import ShowLog
    from trueup.usecases.split_dataset import SplitDataset
    from trueup.usecases.trace_label import TraceLabel


class Deployed(Protocol):
    """A deployment as the verbs see it; wiring.operations builds the real one."""

    @property
    def deployment(self) -> Deployment: ...
    @property
    def deployed(self) -> Mapping[str, DeployedProject]: ...
    @property
    def projects(self) -> Mapping[str, Project]: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def ledger(self) -> CaptureLedger: ...
    @property
    def feedback(self) -> FeedbackStore: ...
    @property
    def put_feedback(self) -> PutFeedback: ...
    @property
    def payloads(self) -> PayloadStore: ...
    @property
    def tasks(self) -> TaskStore: ...
    @property
    def queue(self) -> AnnotationQueue: ...
    @property
    def datasets(self) -> DatasetStore: ...
    @property
    def refs(self) -> RefStore: ...
    @property
    def find_version(self) -> FindVersion: ...
    @property
    def name_versions(self) -> NameVersions: ...
    @property
    def log(self) -> ShowLog: ...
    @property
    def blame(self) -> BlameLabel: ...
    @property
    def merge(self) -> MergeVersions: ...
    @property
    def revert(self) -> RevertVersions: ...
    @property
    def collect(self) -> CollectGarbage: ...
    @property
    def lineage(self) -> LineageStore: ...
    @property
    def show_lineage(self) -> ShowLineage: ...
    @property
    def trace(self) -> TraceLabel: ...
    @property
    def credit(self) -> CreditAnnotators: ...
    @property
    def compare(self) -> CompareModels: ...
    @property
    def runs(self) -> RunStore: ...
    @property
    def registry(self) -> ModelRegistry: ...
    @property
    def objects(self) -> ObjectReader: ...
    @property
    def sources(self) -> LabelSources: ...
    @property
    def bring(self) -> BringLabels: ...
    @property
    def bring_by_many(self) -> BringByMany: ...
    @property
    def attach(self) -> AttachEndpoint: ...
    @property
    def import_labels(self) -> ImportLabels: ...
    @property
    def export_version(self) -> ExportVersion: ...
    def sink(self, place: str) -> ExportSink: ...
    @property
    def freeze_test(self) -> FreezeTest: ...
    @property
    def split_dataset(self) -> SplitDataset: ...
    @property
    def migrate_labels(self) -> MigrateLabels: ...
    @property
    def decide(self) -> DecideRetraining: ...
    @property
    def redrive(self) -> RedriveMessages: ...
    @property
    def rule(self) -> RuleOnCandidate: ...
    @property
    def manage(self) -> ManageQueue: ...
    @property
    def guidelines(self) -> EditGuidelines: ...
    @property
    def corrections(self) -> ShowCorrections: ...
    @property
    def keep_gold(self) -> KeepGold: ...
    @property
    def report(self) -> ReportQuality: ...
    @property
    def forget(self) -> ForgetSamples: ...
    @property
    def check_receipts(self) -> CheckReceipts: ...
    @property
    def backfill(self) -> BackfillCaptures: ...
    @property
    def replay(self) -> ReplayQuarantine: ...
    @property
    def bulk(self) -> RunBulk: ...
    @property
    def athena(self) -> SampleSql: ...
    def sql(self, versions: Iterable[tuple[DatasetVersion, Iterable[LabelledSample]]]) -> SampleSql: ...
    def describe_lineage(self, namespace: str) -> DescribeLineage:
        """The namespace of jobs, or as the projects are configured where it is empty."""
        ...


@dataclass(frozen=True)
class Desk:
    """`connect` finds the deployment of a stage, `diagnose` what looks for trouble in it, `facts` what this machine
    offers, `embedded` the module that runs the embedded AWS. Each is called only by the verbs that need it.
    `workbench_url` is where the embedded AWS serves what CloudFront serves on AWS."""

    connect: Callable[[str], Deployed]
    diagnose: Callable[[str], Diagnose]
    facts: Callable[[], MachineFacts]
    embedded: Callable[[], Any]
    stage: str = "dev"
    workbench_url: str | None = None

    def look(self) -> Deployed:
        return self.connect(self.stage)


def real_desk() -> Desk:
    return Desk(
        connect=_connect,
        diagnose=_diagnose,
        facts=_facts,
        embedded=_embedded,
        workbench_url=os.environ.get("TRUEUP_WORKBENCH_URL"),
    )


def desk_of(context: typer.Context) -> Desk:
    desk: Desk = context.obj
    return desk


def projects_of(look: Deployed, name: str) -> list[str]:
    """The named project, or all of them. Raises NotFoundError."""
    names = sorted(look.deployed)
    if not name:
        return names
    if name not in names:
        raise NotFoundError(f"there is no project {name!r}; projects: {', '.join(names)}")
    return [name]


def project_of(look: Deployed, name: str) -> str:
    """The named project, or the only one. Raises NotFoundError, InputError when a choice is needed."""
    names = projects_of(look, name)
    if len(names) != 1:
        told = ", ".join(names)
        raise InputError(
            f"there are several projects: add --project, or set TRUEUP_PROJECT, with one of {told}", field="--project"
        )
    return names[0]


def me() -> str:
    """Who does it: an operator, by the name of their account on this machine."""
    return f"operator:{getpass.getuser()}"


def confirm(question: str, yes: bool) -> None:
    """Go on only when a person says so. Raises ConflictError (declined), InputError (nobody is there to ask)."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(f"{question} Nobody is at the keyboard to say so: add --yes", field="--yes")
    if not typer.confirm(question, err=True):
        raise ConflictError("left as it was")


def _connect(stage: str) -> Deployed:
    from trueup.wiring.operations import operations

    return operations(stage)


def _diagnose(stage: str) -> Diagnose:
    from trueup.wiring.operations import diagnose

    return diagnose(stage)


def _facts() -> MachineFacts:
    from trueup.cli.facts import machine_facts

    return machine_facts()


def _embedded() -> Any:
    from trueup.local import service

    return service
