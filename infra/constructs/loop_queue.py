"""One construct makes every queue: encrypted, TLS only, with its dead-letter queue and the alarm on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk.aws_cloudwatch import Alarm, ComparisonOperator, TreatMissingData
from aws_cdk.aws_events import EventPattern, IEventBus, IRule, Rule, RuleTargetInput
from aws_cdk.aws_events_targets import SqsQueue
from aws_cdk.aws_iam import PolicyStatement, ServicePrincipal
from aws_cdk.aws_kms import IKey, Key
from aws_cdk.aws_sns import CfnSubscription
from aws_cdk.aws_sqs import DeadLetterQueue, IQueue, Queue, QueueEncryption
from constructs import Construct

from trueup.events import SOURCE

RETENTION = Duration.days(14)


class LoopQueue(Construct):
    """`max_receives` deliveries, then the dead-letter queue; `stuck_alarm` watches that.

    The visibility time-out is six times the consumer's time-out, as AWS advises for Lambda consumers.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's word
        *,
        key: IKey,
        consumer_timeout: Duration,
        max_receives: int = 5,
    ) -> None:
        super().__init__(scope, id)
        # Imported by ARN: grants on the key itself would make the data stack depend on this one.
        named_key = Key.from_key_arn(self, "Key", key.key_arn)
        self.dead_letters = Queue(
            self,
            "DeadLetters",
            encryption=QueueEncryption.KMS,
            encryption_master_key=named_key,
            enforce_ssl=True,
            retention_period=RETENTION,
        )
        self.queue = Queue(
            self,
            "Queue",
            encryption=QueueEncryption.KMS,
            encryption_master_key=named_key,
            enforce_ssl=True,
            retention_period=RETENTION,
            visibility_timeout=Duration.seconds(6 * consumer_timeout.to_seconds()),
            dead_letter_queue=DeadLetterQueue(queue=self.dead_letters, max_receive_count=max_receives),
        )
        self._max_receives = max_receives

    def stuck_alarm(self, scope: Construct, id: str) -> Alarm:  # noqa: A002 - CDK's word
        """The alarm on the dead-letter queue, made in the scope that knows whom to tell."""
        return Alarm(
            scope,
            id,
            alarm_description=f"{self.node.path}: messages failed {self._max_receives} times; see trueup redrive",
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(period=Duration.minutes(1)),
            threshold=0,
            evaluation_periods=1,
            comparison_operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=TreatMissingData.NOT_BREACHING,
        )

    def fed_by(self, rule: Rule, message: RuleTargetInput | None = None) -> IRule:
        """Deliver what the rule matches; what EventBridge cannot deliver goes to the dead-letter queue too."""
        queue, dead_letters = self._targets
        rule.add_target(SqsQueue(queue, message=message, dead_letter_queue=dead_letters))
        return rule

    def fed_by_events(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's word
        bus: IEventBus,
        events: Sequence[str],
        projects: Sequence[str] = (),
    ) -> None:
        """Deliver events of the loop, of these projects or of all, by a rule in the scope that asks for them."""
        detail = {"data": {"project": list(projects)}} if projects else None
        pattern = EventPattern(source=[SOURCE], detail_type=list(events), detail=detail)
        self.fed_by(Rule(scope, id, event_bus=bus, event_pattern=pattern))

    def hears(self, topic_arn: str, bodies: Mapping[str, Any]) -> CfnSubscription:
        """Deliver what a topic of this account tells, where the message's body fits, as it is; what SNS cannot deliver
        goes to the dead-letter queue too."""
        queue, dead_letters = self._listeners
        return CfnSubscription(
            self,
            f"Hears-{topic_arn.rpartition(':')[2]}",
            topic_arn=topic_arn,
            protocol="sqs",
            endpoint=queue,
            raw_message_delivery=True,
            filter_policy=dict(bodies),
            filter_policy_scope="MessageBody",
            redrive_policy={"deadLetterTargetArn": dead_letters},
        )

    @cached_property
    def _listeners(self) -> tuple[str, str]:
        """The ARNs of both queues, open to the topics of this account."""
        self._open_to("sns.amazonaws.com", Stack.of(self).format_arn(service="sns", resource="*"))
        return self.queue.queue_arn, self.dead_letters.queue_arn

    @cached_property
    def _targets(self) -> tuple[IQueue, IQueue]:
        """Both queues, open to the rules of this account and known to CDK by their ARN. It would otherwise give each
        rule a statement of its own in the dead-letter queue's policy, of which SQS takes twenty with ten conditions,
        and let EventBridge into the queue on anybody's behalf."""
        rules = Stack.of(self).format_arn(service="events", resource="rule", resource_name="*")
        self._open_to("events.amazonaws.com", rules)
        return (
            Queue.from_queue_arn(self, "Target", self.queue.queue_arn),
            Queue.from_queue_arn(self, "DeadLetterTarget", self.dead_letters.queue_arn),
        )

    def _open_to(self, service: str, sources: str) -> None:
        for queue in (self.queue, self.dead_letters):
            queue.add_to_resource_policy(
                PolicyStatement(
                    principals=[ServicePrincipal(service)],
                    actions=["sqs:SendMessage"],
                    resources=[queue.queue_arn],
                    conditions={"ArnLike": {"aws:SourceArn": sources}},
                )
            )
