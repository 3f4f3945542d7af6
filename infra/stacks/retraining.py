"""Where models are trained, judged and promoted: two state machines and the functions around them."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk.aws_cloudwatch import Alarm, ComparisonOperator, Metric, TreatMissingData
from aws_cdk.aws_events import EventPattern, Rule, RuleTargetInput, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_sagemaker import CfnModelPackageGroup
from aws_cdk.aws_stepfunctions import StateMachine
from constructs import Construct

from infra import grants as grant
from infra.constructs.fed_function import where_wanted
from infra.constructs.lineage_emission import LineageEmission
from infra.constructs.loop_function import LoopFunction
from infra.constructs.loop_queue import LoopQueue
from infra.constructs.platform import Platform
from infra.constructs.state_machine import state_machine
from infra.images import scikit_learn_image
from trueup.settings import (
    CandidateEvaluateSettings,
    ModelPromoteSettings,
    Project,
    RetrainDecideSettings,
    RetrainingConcludeSettings,
    VersionFreezeSettings,
    model_package_group,
)

_MANAGED_RULES = (
    "StepFunctionsGetEventsForSageMakerTrainingJobsRule",
    "StepFunctionsGetEventsForSageMakerProcessingJobsRule",
)
_LATENCY_ALARM_MICROSECONDS = 2_000_000


class RetrainingStack(Stack):
    def __init__(self, scope: Construct, id: str, *, platform: Platform, code_uri: str) -> None:  # noqa: A002
        super().__init__(scope, id)
        self._platform = platform
        self.groups = {
            each.name: CfnModelPackageGroup(
                self,
                f"Models-{each.name}",
                model_package_group_name=model_package_group(platform.config.stage, each.name),
            )
            for each in platform.config.projects
        }
        self.rollback_alarms = {each.name: self._rollback_alarms(each) for each in platform.config.projects}
        self.image_uri = scikit_learn_image(self)
        self.role = self._sagemaker_role()
        self.version_freeze = self._version_freeze(code_uri)
        self.candidate_evaluate = self._candidate_evaluate()
        self.retraining_conclude = self._retraining_conclude()
        self.retraining = self._machine("Retraining", "retraining.asl.json", self._retraining_grants())
        self.promotion = self._machine("Promotion", "promotion.asl.json", self._promotion_grants())
        self._conclude_what_ended_early()
        self.decide_queue, self.retrain_decide = self._retrain_decide()
        self.promote_queue, self.model_promote = self._model_promote()
        self.lineage = where_wanted(
            platform,
            LineageEmission.wanted,
            lambda projects: LineageEmission(self, "Lineage", platform=platform, projects=projects),
        )

    def _rollback_alarms(self, project: Project) -> list[Alarm]:
        """A canary that answers with errors, or slowly, is rolled back by SageMaker when one of these fires."""
        dimensions = {"EndpointName": project.endpoint_name, "VariantName": "AllTraffic"}

        def alarm(name: str, metric: str, statistic: str, threshold: float) -> Alarm:
            return Alarm(
                self,
                f"{name}-{project.name}",
                alarm_description=f"{metric} of endpoint {project.endpoint_name}: rolls a canary back",
                metric=Metric(
                    namespace="AWS/SageMaker",
                    metric_name=metric,
                    dimensions_map=dimensions,
                    statistic=statistic,
                    period=Duration.minutes(1),
                ),
                threshold=threshold,
                evaluation_periods=1,
                comparison_operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
                treat_missing_data=TreatMissingData.NOT_BREACHING,
            )

        return [
            alarm("Errors", "Invocation5XXErrors", "Sum", 0),
            alarm("Latency", "ModelLatency", "p99", _LATENCY_ALARM_MICROSECONDS),
        ]

    def _sagemaker_role(self) -> Role:
        """What training, evaluation and hosting run as."""
        platform = self._platform
        role = Role(
            self,
            "SageMakerRole",
            assumed_by=ServicePrincipal(
                "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
            ),
        )
        log_groups = self.format_arn(service="logs", resource="log-group:/aws/sagemaker/*")
        statements = [
            grant.read_objects(platform.dataset.bucket_arn),
            grant.write_objects(platform.dataset.bucket_arn),
            grant.list_bucket(platform.dataset.bucket_arn),
            grant.write_objects(platform.captures.bucket_arn),
            grant.use_key(platform.key.key_arn),
            grant.allow(["kms:CreateGrant", "kms:DescribeKey"], [platform.key.key_arn]),
            grant.allow(
                ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                [log_groups],
            ),
            grant.allow(["ecr:GetAuthorizationToken"], ["*"]),
            grant.allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                [f"arn:{self.partition}:ecr:{self.region}:*:repository/*"],
            ),
            PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}},
            ),
        ]
        for each in statements:
            role.add_to_policy(each)
        return role

    def _version_freeze(self, code_uri: str) -> LoopFunction:
        platform = self._platform
        return LoopFunction(
            self,
            "VersionFreeze",
            platform=platform,
            name="version_freeze",
            settings=VersionFreezeSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
                key_arn=platform.key.key_arn,
                sagemaker_role_arn=self.role.role_arn,
                code_uri=code_uri,
                image_uri=self.image_uri,
            ),
            grants=[*self._dataset_grants(), self._describe_endpoints()],
            memory_mb=1024,
        )

    def _candidate_evaluate(self) -> LoopFunction:
        platform = self._platform
        return LoopFunction(
            self,
            "CandidateEvaluate",
            platform=platform,
            name="candidate_evaluate",
            settings=CandidateEvaluateSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                grant.read_objects(platform.dataset.bucket_arn),
                grant.list_bucket(platform.dataset.bucket_arn),
            ],
        )

    def _retraining_conclude(self) -> LoopFunction:
        platform = self._platform
        return LoopFunction(
            self,
            "RetrainingConclude",
            platform=platform,
            name="retraining_conclude",
            settings=RetrainingConcludeSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
            ),
            grants=[grant.read_write_table(platform.table.table_arn)],
            memory_mb=256,
        )

    def _conclude_what_ended_early(self) -> None:
        """An execution that timed out or was aborted never reached its last step, and would hold its project's
        lock for good."""
        machines = [self.retraining.state_machine_arn, self.promotion.state_machine_arn]
        Rule(
            self,
            "WorkflowEndedEarly",
            event_pattern=EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"stateMachineArn": machines, "status": ["FAILED", "TIMED_OUT", "ABORTED"]},
            ),
            targets=[LambdaFunction(self.retraining_conclude.function)],
        )

    def _retrain_decide(self) -> tuple[LoopQueue, LoopFunction]:
        platform = self._platform
        queue = LoopQueue(self, "Decide", key=platform.key, consumer_timeout=Duration.seconds(60))
        queue.fed_by_events(self, "DecideOnEvents", platform.bus, ["VersionCommitted", "RetrainingConcluded"])
        for each in platform.config.projects:
            schedule = Schedule.rate(Duration.minutes(platform.config.schedule_minutes))
            queue.fed_by(
                Rule(self, f"DecideSchedule-{each.name}", schedule=schedule),
                RuleTargetInput.from_object({"project": each.name, "reason": "schedule"}),
            )
        function = LoopFunction(
            self,
            "RetrainDecide",
            platform=platform,
            name="retrain_decide",
            settings=RetrainDecideSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
                retraining_machine_arn=self.retraining.state_machine_arn,
            ),
            grants=[*self._dataset_grants(), grant.start_execution(self.retraining.state_machine_arn)],
        )
        function.consumes(queue, batch_size=5, max_concurrency=2)
        return queue, function

    def _model_promote(self) -> tuple[LoopQueue, LoopFunction]:
        platform = self._platform
        queue = LoopQueue(self, "Promote", key=platform.key, consumer_timeout=Duration.seconds(60))
        queue.fed_by(
            Rule(
                self,
                "ModelPackageRuledOn",
                event_pattern=EventPattern(
                    source=["aws.sagemaker"],
                    detail_type=["SageMaker Model Package State Change"],
                    detail={
                        "ModelPackageGroupName": [each.model_package_group_name for each in self.groups.values()],
                        "ModelApprovalStatus": ["Approved", "Rejected"],
                    },
                ),
            )
        )
        packages = self.format_arn(service="sagemaker", resource="model-package", resource_name="*")
        function = LoopFunction(
            self,
            "ModelPromote",
            platform=platform,
            name="model_promote",
            settings=ModelPromoteSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
                captures_bucket=platform.captures.bucket_name,
                key_arn=platform.key.key_arn,
                sagemaker_role_arn=self.role.role_arn,
                promotion_machine_arn=self.promotion.state_machine_arn,
                rollback_alarms={
                    name: [each.alarm_name for each in alarms] for name, alarms in self.rollback_alarms.items()
                },
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                self._describe_endpoints(),
                grant.allow(["sagemaker:DescribeModelPackage"], [packages]),
                grant.start_execution(self.promotion.state_machine_arn),
            ],
        )
        function.consumes(queue, batch_size=1)
        return queue, function

    def _dataset_grants(self) -> list[PolicyStatement]:
        platform = self._platform
        return [
            grant.read_write_table(platform.table.table_arn),
            grant.read_objects(platform.dataset.bucket_arn),
            grant.write_objects(platform.dataset.bucket_arn),
            grant.list_bucket(platform.dataset.bucket_arn),
        ]

    def _describe_endpoints(self) -> PolicyStatement:
        """An attached endpoint's configuration and models have the names that their owner gave them."""
        endpoints = [
            self.format_arn(service="sagemaker", resource="endpoint", resource_name=each.endpoint_name.lower())
            for each in self._platform.config.projects
        ]
        others = [
            self.format_arn(service="sagemaker", resource=kind, resource_name="*")
            for kind in ("endpoint-config", "model", "model-package")
        ]
        actions = ("DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel", "DescribeModelPackage")
        return grant.allow([f"sagemaker:{each}" for each in actions], [*endpoints, *others])

    def _retraining_grants(self) -> list[PolicyStatement]:
        jobs = [
            self.format_arn(service="sagemaker", resource=kind, resource_name="trueup-*")
            for kind in ("training-job", "processing-job")
        ]
        rules = [self.format_arn(service="events", resource="rule", resource_name=each) for each in _MANAGED_RULES]
        groups = [
            self.format_arn(service="sagemaker", resource=kind, resource_name=f"{each.model_package_group_name}{rest}")
            for each in self.groups.values()
            for kind, rest in (("model-package-group", ""), ("model-package", "/*"))
        ]
        actions = [
            f"sagemaker:{verb}{noun}"
            for noun in ("TrainingJob", "ProcessingJob")
            for verb in ("Create", "Describe", "Stop")
        ]
        return [
            self._invoke(self.version_freeze, self.candidate_evaluate, self.retraining_conclude),
            grant.allow([*actions, "sagemaker:AddTags", "sagemaker:ListTags"], jobs),
            grant.allow(["events:DescribeRule", "events:PutRule", "events:PutTargets"], rules),
            grant.allow(["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"], groups),
            grant.pass_role(self.role.role_arn),
        ]

    def _promotion_grants(self) -> list[PolicyStatement]:
        made = [
            self.format_arn(service="sagemaker", resource=kind, resource_name="trueup-*")
            for kind in ("model", "endpoint-config")
        ]
        endpoints = [
            self.format_arn(service="sagemaker", resource="endpoint", resource_name=each.endpoint_name.lower())
            for each in self._platform.config.projects
        ]
        return [
            self._invoke(self.retraining_conclude),
            grant.allow(["sagemaker:CreateModel", "sagemaker:CreateEndpointConfig", "sagemaker:AddTags"], made),
            grant.allow(["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpoint"], endpoints),
            grant.allow(["sagemaker:UpdateEndpoint"], made[1:]),
            grant.allow(["cloudwatch:DescribeAlarms"], [self.format_arn(service="cloudwatch", resource="alarm:*")]),
            grant.pass_role(self.role.role_arn),
        ]

    def _invoke(self, *functions: LoopFunction) -> PolicyStatement:
        return grant.allow(["lambda:InvokeFunction"], [each.function.function_arn for each in functions])

    def _machine(self, id: str, workflow: str, statements: list[PolicyStatement]) -> StateMachine:  # noqa: A002
        return state_machine(
            self,
            id,
            platform=self._platform,
            workflow=workflow,
            grants=statements,
            substitutions={
                "VersionFreezeFunctionArn": self.version_freeze.function.function_arn,
                "CandidateEvaluateFunctionArn": self.candidate_evaluate.function.function_arn,
                "RetrainingConcludeFunctionArn": self.retraining_conclude.function.function_arn,
            },
        )
