"""Step Functions: the state machines of retraining, promotion and backfill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, translated
from trueup.errors import ServiceError
from trueup.ports import Execution, Outcome, Workflows

_ENDED_BADLY = frozenset({"ABORTED", "FAILED", "TIMED_OUT"})


class StepFunctionsWorkflows(Workflows):
    """ARNs may be missing where a function starts only another machine."""

    def __init__(
        self,
        client: Any,
        retraining_arn: str | None = None,
        promotion_arn: str | None = None,
        backfill_arn: str | None = None,
        bulk_arn: str | None = None,
    ) -> None:
        self._client = client
        self._retraining_arn = retraining_arn
        self._promotion_arn = promotion_arn
        self._backfill_arn = backfill_arn
        self._bulk_arn = bulk_arn

    def start_retraining(self, name: str, document: Mapping[str, Any]) -> str:
        return self._start(self._retraining_arn, name, document)

    def start_promotion(self, name: str, document: Mapping[str, Any]) -> str:
        return self._start(self._promotion_arn, name, document)

    def start_bulk(self, name: str, document: Mapping[str, Any]) -> str:
        return self._start(self._bulk_arn, name, document)

    def outcome(self, execution_arn: str) -> Outcome:
        with translated(f"looking at the execution {execution_arn}"):
            found = self._client.describe_execution(executionArn=execution_arn)
        output = msgspec.json.decode(found["output"]) if found.get("output") else None
        error = ": ".join(each for each in (found.get("error"), found.get("cause")) if each)
        return Outcome(status=found["status"], output=output, error=error)

    def start_backfill(self, name: str, document: Mapping[str, Any]) -> Execution:
        before = self._found(self._backfill_arn, name)
        if before is None:
            return Execution(arn=self._start(self._backfill_arn, name, document), status="RUNNING", began=True)
        if before.status not in _ENDED_BADLY:
            return before
        with translated(f"going on with the execution {name}"):
            self._client.redrive_execution(executionArn=before.arn)
        return Execution(arn=before.arn, status="RUNNING", began=True)

    def _found(self, machine: str | None, name: str) -> Execution | None:
        arn = f"{(machine or '').replace(':stateMachine:', ':execution:')}:{name}"
        with translated(f"looking at the execution {name}"):
            try:
                status = str(self._client.describe_execution(executionArn=arn)["status"])
            except ClientError as error:
                if code_of(error) != "ExecutionDoesNotExist":
                    raise
                return None
        return Execution(arn=arn, status=status, began=False)

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
