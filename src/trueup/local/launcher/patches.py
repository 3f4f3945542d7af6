"""Where ministack differs from AWS in ways that matter to us, and the smallest mend of each.

ministack's internals move with its releases: it is pinned exactly, and every point that is patched is checked
when the launcher starts, so that a difference ends in a sentence and not in strange behaviour.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, persistence
from ministack.core import router as core_router
from ministack.services import cloudformation, cloudwatch, dynamodb, eventbridge, lambda_svc, sqs, stepfunctions
from ministack.services.cloudformation import provisioners

from trueup.local.launcher.blobs import Blobs, digest
from trueup.local.launcher.checkpoints import Checkpoints, encoder
from trueup.local.launcher.sagemaker.authorization import Permission
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
_LONG_QUEUE = 1000
_MODEL = re.compile(r"/model/(?P<id>.+)/converse$")
_acting_role: contextvars.ContextVar[str] = contextvars.ContextVar("acting_role")


class PatchError(RuntimeError):
    """A patch point is not where it was: the pinned version of ministack was changed."""


def emit_aws_event(detail_type: str, detail: dict[str, Any], arn: str) -> None:
    """Put an event of source aws.sagemaker on the default bus, as only AWS may."""
    entry = {"Source": "aws.sagemaker", "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": [arn]}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def count_for_aws(metric: str, value: float, dimensions: dict[str, str]) -> None:
    """Add to a metric of namespace AWS/SageMaker, as only AWS may. Of errors and latencies nothing is told: ministack's
    alarms look at no dimensions, so that one endpoint's errors would roll back another's canary."""
    cloudwatch.record_metric("AWS/SageMaker", metric, value, "Count", dimensions)


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

    async def handle(_method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        refused = _refused_call(sagemaker.permissions(path, headers, body), headers, query)
        return refused or await asyncio.to_thread(sagemaker.handle, path, headers, body)

    _require(hasattr(app, "_enforce_data_plane"), "app._enforce_data_plane")
    _require(isinstance(app.SERVICE_HANDLERS, dict) or hasattr(app.SERVICE_HANDLERS, "__setitem__"), "SERVICE_HANDLERS")
    app.SERVICE_HANDLERS["sagemaker"] = handle
    core_router.SERVICE_PATTERNS["sagemaker"] = {
        "target_prefixes": ["SageMaker."],
        "host_patterns": [r"sagemaker\."],
        "credential_scope": "sagemaker",
        "path_patterns": [r"^/endpoints/[^/]+/invocations$", r"^/_trueup/labeling-jobs/"],
    }


def _refused_call(permissions: list[Permission], headers: dict[str, str], query: Any) -> Any:
    """ministack authenticates calls to a service that it does not know, and asks for no permission."""
    for each in permissions:
        refused = app._enforce_data_plane(
            "sagemaker", each.action, headers, query, "", resource_arn=each.resource, service_context=dict(each.keys)
        )
        if refused:
            return refused
    return None


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


def accept_alarms_on_expressions() -> None:
    """ministack refuses alarms on metric math. Here they are there, in a state that never changes: what they compute is
    not computed."""
    _require(hasattr(provisioners, "_cw_metric_alarm_record"), "provisioners._cw_metric_alarm_record")
    record = provisioners._cw_metric_alarm_record

    def on_nothing(name: str, props: dict[str, Any]) -> Any:
        if props.get("Metrics"):
            plain = {key: value for key, value in props.items() if key != "Metrics"}
            props = {**plain, "MetricName": "expression", "Namespace": "trueup/not-computed"}
        return record(name, props)

    provisioners._cw_metric_alarm_record = on_nothing


def name_sqs_permissions_as_aws() -> None:
    """AWS has no permission for a batch: sending ten messages at once takes sqs:SendMessage, or sns:Publish."""
    _require(hasattr(iam_actions, "extract_iam_action"), "iam_actions.extract_iam_action")
    extract = iam_actions.extract_iam_action

    def extract_single(*arguments: Any) -> str | None:
        action: str | None = extract(*arguments)
        return action.removesuffix("Batch") if action and action.startswith(("sns:", "sqs:")) else action

    iam_actions.extract_iam_action = extract_single


def keep_long_queues_quick() -> None:
    """A queue of SQS answers as quickly however long it is. ministack walks all messages at each receipt and deletion:
    of long queues it is kept from that, sweeping them once a second."""
    for name in ("_collect_msgs", "_expire_retained", "_dlq_sweep", "_act_delete_message", "_get_q"):
        _require(hasattr(sqs, name), f"sqs.{name}")
    tables = [each for each in vars(sqs).values() if isinstance(each, dict)]
    handlers = [each for each in tables if each.get("DeleteMessage") is sqs._act_delete_message]
    _require(len(handlers) == 1, "sqs handlers")
    handlers[0]["DeleteMessage"] = _delete_from_the_head(sqs._act_delete_message)
    sqs._collect_msgs = _collect_from_the_head(sqs._collect_msgs)
    sqs._expire_retained, sqs._dlq_sweep = _seldom(sqs._expire_retained), _seldom(sqs._dlq_sweep)


def _seldom(sweep: Any) -> Any:
    swept: dict[str, float] = {}

    def sweep_seldom(queue: dict[str, Any]) -> None:
        now = time.monotonic()
        if len(queue["messages"]) < _LONG_QUEUE or now - swept.get(queue["url"], 0.0) > 1:
            swept[queue["url"]] = now
            sweep(queue)

    return sweep_seldom


def _collect_from_the_head(collect: Any) -> Any:
    def collected(queue: dict[str, Any], most: int, seconds: int) -> Any:
        if queue["is_fifo"] or len(queue["messages"]) < _LONG_QUEUE:
            return collect(queue, most, seconds)
        now = time.time()
        visible = (each for each in queue["messages"] if each["visible_at"] <= now)
        return collect({**queue, "messages": list(itertools.islice(visible, most))}, most, seconds)

    return collected


def _delete_from_the_head(delete: Any) -> Any:
    def deleted(data: dict[str, Any], url: str) -> Any:
        messages = sqs._get_q(data.get("QueueUrl", url), "sqs:DeleteMessage")["messages"]
        if len(messages) < _LONG_QUEUE or not data.get("ReceiptHandle"):
            return delete(data, url)
        for place, each in enumerate(messages):
            if each["receipt_handle"] == data["ReceiptHandle"]:
                del messages[place]
                return {}
        return delete(data, url)

    return deleted


def name_bedrock_permissions_as_aws() -> None:
    """AWS has no permission for a conversation: it takes bedrock:InvokeModel on the model, or on the inference profile
    that serves it."""
    _require(hasattr(iam_actions, "extract_iam_action"), "iam_actions.extract_iam_action")
    _require(hasattr(iam_actions, "extract_resource_arn"), "iam_actions.extract_resource_arn")
    extract, resource = iam_actions.extract_iam_action, iam_actions.extract_resource_arn

    def extract_invocation(*arguments: Any) -> str | None:
        action: str | None = extract(*arguments)
        return "bedrock:InvokeModel" if action == "bedrock:Converse" else action

    def model_arn(service: str, method: str, path: str, *arguments: Any) -> str:
        asked = _MODEL.match(path)
        if service != "bedrock-runtime" or asked is None:
            return str(resource(service, method, path, *arguments))
        region, account = arguments[-2:]
        name = unquote(asked["id"])
        if name.startswith("arn:"):
            return name
        # <geography>.<maker>.<model>, or without the first.
        kind = f"{account}:inference-profile" if name.count(".") > 1 else ":foundation-model"
        return f"arn:aws:bedrock:{region}:{kind}/{name}"

    iam_actions.extract_iam_action = extract_invocation
    iam_actions.extract_resource_arn = model_arn


def tell_the_partition_key() -> None:
    """ministack leaves dynamodb:LeadingKeys out, and a condition on all values of what is absent always holds."""
    _require(hasattr(iam_actions, "dynamodb_service_context"), "iam_actions.dynamodb_service_context")
    _require(hasattr(dynamodb, "_tables"), "dynamodb._tables")
    context = iam_actions.dynamodb_service_context

    def with_keys(body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = context(body)
        keys = _leading_keys(json.loads(body or b"{}"))
        return {**found, "dynamodb:LeadingKeys": keys} if keys else found

    iam_actions.dynamodb_service_context = with_keys


def _leading_keys(request: dict[str, Any]) -> list[str]:
    """The partition keys of the items that a single or a transactional write names."""
    nested = [action for each in request.get("TransactItems", []) for action in each.values()]
    values = []
    for each in nested or [request]:
        name = (dynamodb._tables.get(each.get("TableName")) or {}).get("pk_name")
        value = (each.get("Item") or each.get("Key") or {}).get(name)
        values += list(value.values()) if value else []
    return [str(each) for each in values]


def hold_workflows_to_their_role(sagemaker: SageMaker) -> None:
    """ministack runs a workflow's tasks as the account's root: ask for what the state machine's role may do."""
    for name in ("_run_execution", "_invoke_resource", "_executions", "_state_machines"):
        _require(hasattr(stepfunctions, name), f"stepfunctions.{name}")
    run, invoke = stepfunctions._run_execution, stepfunctions._invoke_resource

    def run_as_role(execution: str) -> Any:
        machine = stepfunctions._executions[execution]["stateMachineArn"]
        _acting_role.set(stepfunctions._state_machines[machine]["roleArn"])
        return run(execution)

    def invoke_if_allowed(resource: str, data: dict[str, Any]) -> Any:
        for each in _task_permissions(sagemaker, resource, data) if app.AUTH else []:
            if not _role_allows(_acting_role.get(), each):
                cause = f"{_acting_role.get()} is not authorized to perform: {each.action} on resource: {each.resource}"
                raise stepfunctions._ExecutionError(_task_error(resource), f"{cause} (AccessDeniedException)")
        return invoke(resource, data)

    stepfunctions._run_execution = run_as_role
    stepfunctions._invoke_resource = invoke_if_allowed


def _task_permissions(sagemaker: SageMaker, resource: str, data: dict[str, Any]) -> list[Permission]:
    if ":lambda:invoke" in resource:
        return [Permission("lambda:InvokeFunction", data["FunctionName"])]
    if ":sagemaker:" not in resource:
        return []
    operation = resource.rpartition(":")[2].partition(".")[0]
    return sagemaker.permissions_of(operation[0].upper() + operation[1:], data)


def _role_allows(role_arn: str, permission: Permission) -> bool:
    name, account = role_arn.rpartition("/")[2], role_arn.split(":")[4]
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=account,
        action=permission.action,
        resource_arn=permission.resource,
        region="",
        service_context={key.lower(): value for key, value in permission.keys.items()},
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    return bool(iam_evaluator.evaluate(context, policies).decision == "Allow")


def _task_error(resource: str) -> str:
    """The name by which a workflow knows a refusal, as the Step Functions guide's error lists have it."""
    if ":lambda:" in resource:
        return "Lambda.AWSLambdaException"
    return "SageMaker.SageMakerException" if ":aws-sdk:" in resource else "SageMaker.AmazonSageMakerException"


def keep_large_bytes_beside_the_state() -> None:
    """ministack writes the zip of each layer into its state, 60 MB of base64 for a deployment, and computes the digest
    of each function's code, each time that it writes it."""
    for name in ("_json_default", "_json_object_hook", "STATE_DIR"):
        _require(hasattr(persistence, name), f"persistence.{name}")
    for name in ("_write_code_blob", "CODE_BLOB_DIR"):
        _require(hasattr(lambda_svc, name), f"lambda_svc.{name}")
    blobs = Blobs(Path(persistence.STATE_DIR) / "blobs", persistence._json_default, persistence._json_object_hook)
    persistence._json_default, persistence._json_object_hook = blobs.encode, blobs.decode
    write, folder = lambda_svc._write_code_blob, Path(lambda_svc.CODE_BLOB_DIR)

    def write_once(code: bytes) -> str:
        there = (folder / f"{digest(code)}.zip").exists()
        return digest(code) if there else str(write(code))

    lambda_svc._write_code_blob = write_once


def write_checkpoints(seconds: float) -> None:
    """ministack writes its state when it ends well, and only then: a crash would leave buckets and models behind
    that no stack remembers. A request with X-Amz-Target: TrueupLocal.Checkpoint writes it at once."""
    for name in ("_json_default", "_state_format_version", "STATE_DIR"):
        _require(hasattr(persistence, name), f"persistence.{name}")
    _require(hasattr(app, "_build_persistence_save_dict"), "app._build_persistence_save_dict")
    _require(hasattr(cloudformation, "_stacks"), "cloudformation._stacks")
    checkpoints = Checkpoints(
        Path(persistence.STATE_DIR),
        app._build_persistence_save_dict,
        encoder(persistence._state_format_version, persistence._json_default),
        _no_stack_is_changing,
    )

    async def handle(*_: Any) -> tuple[int, dict[str, str], bytes]:
        written = await asyncio.to_thread(checkpoints.save)
        return 200, {"Content-Type": "application/json"}, json.dumps(written).encode()

    app.SERVICE_HANDLERS["trueup-checkpoint"] = handle
    core_router.SERVICE_PATTERNS["trueup-checkpoint"] = {"target_prefixes": ["TrueupLocal."]}
    checkpoints.start(seconds)


def _no_stack_is_changing() -> bool:
    stacks = [stack for _, stack in cloudformation._stacks.all_items()]
    return not any(str(each.get("StackStatus", "")).endswith("_IN_PROGRESS") for each in stacks)


def count_loopback_as_tls() -> None:
    """Bucket policies deny requests without TLS; traffic that never leaves the machine passes for TLS."""
    _require(hasattr(app, "pin_request_origin") and hasattr(iam_evaluator, "_request_origin"), "pin_request_origin")
    pin = app.pin_request_origin
    app.pin_request_origin = lambda ip, _tls: pin(ip, True)
    iam_evaluator._request_origin = contextvars.ContextVar("request_origin", default=("127.0.0.1", True))


def _require(holds: bool, point: str) -> None:
    if not holds:
        raise PatchError(f"ministack's {point} is not what the launcher expects: the pinned version was changed")
