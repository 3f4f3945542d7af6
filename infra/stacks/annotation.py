"""Where people answer: annotation queues, the HTTP API behind Cognito, the workbench, foreign backends."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk.aws_apigatewayv2 import CfnStage, HttpApi, HttpMethod, HttpStage, ThrottleSettings
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from aws_cdk.aws_cloudfront import (
    AllowedMethods,
    BehaviorOptions,
    CachePolicy,
    Distribution,
    HeadersFrameOption,
    HeadersReferrerPolicy,
    OriginRequestPolicy,
    ResponseHeadersContentSecurityPolicy,
    ResponseHeadersContentTypeOptions,
    ResponseHeadersFrameOptions,
    ResponseHeadersPolicy,
    ResponseHeadersReferrerPolicy,
    ResponseHeadersStrictTransportSecurity,
    ResponseSecurityHeadersBehavior,
    SecurityPolicyProtocol,
    ViewerProtocolPolicy,
)
from aws_cdk.aws_cloudfront_origins import HttpOrigin, S3BucketOrigin
from aws_cdk.aws_cognito import (
    AccountRecovery,
    AuthFlow,
    CfnUserPoolGroup,
    Mfa,
    MfaSecondFactor,
    PasswordPolicy,
    UserPool,
    UserPoolClient,
)
from aws_cdk.aws_events import EventPattern, Rule, RuleTargetInput, Schedule
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_kms import Key
from aws_cdk.aws_logs import LogGroup
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, BucketEncryption
from aws_cdk.aws_s3_deployment import BucketDeployment, Source
from aws_cdk.aws_sns import Topic
from constructs import Construct

from infra import grants as grant
from infra.constructs.fed_function import where_wanted
from infra.constructs.labeling_functions import LabelingFunctions
from infra.constructs.labeling_hints import LabelingHints, read_tokens
from infra.constructs.loop_function import LoopFunction, retention_of
from infra.constructs.loop_queue import LoopQueue
from infra.constructs.model_annotation import ModelAnnotation
from infra.constructs.platform import Platform
from infra.nag import acknowledge
from trueup.settings import AnnotationApiSettings, BackendSyncSettings, labeling_topic, lane_of

_LABELING = ("CreateLabelingJob", "DescribeLabelingJob", "StopLabelingJob", "AddTags")
_API_TIMEOUT = Duration.seconds(15)
_SYNC_TIMEOUT = Duration.minutes(5)
# A slot's message comes back each time a lease runs out; only a task that 100 people let lie is stuck.
_MAX_LEASES = 100
GROUPS = ("annotators", "reviewers", "leads", "admins")
ROUTES = (
    (HttpMethod.GET, "/api/projects"),
    (HttpMethod.GET, "/api/projects/{project}"),
    (HttpMethod.POST, "/api/projects/{project}/claims"),
    (HttpMethod.POST, "/api/projects/{project}/tasks/{task}/heartbeat"),
    (HttpMethod.POST, "/api/projects/{project}/tasks/{task}/annotations"),
    (HttpMethod.POST, "/api/projects/{project}/tasks/{task}/skip"),
    (HttpMethod.GET, "/api/projects/{project}/tasks/{task}/payload"),
    (HttpMethod.GET, "/api/projects/{project}/work"),
    (HttpMethod.POST, "/api/projects/{project}/feedback"),
    (HttpMethod.GET, "/api/projects/{project}/reviews"),
    (HttpMethod.GET, "/api/projects/{project}/tasks/{task}"),
    (HttpMethod.POST, "/api/projects/{project}/tasks/{task}/ruling"),
    (HttpMethod.POST, "/api/projects/{project}/tasks/{task}/return"),
    (HttpMethod.GET, "/api/projects/{project}/rulings"),
    (HttpMethod.POST, "/api/projects/{project}/guidelines"),
    (HttpMethod.GET, "/api/projects/{project}/guidelines"),
    (HttpMethod.GET, "/api/projects/{project}/corrections"),
    (HttpMethod.GET, "/api/projects/{project}/report"),
    (HttpMethod.GET, "/api/projects/{project}/lineage"),
    (HttpMethod.POST, "/api/projects/{project}/queue"),
    (HttpMethod.POST, "/api/projects/{project}/tasks/{task}/priority"),
)


class AnnotationStack(Stack):
    def __init__(self, scope: Construct, id: str, *, platform: Platform, site: Path) -> None:  # noqa: A002
        super().__init__(scope, id)
        self._platform = platform
        self._key = Key.from_key_arn(self, "Key", platform.key.key_arn)
        lanes = [(each.name, "") for each in platform.config.projects]
        lanes += [(each.name, queue.name) for each in platform.config.projects for queue in each.annotation.queues]
        self.queues = {lane_of(*each): self._annotation_queue(*each) for each in lanes}
        self.pool, self.client = self._people()
        self.annotation_api = self._annotation_api()
        self.api, self.api_stage = self._api()
        self.site_bucket, self.distribution, self.headers = self._workbench()
        self._publish(site)
        self.models = where_wanted(
            platform,
            ModelAnnotation.wanted,
            lambda projects: ModelAnnotation(
                self, "ModelAnnotation", platform=platform, projects=projects, annotation_queues=self.queues
            ),
        )
        self.labeling_topics = {
            each.name: Topic(
                self,
                f"Labeling-{each.name}",
                topic_name=labeling_topic(platform.config.stage, each.name),
                master_key=self._key,
                enforce_ssl=True,
            )
            for each in platform.config.projects
            if each.ground_truth is not None and each.ground_truth.streaming
        }
        self.labeling = where_wanted(
            platform,
            LabelingFunctions.wanted,
            lambda projects: LabelingFunctions(self, "LabelingFunctions", platform=platform, projects=projects),
        )
        self.labeling_role, self.sync_queue, self.backend_sync = self._backends()
        self.hints = where_wanted(
            platform,
            LabelingHints.wanted,
            lambda projects: LabelingHints(
                self,
                "LabelingHints",
                platform=platform,
                projects=projects,
                api=self.api,
                stage=self.api_stage,
                sync_queue=self.sync_queue,
            ),
        )

    def _annotation_queue(self, project: str, name: str) -> LoopQueue:
        return LoopQueue(
            self,
            f"Annotation-{project}" + (f"-{name}" if name else ""),
            key=self._platform.key,
            consumer_timeout=_API_TIMEOUT,
            max_receives=_MAX_LEASES,
        )

    def _people(self) -> tuple[UserPool, UserPoolClient]:
        pool = UserPool(
            self,
            "People",
            self_sign_up_enabled=False,
            account_recovery=AccountRecovery.EMAIL_ONLY,
            mfa=Mfa.OPTIONAL,
            mfa_second_factor=MfaSecondFactor(otp=True, sms=False),
            password_policy=PasswordPolicy(
                min_length=12, require_digits=True, require_lowercase=True, require_symbols=True, require_uppercase=True
            ),
            removal_policy=RemovalPolicy.DESTROY if self._platform.config.destroy else RemovalPolicy.RETAIN,
        )
        acknowledge(pool, "COG2", "MFA is offered to everybody; whether it is required is the deploying team's policy.")
        acknowledge(pool, "COG3", "Threat protection needs Cognito's paid Plus tier; the pool has no self sign-up.")
        acknowledge(pool, "COG8", "The Plus tier costs per user and is the deploying team's choice.")
        for name in GROUPS:
            CfnUserPoolGroup(self, f"Group-{name}", user_pool_id=pool.user_pool_id, group_name=name)
        client = pool.add_client(
            "Workbench",
            auth_flows=AuthFlow(user_password=True, user_srp=True),
            generate_secret=False,
            prevent_user_existence_errors=True,
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(1),
        )
        return pool, client

    def _annotation_api(self) -> LoopFunction:
        platform = self._platform
        return LoopFunction(
            self,
            "AnnotationApi",
            platform=platform,
            name="annotation_api",
            settings=AnnotationApiSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
                annotation_queue_urls={name: each.queue.queue_url for name, each in self.queues.items()},
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                *[
                    grant.read_objects(platform.dataset.bucket_arn, f"{each.name}/payloads/")
                    for each in platform.config.projects
                ],
                grant.work_queues([each.queue.queue_arn for each in self.queues.values()]),
            ],
            timeout=_API_TIMEOUT,
        )

    def _api(self) -> tuple[HttpApi, CfnStage]:
        issuer = f"https://cognito-idp.{self.region}.amazonaws.com/{self.pool.user_pool_id}"
        authorizer = HttpJwtAuthorizer("People", issuer, jwt_audience=[self.client.user_pool_client_id])
        api = HttpApi(self, "Api", create_default_stage=False)
        integration = HttpLambdaIntegration("AnnotationApi", self.annotation_api.function)
        for method, path in ROUTES:
            api.add_routes(path=path, methods=[method], integration=integration, authorizer=authorizer)
        stage = HttpStage(
            self,
            "Stage",
            http_api=api,
            stage_name="$default",
            auto_deploy=True,
            throttle=ThrottleSettings(rate_limit=200, burst_limit=400),
        )
        logs = LogGroup(
            self,
            "ApiAccess",
            retention=retention_of(self._platform.config.log_retention_days),
            encryption_key=self._key,
            removal_policy=RemovalPolicy.DESTROY if self._platform.config.destroy else RemovalPolicy.RETAIN,
        )
        raw = stage.node.default_child
        if not isinstance(raw, CfnStage):
            raise TypeError("the stage has no CloudFormation resource")
        fields = ("requestId", "identity.sourceIp", "requestTime", "routeKey", "status", "responseLength")
        line = ",".join(f'"{each}":"$context.{each}"' for each in fields)
        raw.access_log_settings = CfnStage.AccessLogSettingsProperty(
            destination_arn=logs.log_group_arn, format=f"{{{line}}}"
        )
        return api, raw

    def _workbench(self) -> tuple[Bucket, Distribution, dict[str, str]]:
        platform = self._platform
        bucket = Bucket(
            self,
            "Site",
            encryption=BucketEncryption.S3_MANAGED,
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            server_access_logs_bucket=platform.access_logs,
            server_access_logs_prefix="site/",
            removal_policy=RemovalPolicy.DESTROY,
        )
        images = f"https://{platform.dataset.bucket_regional_domain_name}"
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
            f"connect-src 'self' https://cognito-idp.{self.region}.amazonaws.com {images}; "
            f"img-src 'self' {images}; media-src {images}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        headers = ResponseHeadersPolicy(
            self,
            "Headers",
            security_headers_behavior=ResponseSecurityHeadersBehavior(
                content_security_policy=ResponseHeadersContentSecurityPolicy(
                    content_security_policy=policy, override=True
                ),
                content_type_options=ResponseHeadersContentTypeOptions(override=True),
                frame_options=ResponseHeadersFrameOptions(frame_option=HeadersFrameOption.DENY, override=True),
                referrer_policy=ResponseHeadersReferrerPolicy(
                    referrer_policy=HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(365), include_subdomains=True, override=True
                ),
            ),
        )
        distribution = Distribution(
            self,
            "Workbench",
            default_root_object="index.html",
            minimum_protocol_version=SecurityPolicyProtocol.TLS_V1_2_2021,
            enable_logging=True,
            log_bucket=Bucket.from_bucket_name(self, "Logs", platform.access_logs.bucket_name),
            log_file_prefix="workbench/",
            default_behavior=BehaviorOptions(
                origin=S3BucketOrigin.with_origin_access_control(bucket),
                viewer_protocol_policy=ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                response_headers_policy=headers,
                cache_policy=CachePolicy.CACHING_OPTIMIZED,
            ),
            additional_behaviors={
                "/api/*": BehaviorOptions(
                    origin=HttpOrigin(f"{self.api.api_id}.execute-api.{self.region}.{self.url_suffix}"),
                    viewer_protocol_policy=ViewerProtocolPolicy.HTTPS_ONLY,
                    allowed_methods=AllowedMethods.ALLOW_ALL,
                    cache_policy=CachePolicy.CACHING_DISABLED,
                    origin_request_policy=OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
                )
            },
        )
        acknowledge(distribution, "CFR1", "Annotators may sit anywhere; a geographic limit is the team's choice.")
        acknowledge(
            distribution, "CFR2", "A web ACL costs a fixed fee; the API behind it is authenticated and throttled."
        )
        acknowledge(
            distribution, "CFR4", "The default cloudfront.net certificate fixes the policy; a custom domain lifts it."
        )
        return bucket, distribution, {"content-security-policy": policy}

    def _publish(self, site: Path) -> None:
        config = {
            "region": self.region,
            "userPoolId": self.pool.user_pool_id,
            "userPoolClientId": self.client.user_pool_client_id,
            "cognitoEndpoint": f"https://cognito-idp.{self.region}.amazonaws.com/",
            "apiBase": "/api",
            "stage": self._platform.config.stage,
        }
        BucketDeployment(
            self,
            "Publish",
            destination_bucket=self.site_bucket,
            sources=[Source.asset(str(site)), Source.json_data("config.json", config)],
            distribution=self.distribution,
            distribution_paths=["/*"],
        )

    def _backends(self) -> tuple[Role, LoopQueue, LoopFunction]:
        platform = self._platform
        role = Role(
            self,
            "LabelingRole",
            assumed_by=ServicePrincipal("sagemaker.amazonaws.com", conditions=_only_from(self.account)),
        )
        for each in (
            grant.read_objects(platform.dataset.bucket_arn),
            grant.write_objects(platform.dataset.bucket_arn),
            grant.list_bucket(platform.dataset.bucket_arn),
            grant.use_key(platform.key.key_arn),
            *self._listening(),
        ):
            role.add_to_policy(each)
        if self.labeling is not None:
            arns = [each.function.function_arn for each in self.labeling.functions.values()]
            role.add_to_policy(grant.allow(["lambda:InvokeFunction"], arns))
        queue = LoopQueue(self, "BackendWork", key=platform.key, consumer_timeout=_SYNC_TIMEOUT)
        queue.fed_by(
            Rule(
                self,
                "LabelingJobChanged",
                event_pattern=EventPattern(
                    source=["aws.sagemaker"], detail_type=["SageMaker Ground Truth Labeling Job State Change"]
                ),
            )
        )
        queue.fed_by(
            Rule(self, "SyncSchedule", schedule=Schedule.rate(Duration.minutes(platform.config.schedule_minutes))),
            RuleTargetInput.from_object({"reason": "schedule"}),
        )
        jobs = self.format_arn(service="sagemaker", resource="labeling-job", resource_name="trueup-*")
        function = LoopFunction(
            self,
            "BackendSync",
            platform=platform,
            name="backend_sync",
            settings=BackendSyncSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
                key_arn=platform.key.key_arn,
                labeling_role_arn=role.role_arn,
                api_id=self.api.api_id,
                labeling_topics=self.format_arn(service="sns", resource=labeling_topic(platform.config.stage)),
                labeling_functions=self.labeling.arns if self.labeling else {},
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                grant.read_objects(platform.dataset.bucket_arn),
                grant.write_objects(platform.dataset.bucket_arn),
                grant.list_bucket(platform.dataset.bucket_arn),
                grant.allow([f"sagemaker:{each}" for each in _LABELING], [jobs]),
                grant.pass_role(role.role_arn),
                *read_tokens(self, platform.config.projects),
                *self._publishing(),
            ],
            timeout=_SYNC_TIMEOUT,
        )
        function.consumes(queue, batch_size=1)
        return role, queue, function

    def _listening(self) -> list[PolicyStatement]:
        """What Ground Truth does in the name of the role: a streaming job has a queue of its own, which it makes and
        subscribes to the topic."""
        if not self.labeling_topics:
            return []
        queues = self.format_arn(service="sqs", resource="GroundTruth-trueup-*")
        topics = [each.topic_arn for each in self.labeling_topics.values()]
        actions = ["CreateQueue", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage", "SendMessage"]
        subscribe = PolicyStatement(
            actions=["sns:Subscribe"],
            resources=topics,
            conditions={"StringEquals": {"sns:Protocol": "sqs"}, "StringLike": {"sns:Endpoint": queues}},
        )
        return [
            grant.allow([f"sqs:{each}" for each in (*actions, "SetQueueAttributes")], [queues]),
            subscribe,
            grant.allow(["sns:Unsubscribe"], [f"{each}:*" for each in topics]),
        ]

    def _publishing(self) -> list[PolicyStatement]:
        if not self.labeling_topics:
            return []
        topics = [each.topic_arn for each in self.labeling_topics.values()]
        return [grant.allow(["sns:Publish"], topics)]


def _only_from(account: str) -> dict[str, dict[str, str]]:
    """Against the confused deputy: only for jobs of this account."""
    return {"StringEquals": {"aws:SourceAccount": account}}
