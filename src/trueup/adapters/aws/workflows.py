"""Step Functions: the retraining and the promotion state machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, translated
from trueup.errors import ServiceError
from trueup.ports import Workflows


class StepFunctionsWorkflows(Workflows):
    """Either ARN may be missing where a function starts only the other machine."""

    def __init__(self, client: Any, retraining_arn: str | None = None, promotion_arn: str | None = None) -> None:
        self._client = client
        self._retraining_arn = retraining_arn
        self._promotion_arn = promotion_arn

    def start_retraining(self, name: str, document: Mapping[str, Any]) -> str:
        return self._start(self._retraining_arn, name, document)

    def start_promotion(self, name: str, document: Mapping[str, Any]) -> str:
        return self._start(self._promotion_arn, name, document)

    def _start(self, machine: str | None, name: str, document: Mapping[str, Any]) -> str:
        if machine is None:
            raise ServiceError(f"cannot start {name}: no state machine is configured for it")
        text = msgspec.json.encode(document, order="deterministic").decode()
        with translated(f"starting the execution {name}"):
            try:
                return str(self._client.start_execution(stateMachineArn=machine, name=name, input=text)["executionArn"])
            except ClientError as error:
                if code_of(error) != "ExecutionAlreadyExists":
                    raise
        return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
