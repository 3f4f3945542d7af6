"""What an operator looks at: alarms to a topic, notices of the loop, the dashboard, and where everything is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk.aws_cloudwatch import (
    Alarm,
    ComparisonOperator,
    Dashboard,
    GraphWidget,
    IMetric,
    IWidget,
    MathExpression,
    Metric,
    TextWidget,
    TreatMissingData,
)
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_events import EventField, EventPattern, Rule, RuleTargetInput
from aws_cdk.aws_events_targets import SnsTopic
from aws_cdk.aws_kms import Key
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sns_subscriptions import EmailSubscription
from aws_cdk.aws_sqs import Queue
from aws_cdk.aws_ssm import ParameterTier, StringParameter
from constructs import Construct

from infra.constructs.loop_function import LoopFunction
from infra.constructs.loop_queue import LoopQueue
from infra.constructs.platform import Platform
from infra.stacks.annotation import AnnotationStack
from infra.stacks.dataset import DatasetStack
from infra.stacks.ingest import IngestStack
from infra.stacks.retraining import RetrainingStack
from trueup.events import SOURCE
from trueup.settings import DeployedProject, Deployment, Project, deployment_parameter, lane_of, project_parameter

NOTICES = ("RetrainingAdvised", "RetrainingConcluded", "ModelPromoted", "PromotionFailed", "ReviewRequested")
_NAMESPACE = "trueup"
_OLD_MESSAGE_SECONDS = 3600
_ENOUGH_CAPTURES = 100


@dataclass(frozen=True)
class Rooms:
    """The other stacks."""

    ingest: IngestStack
    annotation: AnnotationStack
    dataset: DatasetStack
    retraining: RetrainingStack

    @property
    def functions(self) -> dict[str, LoopFunction]:
        return {
            "capture_ingest": self.ingest.capture_ingest,
            "feedback_join": self.ingest.feedback_join,
            "event_publish": self.ingest.event_publish,
            "annotation_api": self.annotation.annotation_api,
            "backend_sync": self.annotation.backend_sync,
            "consensus_settle": self.dataset.consensus_settle,
            "dataset_commit": self.dataset.dataset_commit,
            "dataset_collect": self.dataset.dataset_collect,
            "quality_report": self.dataset.quality_report,
            "version_part": self.dataset.bulk.function,
            "table_copy": self.dataset.tables.function,
            "retrain_decide": self.retraining.retrain_decide,
            "version_freeze": self.retraining.version_freeze,
            "candidate_evaluate": self.retraining.candidate_evaluate,
            "retraining_conclude": self.retraining.retraining_conclude,
            "model_promote": self.retraining.model_promote,
            **({"capture_translate": self.ingest.translation.function} if self.ingest.translation else {}),
            **({"hint_receive": self.annotation.hints.function} if self.annotation.hints else {}),
            **({"model_annotate": self.annotation.models.function} if self.annotation.models else {}),
            **({"lineage_emit": self.retraining.lineage.function} if self.retraining.lineage else {}),
            **(self.annotation.labeling.functions if self.annotation.labeling else {}),
        }

    @property
    def queues(self) -> dict[str, LoopQueue]:
        """The loop's own work queues, without the projects' annotation queues."""
        return {
            "ingest": self.ingest.queue,
            "feedback": self.ingest.feedback_queue,
            "settle": self.dataset.settle_queue,
            "commit": self.dataset.commit_queue,
            "report": self.dataset.report_queue,
            "collect": self.dataset.collect_queue,
            "tables": self.dataset.tables.queue,
            "decide": self.retraining.decide_queue,
            "promote": self.retraining.promote_queue,
            "backend": self.annotation.sync_queue,
            **({"translate": self.ingest.translation.queue} if self.ingest.translation else {}),
            **({"lineage": self.retraining.lineage.queue} if self.retraining.lineage else {}),
            **({"models": self.annotation.models.queue} if self.annotation.models else {}),
        }


class OperationsStack(Stack):
    def __init__(self, scope: Construct, id: str, *, platform: Platform, rooms: Rooms) -> None:  # noqa: A002
        super().__init__(scope, id)
        self._platform = platform
        self._rooms = rooms
        key = Key.from_key_arn(self, "Key", platform.key.key_arn)
        self.topic = Topic(self, "Notices", master_key=key, enforce_ssl=True)
        if platform.config.alarm_email:
            self.topic.add_subscription(EmailSubscription(platform.config.alarm_email))
        for alarm in self._alarms():
            alarm.add_alarm_action(SnsAction(self.topic))
        self._notify()
        self.dashboard = self._dashboard()
        self._write_parameters()

    def _notify(self) -> None:
        """What a person should hear of, in a sentence."""
        project, kind = EventField.from_path("$.detail.data.project"), EventField.from_path("$.detail-type")
        Rule(
            self,
            "Notify",
            event_bus=self._platform.bus,
            event_pattern=EventPattern(source=[SOURCE], detail_type=list(NOTICES)),
            targets=[
                SnsTopic(
                    self.topic,
                    message=RuleTargetInput.from_text(
                        f"trueup {self._platform.config.stage}: {kind} in project {project}. "
                        f"Details: {EventField.from_path('$.detail.data')}"
                    ),
                )
            ],
        )

    def _alarms(self) -> list[Alarm]:
        alarms = [each.stuck_alarm(self, f"Stuck-{name}") for name, each in self._rooms.queues.items()]
        for name, queue in self._rooms.annotation.queues.items():
            alarms.append(queue.stuck_alarm(self, f"StuckAnnotation-{name.replace('/', '-')}"))
        failures = Queue.from_queue_arn(self, "Failures", self._platform.failures.queue_arn)
        waiting = failures.metric_approximate_number_of_messages_visible()
        alarms.append(self._above("FailuresWaiting", waiting, 0, "A call failed for good: trueup redrive failures"))
        for name, function in self._rooms.functions.items():
            errors = function.function.metric_errors()
            alarms.append(self._above(f"Errors-{name}", errors, 0, f"Function {name} raised: see its log group"))
        for name, queue in self._rooms.queues.items():
            age = queue.queue.metric_approximate_age_of_oldest_message()
            alarms.append(
                self._above(f"Age-{name}", age, _OLD_MESSAGE_SECONDS, f"Queue {name}: work waits for an hour")
            )
        machines = (self._rooms.retraining.retraining, self._rooms.retraining.promotion, self._rooms.ingest.backfill)
        for machine in machines:
            says = f"Workflow {machine.node.id} failed: see its execution"
            alarms.append(self._above(f"Failed-{machine.node.id}", machine.metric_failed(), 0, says))
        stream_age = self._rooms.ingest.event_publish.function.metric("IteratorAge", statistic="Maximum")
        says = "Events leave an hour late: see the log of event_publish"
        alarms.append(self._above("OutboxAge", stream_age, _OLD_MESSAGE_SECONDS * 1000, says))
        for each in self._platform.config.projects:
            quarantined = _count("CapturesQuarantined", each)
            says = f"Captures of {each.name} cannot be used: trueup capture quarantine"
            alarms.append(self._above(f"Quarantined-{each.name}", quarantined, 0, says))
            alarms.append(self._lost(each))
        return alarms

    def _lost(self, project: Project) -> Alarm:
        """Data Capture stops without a word, as when the disk of an endpoint fills: what arrives is held against what
        the endpoint counts. Files may come hours late, so half a day must miss half; few requests tell nothing."""
        served = Metric(
            namespace="AWS/SageMaker",
            metric_name="Invocations",
            dimensions_map={"EndpointName": project.endpoint_name, "VariantName": "AllTraffic"},
            statistic="Sum",
        )
        expected = f"served * {project.capture_percent / 100:g}"
        lost = MathExpression(
            expression=f"IF({expected} >= {_ENOUGH_CAPTURES}, 100 * (1 - FILL(seen, 0) / ({expected})), 0)",
            using_metrics={"served": served, "seen": _count("EndpointLines", project)},
            label="captures lost (%)",
            period=Duration.hours(6),
        )
        return Alarm(
            self,
            f"CapturesLost-{project.name}",
            alarm_description=f"Of the requests of {project.endpoint_name} fewer than half arrive as captures",
            metric=lost,
            threshold=50,
            evaluation_periods=2,
            comparison_operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=TreatMissingData.NOT_BREACHING,
        )

    def _above(self, name: str, metric: IMetric, threshold: float, says: str) -> Alarm:
        """`says` stands in the mail: what is wrong, and where to look (docs/operating.md)."""
        return Alarm(
            self,
            name,
            alarm_description=says,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=TreatMissingData.NOT_BREACHING,
        )

    def _dashboard(self) -> Dashboard:
        dashboard = Dashboard(self, "Dashboard", default_interval=Duration.hours(24))
        for each in self._platform.config.projects:
            dashboard.add_widgets(TextWidget(markdown=f"# {each.title or each.name}", width=24, height=1))
            dashboard.add_widgets(*self._project_widgets(each))
        dashboard.add_widgets(TextWidget(markdown="# Health", width=24, height=1))
        dashboard.add_widgets(*self._health_widgets())
        return dashboard

    def _project_widgets(self, project: Project) -> list[IWidget]:
        queue = self._rooms.annotation.queues[project.name].queue
        figures: list[tuple[str, Sequence[IMetric]]] = [
            ("Captures", [_count(each, project) for each in ("Captures", "CapturesQuarantined", "Selected")]),
            ("Open slots", [queue.metric_approximate_number_of_messages_visible()]),
            ("Answers", [_count(each, project) for each in ("Annotations", "VerdictAccepted", "VerdictNeedsReview")]),
            ("Versions", [_count(each, project) for each in ("VersionsCommitted", "LabelsAdded")]),
            ("Feedback", [_count(f"Feedback{each}", project) for each in ("Received", "Asked", "Labelled", "Agreed")]),
            (
                "Retraining",
                [_count(each, project) for each in ("DecisionRetrain", "GatePassed", "GateRefused", "RunPromoted")],
            ),
        ]
        return [GraphWidget(title=title, left=list(metrics), width=8, height=5) for title, metrics in figures]

    def _health_widgets(self) -> list[IWidget]:
        queues, functions = self._rooms.queues.values(), self._rooms.functions.values()
        return [
            GraphWidget(
                title="Dead letters",
                left=[each.dead_letters.metric_approximate_number_of_messages_visible() for each in queues],
                width=8,
            ),
            GraphWidget(
                title="Oldest message (s)",
                left=[each.queue.metric_approximate_age_of_oldest_message() for each in queues],
                width=8,
            ),
            GraphWidget(title="Function errors", left=[each.function.metric_errors() for each in functions], width=8),
        ]

    def _write_parameters(self) -> None:
        """Where everything is, for the CLI."""
        stage = self._platform.config.stage
        StringParameter(
            self,
            "Deployment",
            parameter_name=deployment_parameter(stage),
            string_value=self._json(self._deployment()),
            # Long names bring it over the 4 KB of a standard parameter.
            tier=ParameterTier.INTELLIGENT_TIERING,
        )
        for each in self._platform.config.projects:
            StringParameter(
                self,
                f"Project-{each.name}",
                parameter_name=project_parameter(stage, each.name),
                string_value=self._json(self._project(each)),
            )

    def _deployment(self) -> Deployment:
        platform, rooms = self._platform, self._rooms
        return Deployment(
            stage=platform.config.stage,
            region=self.region,
            table=platform.table.table_name,
            captures_bucket=platform.captures.bucket_name,
            dataset_bucket=platform.dataset.bucket_name,
            bus=platform.bus.event_bus_name,
            key_arn=platform.key.key_arn,
            api_url=rooms.annotation.api.api_endpoint,
            workbench_url=f"https://{rooms.annotation.distribution.distribution_domain_name}",
            workbench_bucket=rooms.annotation.site_bucket.bucket_name,
            workbench_headers=rooms.annotation.headers,
            user_pool_id=rooms.annotation.pool.user_pool_id,
            user_pool_client_id=rooms.annotation.client.user_pool_client_id,
            queues={name: each.queue.queue_url for name, each in rooms.queues.items()},
            dlqs={
                **{name: each.dead_letters.queue_url for name, each in rooms.queues.items()},
                "failures": platform.failures.queue_url,
            },
            retraining_machine_arn=rooms.retraining.retraining.state_machine_arn,
            promotion_machine_arn=rooms.retraining.promotion.state_machine_arn,
            bulk_machine_arn=rooms.dataset.bulk.machine.state_machine_arn,
            backfill_machine_arn=rooms.ingest.backfill.state_machine_arn,
            sagemaker_role_arn=rooms.retraining.role.role_arn,
            code_uri=rooms.dataset.code_uri,
            image_uri=rooms.retraining.image_uri,
            topic_arn=self.topic.topic_arn,
            dashboard=self.dashboard.dashboard_name,
            database=rooms.dataset.tables.database,
            workgroup=rooms.dataset.tables.workgroup,
            projects=tuple(each.name for each in platform.config.projects),
            signing_key_arn=platform.receipts.key_arn,
        )

    def _project(self, project: Project) -> DeployedProject:
        queue = self._rooms.annotation.queues[project.name]
        named = [each.name for each in project.annotation.queues]
        beside = {each: self._rooms.annotation.queues[lane_of(project.name, each)] for each in named}
        return DeployedProject(
            name=project.name,
            endpoint_name=project.endpoint_name,
            annotation_queue_url=queue.queue.queue_url,
            annotation_dlq_url=queue.dead_letters.queue_url,
            queues={name: each.queue.queue_url for name, each in beside.items()},
            dlqs={name: each.dead_letters.queue_url for name, each in beside.items()},
            model_package_group=self._rooms.retraining.groups[project.name].model_package_group_name,
            capture_uri=f"s3://{self._platform.captures.bucket_name}/{project.name}",
        )

    def _json(self, record: Deployment | DeployedProject) -> str:
        fields: Mapping[str, object] = {name: getattr(record, name) for name in record.__struct_fields__}
        return self.to_json_string(json.loads(json.dumps(fields, default=list)))


def _count(name: str, project: Project) -> Metric:
    return Metric(
        namespace=_NAMESPACE,
        metric_name=name,
        dimensions_map={"project": project.name, "service": "trueup"},
        statistic="Sum",
        period=Duration.minutes(5),
    )
