"""Builders that tests share: records with sensible values, and a whole loop on fakes."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec

from trueup.adapters.memory import (
    FixedClock,
    MemoryAnnotationQueue,
    MemoryBatchStore,
    MemoryCaptureArchive,
    MemoryCaptureLedger,
    MemoryCaptureListing,
    MemoryDatasetStore,
    MemoryFeedbackStore,
    MemoryGoldStore,
    MemoryGuidelineStore,
    MemoryKnowledgeStore,
    MemoryLineageStore,
    MemoryPayloadStore,
    MemoryQueueStandings,
    MemoryRegistry,
    MemoryReportStore,
    MemoryRunStore,
    MemorySkillStore,
    MemoryStandingStore,
    MemoryTaskStore,
    MemoryWorkflows,
    World,
)
from trueup.adapters.memory_forgetting import (
    MemoryCaptureRewriter,
    MemoryForgettingStore,
    MemoryObjectEraser,
    MemoryReceiptBook,
    MemoryReceiptSigner,
)
from trueup.adapters.memory_refs import MemoryRefStore
from trueup.adapters.memory_tables import MemorySegmentTables
from trueup.annotation.tasks import open_task
from trueup.lineage.edges import asked, captured
from trueup.model import (
    CaptureFile,
    LabelClass,
    LabelSchema,
    Prediction,
    Project,
    Sample,
    Selection,
    content_id,
)
from trueup.ports import Opening
from trueup.settings import parse_project
from trueup.usecases.answer_feedback import AnswerFeedback
from trueup.usecases.claim_task import ClaimTask
from trueup.usecases.commit_version import CommitVersion
from trueup.usecases.compare_models import CompareModels
from trueup.usecases.compare_variants import CompareVariants
from trueup.usecases.copy_tables import CopyTables
from trueup.usecases.credit_annotators import CreditAnnotators
from trueup.usecases.decide_retraining import DecideRetraining
from trueup.usecases.edit_guidelines import EditGuidelines
from trueup.usecases.find_model import FindModel
from trueup.usecases.forget_samples import ForgetSamples
from trueup.usecases.ingest_captures import IngestCaptures
from trueup.usecases.join_feedback import JoinFeedback
from trueup.usecases.keep_gold import KeepGold
from trueup.usecases.label_history import LabelHistory
from trueup.usecases.manage_queue import ManageQueue
from trueup.usecases.put_feedback import PutFeedback
from trueup.usecases.report_quality import ReportQuality
from trueup.usecases.resolve_subject import ResolveSubject
from trueup.usecases.score_gold import ScoreGold
from trueup.usecases.serve_gold import ServeGold
from trueup.usecases.settle_consensus import SettleConsensus
from trueup.usecases.show_corrections import ShowCorrections
from trueup.usecases.show_lineage import ShowLineage
from trueup.usecases.submit_annotation import SubmitAnnotation
from trueup.usecases.trace_label import TraceLabel

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
CLASSES = ("cat", "dog", "fox")
SCHEMA = LabelSchema(media="text", classes=tuple(LabelClass(name=each) for each in CLASSES))


def project(**changes: Any) -> Project:
    raw = {
        "name": "pets",
        "endpoint_name": "pets",
        "label_schema": {"media": "text", "classes": [{"name": each} for each in CLASSES]},
        "selection": {"rate": 1.0, "audit_share": 0.0},
        "consensus": {"overlap": 2, "max_overlap": 4},
        "commit": {"batch": 3},
        "triggers": {"min_new_labels": 3},
    }
    return parse_project({**raw, **changes}, "trueup.projects[0]")


def opening(number: int = 1, event: str = "e", config: Project | None = None, score: float = 0.5) -> Opening:
    config = config or project()
    sample_id = content_id("sample", str(number))
    sample = Sample(
        project=config.name,
        sample_id=sample_id,
        content_type="text/plain",
        size=3,
        payload_uri=f"memory://{config.name}/payloads/{sample_id}",
        group=sample_id,
        first_seen=NOW,
    )
    selection = Selection(
        project=config.name,
        sample_id=sample_id,
        event_id=f"{event}-{number}",
        index=0,
        capture_uri="s3://captures/file.jsonl",
        capture_line=number,
        strategy="margin",
        score=score,
        threshold=0.1,
        propensity=1.0,
        reason="high margin score",
        policy_version="abc",
        prediction=Prediction(classes=CLASSES, probabilities=(0.5, 0.3, 0.2)),
        selected_at=NOW,
    )
    task = open_task(config.name, sample, selection, NOW, config)
    return Opening(sample=sample, selection=selection, task=task, edges=(*captured(selection), *asked(selection, task)))


def capture_line(number: int, probabilities: list[float] | None = None, text: str | None = None) -> bytes:
    body = (text if text is not None else f"text {number}").encode()
    record = {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/plain",
                "mode": "INPUT",
                "data": base64.b64encode(body).decode(),
                "encoding": "BASE64",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": json.dumps({"probabilities": probabilities or [0.4, 0.35, 0.25]}),
                "encoding": "JSON",
            },
        },
        "eventMetadata": {"eventId": f"event-{number}", "inferenceTime": "2026-11-24T09:00:00Z"},
        "eventVersion": "0",
    }
    return json.dumps(record).encode()


def capture_half(number: int, side: str) -> bytes:
    """A line that holds one side of an event: endpointInput or endpointOutput."""
    record = json.loads(capture_line(number))
    record["captureData"] = {side: record["captureData"][side]}
    return json.dumps(record).encode()


def capture_file(name: str = "a") -> CaptureFile:
    key = f"pets/pets/AllTraffic/2026/11/24/09/{name}.jsonl"
    return CaptureFile(project="pets", endpoint="pets", variant="AllTraffic", bucket="captures", key=key)


@dataclass
class Loop:
    """A project's whole loop on fakes."""

    config: Project = field(default_factory=project)
    repeats: int = 0
    disorder: Random | None = None

    def __post_init__(self) -> None:
        self.world = World()
        self.clock = FixedClock(NOW)
        self.archive = MemoryCaptureArchive()
        self.ledger = MemoryCaptureLedger(self.world)
        self.payloads = MemoryPayloadStore()
        self.tasks = MemoryTaskStore(self.world)
        self.queue = MemoryAnnotationQueue(self.clock, self.repeats, self.disorder)
        self.standings = MemoryQueueStandings(self.world)
        self.skills = MemorySkillStore()
        self.reports = MemoryReportStore()
        self.gold = MemoryGoldStore()
        self.people = MemoryStandingStore(self.world)
        self.knowledge = MemoryKnowledgeStore()
        self.datasets = MemoryDatasetStore(self.world, self.clock)
        self.refs = MemoryRefStore(self.world)
        self.lineage = MemoryLineageStore(self.world)
        self.runs = MemoryRunStore(self.world)
        self.workflows = MemoryWorkflows()
        self.registry = MemoryRegistry()
        self.projects = projects = {self.config.name: self.config}
        self.ingest = IngestCaptures(
            projects,
            self.archive,
            self.ledger,
            self.payloads,
            self.tasks,
            self.queue,
            self.clock,
            self.knowledge,
            CompareVariants(MemoryCaptureListing(self.archive), self.archive),
            self.standings,
            self.runs,
        )
        self.feedback = MemoryFeedbackStore(self.world)
        self.put_feedback = PutFeedback(projects, self.feedback, self.clock)
        self.join_feedback = JoinFeedback(
            projects=projects,
            feedback=self.feedback,
            listing=MemoryCaptureListing(self.archive),
            archive=self.archive,
            ledger=self.ledger,
            answer=AnswerFeedback(
                self.feedback, self.payloads, self.tasks, self.ledger, self.queue, self.clock, self.runs
            ),
            clock=self.clock,
        )
        serve = ServeGold(projects, self.tasks, self.gold, self.clock)
        self.claim = ClaimTask(projects, self.tasks, self.queue, self.clock, self.standings, serve, self.people)
        self.keep_gold = KeepGold(projects, self.datasets, self.gold, self.people, self.clock)
        self.score = ScoreGold(self.tasks, self.gold, self.people, self.queue, self.clock)
        self.submit = SubmitAnnotation(projects, self.tasks, self.queue, self.clock)
        self.guidelines = EditGuidelines(projects, MemoryGuidelineStore(self.world), self.clock)
        self.corrections = ShowCorrections(projects, self.tasks, self.datasets, self.lineage)
        self.manage = ManageQueue(projects, self.tasks, self.standings, self.clock)
        self.batches = MemoryBatchStore(self.world)
        self.report = ReportQuality(
            projects=projects,
            tasks=self.tasks,
            skills=self.skills,
            reports=self.reports,
            gold=self.gold,
            standings=self.people,
            batches=self.batches,
            manage=self.manage,
            clock=self.clock,
        )
        self.settle = SettleConsensus(projects, self.tasks, self.skills, self.queue, self.clock, self.score)
        self.commit = CommitVersion(
            projects, self.tasks, self.datasets, self.clock, self.knowledge, self.payloads, self.reports
        )
        self.show_lineage = ShowLineage(projects, self.lineage, self.datasets)
        history = LabelHistory(self.tasks, self.lineage, self.datasets)
        self.trace = TraceLabel(projects, history, self.tasks, self.lineage, self.runs)
        self.find_model = FindModel(projects, self.datasets, self.runs, self.lineage, self.clock)
        self.credit = CreditAnnotators(self.find_model, self.runs, self.skills)
        self.compare = CompareModels(self.find_model, self.datasets, self.runs)
        self.decide = DecideRetraining(projects, self.datasets, self.runs, self.workflows, self.clock)
        self.forgetting = MemoryForgettingStore(self.world, self.tasks, self.gold, self.feedback, self.datasets)
        self.eraser = MemoryObjectEraser(self.world, self.datasets, self.payloads, self.archive)
        self.rewriter = MemoryCaptureRewriter(self.archive)
        self.receipts = MemoryReceiptBook(self.world)
        self.signer = MemoryReceiptSigner()
        self.copy = CopyTables(self.datasets, MemorySegmentTables(self.datasets), self.receipts)
        self.forget = ForgetSamples(
            projects=projects,
            resolve=ResolveSubject(
                tasks=self.tasks,
                datasets=self.datasets,
                lineage=self.lineage,
                registry=self.registry,
                runs=self.runs,
                forgetting=self.forgetting,
                objects=self.eraser,
                listing=MemoryCaptureListing(self.archive),
                captures=self.rewriter,
                clock=self.clock,
            ),
            datasets=self.datasets,
            forgetting=self.forgetting,
            objects=self.eraser,
            captures=self.rewriter,
            knowledge=self.knowledge,
            batches=self.batches,
            receipts=self.receipts,
            signer=self.signer,
            clock=self.clock,
        )

    def capture(self, count: int, name: str = "a", first: int = 1) -> CaptureFile:
        file = capture_file(name)
        lines = [capture_line(number) for number in range(first, first + count)]
        self.archive.files[file.uri] = b"".join(line + b"\n" for line in lines)
        return file

    def state(self) -> dict[str, Any]:
        """What the loop ended in, for comparing two histories."""
        return {
            "tasks": msgspec.to_builtins(sorted(self.tasks._tasks.items())),
            "edges": sorted("|".join(key) for key in self.world.edges),
            "events": sorted(each.event_type for each in self.world.outbox),
        }
