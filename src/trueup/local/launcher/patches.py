"""Where ministack differs from AWS in ways that matter to us, and the smallest mend of each.

ministack's internals move with its releases: it is pinned exactly, and every point that is patched is checked
when the launcher starts, so that a difference ends in a sentence and not in strange behaviour.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import time
from typing import Any

from ministack import app
from ministack.core import iam_evaluator, lambda_runtime
from ministack.core import router as core_router
from ministack.services import eventbridge, lambda_svc, stepfunctions
from ministack.services.cloudformation import provisioners

from trueup.local.launcher.sagemaker.errors import AwsError
from trueup.local.launcher.sagemaker.service import SageMaker

_REPORTED = (
    '_real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")\n'
    "        _real_stdout.flush()\n\nrun()"
)
_REPORTED_WITH_CLASS = (
    '_real_stdout.write(json.dumps({"status": "ok", "result": {"__raised__": {"errorMessage": str(e), '
    '"errorType": type(e).__name__, "requestId": _ms_ctx.get("request_id", ""), '
    '"stackTrace": traceback.format_exception(e)}}}) + "\\n")\n'
    "        _real_stdout.flush()\n\nrun()"
)
_SYNC_POLL = 0.1


class PatchError(RuntimeError):
    """A patch point is not where it was: the pinned version of ministack was changed."""


def emit_aws_event(detail_type: str, detail: dict[str, Any], arn: str) -> None:
    """Put an event of source aws.sagemaker on the default bus, as only AWS may."""
    entry = {"Source": "aws.sagemaker", "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": [arn]}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def report_lambda_errors_by_class() -> None:
    """AWS reports a handler's exception class and keeps the environment; ministack reports one class for all and
    kills the worker, so that Retry and Catch of a state machine never match."""
    _require(_REPORTED in lambda_runtime._PYTHON_WORKER_SCRIPT, "lambda_runtime._PYTHON_WORKER_SCRIPT")
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(_REPORTED, _REPORTED_WITH_CLASS)
    execute = lambda_svc._execute_function_warm

    def execute_and_read(func: Any, event: Any, request_id: Any) -> dict[str, Any]:
        result: dict[str, Any] = execute(func, event, request_id)
        body = result.get("body")
        if not isinstance(body, dict) or "__raised__" not in body:
            return result
        raised = body["__raised__"]
        log = (result.get("log") or "") + "\n" + "".join(raised["stackTrace"])
        print(f"lambda: {raised['errorType']}: {raised['errorMessage']}", flush=True)  # noqa: T201
        return {"body": raised, "error": True, "log": log}

    lambda_svc._execute_function_warm = execute_and_read


def serve_sagemaker(sagemaker: SageMaker) -> None:
    """Route SageMaker's control and runtime API to the stand-in."""

    async def handle(
        _method: str, path: str, headers: dict[str, str], body: bytes, _query: Any
    ) -> tuple[int, dict[str, str], bytes]:
        return await asyncio.to_thread(sagemaker.handle, path, headers, body)

    _require(isinstance(app.SERVICE_HANDLERS, dict) or hasattr(app.SERVICE_HANDLERS, "__setitem__"), "SERVICE_HANDLERS")
    app.SERVICE_HANDLERS["sagemaker"] = handle
    core_router.SERVICE_PATTERNS["sagemaker"] = {
        "target_prefixes": ["SageMaker."],
        "host_patterns": [r"sagemaker\."],
        "credential_scope": "sagemaker",
        "path_patterns": [r"^/endpoints/[^/]+/invocations$", r"^/_trueup/labeling-jobs/"],
    }


def let_workflows_call_sagemaker(sagemaker: SageMaker) -> None:
    """Step Functions dispatches its integrations in process: give it SageMaker's."""
    _require(hasattr(stepfunctions, "_AWS_SDK_SERVICE_MAP"), "stepfunctions._AWS_SDK_SERVICE_MAP")
    stepfunctions._AWS_SDK_SERVICE_MAP["sagemaker"] = {"target_prefix": "SageMaker", "protocol": "json"}
    stepfunctions._AWS_SDK_ERROR_PREFIX["sagemaker"] = "SageMaker"
    simple = ("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint")
    for operation in simple:
        _integrate(sagemaker, operation, None)
    for noun in ("TrainingJob", "ProcessingJob", "LabelingJob"):
        _integrate(sagemaker, f"Create{noun}", noun)


def _integrate(sagemaker: SageMaker, operation: str, noun: str | None) -> None:
    resource_name = operation[0].lower() + operation[1:]

    def run(resource: str, data: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = sagemaker.call(operation, data)
        except AwsError as error:
            raise stepfunctions._ExecutionError(f"SageMaker.{_sfn_code(error.code)}", error.message) from error
        if noun is None or not resource.endswith(".sync"):
            return answer
        return _await_job(sagemaker, noun, data[f"{noun}Name"])

    stepfunctions._SERVICE_DISPATCH[f"arn:aws:states:::sagemaker:{resource_name}"] = run


def _await_job(sagemaker: SageMaker, noun: str, name: str) -> dict[str, Any]:
    while True:
        found = sagemaker.call(f"Describe{noun}", {f"{noun}Name": name})
        status = found[f"{noun}Status"]
        if status == "Completed":
            return found
        if status in ("Failed", "Stopped"):
            raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(found, default=str))
        time.sleep(_SYNC_POLL)


def _sfn_code(code: str) -> str:
    """Optimised integrations know two errors by name and call all others by one."""
    known = {"ResourceLimitExceeded": "ResourceLimitExceededException"}
    return known.get(code, "AmazonSageMakerException")


def provision_missing_types(sagemaker: SageMaker, deploy_site: Any) -> None:
    """CloudFormation types that ministack refuses. Those without behaviour here are recorded and said aloud."""
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::SageMaker::ModelPackageGroup"] = _model_package_group(sagemaker)
    handlers["Custom::CDKBucketDeployment"] = deploy_site
    for kind in (
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::Events::Archive",
        "AWS::IAM::RolePolicy",
        "AWS::Logs::QueryDefinition",
        "Custom::CloudwatchLogResourcePolicy",
    ):
        handlers.setdefault(kind, _recorded_only(kind))


def _model_package_group(sagemaker: SageMaker) -> dict[str, Any]:
    def create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        name = properties.get("ModelPackageGroupName") or f"{stack}-{logical_id}"
        arn = sagemaker.call("CreateModelPackageGroup", {"ModelPackageGroupName": name})["ModelPackageGroupArn"]
        return arn, {"ModelPackageGroupArn": arn}

    def delete(physical_id: str, _properties: dict[str, Any]) -> None:
        try:
            sagemaker.call("DeleteModelPackageGroup", {"ModelPackageGroupName": physical_id.rsplit("/", 1)[-1]})
        except AwsError as error:
            print(f"cloudformation: {error.message}", flush=True)  # noqa: T201

    return {"create": create, "delete": delete}


def _recorded_only(kind: str) -> dict[str, Any]:
    def create(logical_id: str, _properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        print(f"cloudformation: {kind} {logical_id} is recorded and does nothing here", flush=True)  # noqa: T201
        return f"{stack}-{logical_id}", {"Arn": f"arn:aws:recorded:::{logical_id}"}

    return {"create": create, "delete": lambda *_: None}


def count_loopback_as_tls() -> None:
    """Bucket policies deny requests without TLS; traffic that never leaves the machine passes for TLS."""
    _require(hasattr(app, "pin_request_origin") and hasattr(iam_evaluator, "_request_origin"), "pin_request_origin")
    pin = app.pin_request_origin
    app.pin_request_origin = lambda ip, _tls: pin(ip, True)
    iam_evaluator._request_origin = contextvars.ContextVar("request_origin", default=("127.0.0.1", True))


def _require(holds: bool, point: str) -> None:
    if not holds:
        raise PatchError(f"ministack's {point} is not what the launcher expects: the pinned version was changed")
