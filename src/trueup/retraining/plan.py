"""The documents that drive the state machines: every SageMaker argument of a run, decided once and recorded.

Names are derived from the project and the run, so that a repeated step names the same job. Shapes follow the
SageMaker API (CreateTrainingJob, CreateProcessingJob, CreateModelPackage, CreateModel, CreateEndpointConfig,
UpdateEndpoint); scripts/sagemaker follow the script-mode contract of SageMaker's scikit-learn container.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from trueup.labels.naming import counted
from trueup.model import Champion, DatasetVersion, ModelPackage, Project, Record, RetrainingRun

_PROCESSING = "/opt/ml/processing"
_LONGEST_METADATA = 256
_NOT_METADATA = re.compile(r"[^\w .:/=+@-]")
# DescribeEndpointConfig answers with these, CreateEndpointConfig does not take them.
_ANSWER_ONLY = frozenset({"EndpointConfigArn", "EndpointConfigName", "CreationTime", "ResponseMetadata"})
CAPTURED_CSV_TYPES = ("text/csv",)
CAPTURED_JSON_TYPES = ("application/json", "application/jsonlines")


class Surroundings(Record, frozen=True, kw_only=True):
    """What of the deployment a retraining needs to name."""

    dataset_bucket: str
    key_arn: str
    role_arn: str
    code_uri: str
    image_uri: str
    model_package_group: str


class Exports(Record, frozen=True, kw_only=True):
    """URIs of a frozen version's files. `validation` is None when that split is empty."""

    train: str
    validation: str | None
    test: str
    payloads: str
    test_payloads: str


def job_name(project: str, run_id: str) -> str:
    """Name of a run's training job, at most 63 characters for a project name of at most 32."""
    return f"trueup-{project}-{run_id}"


def retraining_plan(
    project: Project,
    run: RetrainingRun,
    version: DatasetVersion,
    champion: Champion | None,
    exports: Exports,
    around: Surroundings,
) -> dict[str, Any]:
    """What the retraining state machine does for one run."""
    prefix = f"s3://{around.dataset_bucket}/{project.name}"
    evaluation_uri = f"{prefix}/evaluation/{run.run_id}"
    name = job_name(project.name, run.run_id)
    image = project.training.image or around.image_uri
    model_data_url = f"{prefix}/training/{name}/output/model.tar.gz"
    return {
        "version_id": version.version_id,
        "approval": project.training.approval,
        "evaluation_uri": evaluation_uri,
        "training": _training(project, run, version, exports, around, name=name, image=image),
        "evaluation": _evaluation(
            project,
            champion,
            exports,
            around,
            name=name,
            image=image,
            model_data_url=model_data_url,
            evaluation_uri=evaluation_uri,
        ),
        "package": _package(
            project,
            run,
            version,
            exports,
            around,
            image=image,
            model_data_url=model_data_url,
            evaluation_uri=evaluation_uri,
        ),
    }


def _training(
    project: Project,
    run: RetrainingRun,
    version: DatasetVersion,
    exports: Exports,
    around: Surroundings,
    *,
    name: str,
    image: str,
) -> dict[str, Any]:
    channels = [_channel("train", exports.train, "S3Prefix"), _channel("payloads", exports.payloads, "ManifestFile")]
    if exports.validation:
        channels.insert(1, _channel("validation", exports.validation, "S3Prefix"))
    return {
        "TrainingJobName": name,
        "RoleArn": around.role_arn,
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [
                {"Name": "train:accuracy", "Regex": "train_accuracy=([0-9.]+);"},
                {"Name": "validation:accuracy", "Regex": "validation_accuracy=([0-9.]+);"},
            ],
        },
        "HyperParameters": _hyperparameters(project, version, around),
        "InputDataConfig": channels,
        "OutputDataConfig": {
            "S3OutputPath": f"s3://{around.dataset_bucket}/{project.name}/training",
            "KmsKeyId": around.key_arn,
        },
        "ResourceConfig": {
            "InstanceType": project.training.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": 30,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": project.training.max_runtime_seconds},
        "EnableInterContainerTrafficEncryption": True,
        "Tags": _tags(project, run),
    }


def _hyperparameters(project: Project, version: DatasetVersion, around: Surroundings) -> dict[str, str]:
    """Script-mode hyperparameters are JSON texts; the container decodes each value."""
    ours = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": around.code_uri,
        "sagemaker_container_log_level": 20,
        "classes": list(project.label_schema.names),
        "seed": project.selection.seed,
        "version": version.version_id[:12],
    }
    return {key: json.dumps(value) for key, value in ours.items()} | dict(project.training.hyperparameters)


def _channel(name: str, uri: str, kind: str) -> dict[str, Any]:
    source = {"S3DataType": kind, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _evaluation(
    project: Project,
    champion: Champion | None,
    exports: Exports,
    around: Surroundings,
    *,
    name: str,
    image: str,
    model_data_url: str,
    evaluation_uri: str,
) -> dict[str, Any]:
    code_prefix = around.code_uri.rsplit("/", 1)[0]
    inputs = [
        _processing_input("code", code_prefix, "S3Prefix"),
        _processing_input("candidate", model_data_url, "S3Prefix"),
        _processing_input("test", exports.test, "S3Prefix"),
        _processing_input("payloads", exports.test_payloads, "ManifestFile"),
    ]
    arguments = [f"--{each}={_PROCESSING}/input/{each}" for each in ("candidate", "test", "payloads")]
    if champion is not None:
        inputs.append(_processing_input("champion", champion.model_data_url, "S3Prefix"))
        arguments.append(f"--champion={_PROCESSING}/input/champion")
    return {
        "ProcessingJobName": name,
        "RoleArn": around.role_arn,
        "AppSpecification": {
            "ImageUri": image,
            "ContainerEntrypoint": ["python3", f"{_PROCESSING}/input/code/evaluate.py"],
            "ContainerArguments": [*arguments, f"--output={_PROCESSING}/output"],
        },
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "evaluation",
                    "S3Output": {
                        "S3Uri": evaluation_uri,
                        "LocalPath": f"{_PROCESSING}/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ],
            "KmsKeyId": around.key_arn,
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": project.training.instance_type,
                "VolumeSizeInGB": 30,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": project.training.max_runtime_seconds},
    }


def _processing_input(name: str, uri: str, kind: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{_PROCESSING}/input/{name}",
            "S3DataType": kind,
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _package(
    project: Project,
    run: RetrainingRun,
    version: DatasetVersion,
    exports: Exports,
    around: Surroundings,
    *,
    image: str,
    model_data_url: str,
    evaluation_uri: str,
) -> dict[str, Any]:
    return {
        "ModelPackageGroupName": around.model_package_group,
        "ModelApprovalStatus": "PendingManualApproval",
        "ClientToken": run.run_id[-36:],
        "InferenceSpecification": {
            "Containers": [{"Image": image, "ModelDataUrl": model_data_url, "Environment": serving_environment()}],
            "SupportedContentTypes": ["text/csv", "application/json", "image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        "CustomerMetadataProperties": package_metadata(project, run, version, exports),
        "MetadataProperties": {"GeneratedBy": job_name(project.name, run.run_id), "ProjectId": project.name},
        "SourceUri": exports.train,
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": f"{evaluation_uri}/evaluation.json"}
            }
        },
    }


def package_metadata(project: Project, run: RetrainingRun, version: DatasetVersion, exports: Exports) -> dict[str, str]:
    """What a model package tells of the dataset version that it learned from. SageMaker takes up to 50 entries, with
    texts of up to 256 letters, digits and few other characters; what else a name has becomes _."""
    told = {
        "trueup-project": project.name,
        "trueup-run": run.run_id,
        "trueup-rule": run.rule,
        "trueup-version": version.version_id,
        "trueup-version-number": str(version.number),
        "trueup-root": version.root,
        "trueup-label-schema": version.schema_version,
        "trueup-samples": str(version.samples),
        "trueup-labels": counted(version.class_counts, _LONGEST_METADATA),
        "trueup-splits": counted(version.split_counts, _LONGEST_METADATA),
        "trueup-manifest": exports.train,
        "trueup-test-manifest": exports.test,
    }
    return {key: _NOT_METADATA.sub("_", value)[:_LONGEST_METADATA] for key, value in told.items() if value}


def serving_environment() -> dict[str, str]:
    """How SageMaker's scikit-learn container finds the inference script inside the model archive."""
    return {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
    }


def _tags(project: Project, run: RetrainingRun) -> list[dict[str, str]]:
    return [{"Key": "trueup:project", "Value": project.name}, {"Key": "trueup:run", "Value": run.run_id}]


def promotion_plan(
    project: Project,
    run: RetrainingRun,
    package: ModelPackage,
    present: Mapping[str, Any],
    *,
    role_arn: str,
    capture_uri: str,
    key_arn: str,
    alarm_names: tuple[str, ...],
) -> dict[str, Any]:
    """What the promotion state machine does. `present` is the DescribeEndpointConfig answer of the endpoint:
    everything in it is kept but the model of the variants and the data capture, which is switched on."""
    name = job_name(project.name, run.run_id)
    canary = project.training.canary
    return {
        "endpoint_name": project.endpoint_name,
        "poll_seconds": max(2, min(30, canary.wait_seconds // 10)),
        "model": {
            "ModelName": name,
            "ExecutionRoleArn": role_arn,
            "PrimaryContainer": {
                "Image": package.image,
                "ModelDataUrl": package.model_data_url,
                "Environment": dict(package.environment),
            },
            "Tags": _tags(project, run),
        },
        "endpoint_config": endpoint_config_with(
            present, name=name, model_name=name, capture=data_capture(capture_uri, key_arn), tags=_tags(project, run)
        ),
        "update": {
            "EndpointName": project.endpoint_name,
            "EndpointConfigName": name,
            "RetainAllVariantProperties": False,
            "DeploymentConfig": _deployment(canary.percent, canary.wait_seconds, (*canary.alarm_names, *alarm_names)),
        },
    }


def data_capture(capture_uri: str, key_arn: str, sampling_percentage: int = 100) -> dict[str, Any]:
    """DataCaptureConfig for both sides, with content types listed so that text arrives as text."""
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": sampling_percentage,
        "DestinationS3Uri": capture_uri,
        "KmsKeyId": key_arn,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": list(CAPTURED_CSV_TYPES),
            "JsonContentTypes": list(CAPTURED_JSON_TYPES),
        },
    }


def endpoint_config_with(
    present: Mapping[str, Any],
    *,
    name: str,
    model_name: str | None,
    capture: Mapping[str, Any] | None,
    tags: list[dict[str, str]],
) -> dict[str, Any]:
    """A CreateEndpointConfig request that keeps the present configuration but for what is named here.

    `model_name` None keeps the models; `capture` None switches data capture off by leaving it out.
    """
    kept = {key: value for key, value in present.items() if key not in _ANSWER_ONLY and key != "DataCaptureConfig"}
    if model_name is not None:
        kept["ProductionVariants"] = [{**each, "ModelName": model_name} for each in kept["ProductionVariants"]]
    if capture is not None:
        kept["DataCaptureConfig"] = dict(capture)
    return {"EndpointConfigName": name, **kept, "Tags": tags}


def _deployment(percent: int, wait_seconds: int, alarm_names: tuple[str, ...]) -> dict[str, Any]:
    termination = min(wait_seconds, 3600)
    policy: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": percent},
                "WaitIntervalInSeconds": wait_seconds,
            },
            "TerminationWaitInSeconds": termination,
            "MaximumExecutionTimeoutInSeconds": max(600, min(28800, 1800 + wait_seconds + termination)),
        }
    }
    if alarm_names:
        policy["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": each} for each in alarm_names[:10]]}
    return policy
