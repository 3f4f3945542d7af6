"""Training and processing jobs: real subprocesses under the /opt/ml contract, mapped to a scratch directory.

Script mode as SageMaker's scikit-learn container does it: the hyperparameters sagemaker_program and
sagemaker_submit_directory name a script in a tar.gz; the others become command-line arguments; SM_* variables
carry the folders (sagemaker-training-toolkit, "environment variables").
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trueup.local.launcher.sagemaker.archives import unpack
from trueup.local.launcher.sagemaker.errors import AwsError, in_use, quota_exceeded
from trueup.local.launcher.sagemaker.store import Record, Store
from trueup.local.launcher.sagemaker.world import World

_TAIL = 1000
_POLL = 0.05
_RUNNING = ("InProgress", "Stopping")


class JobError(Exception):
    """Ends a job as Failed; the text is its FailureReason."""


class TrainingJobs:
    kind = "training-job"

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store
        _fail_interrupted(store, self.kind, "TrainingJobStatus")

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["TrainingJobName"]
        for each in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
            if each not in request:
                raise AwsError("ValidationException", f"{each} is required for a training job")
        self._refuse_over_quota(request)
        arn = self._world.arn(self.kind, name)
        now = time.time()
        record = {
            **request,
            "TrainingJobArn": arn,
            "TrainingJobStatus": "InProgress",
            "SecondaryStatus": "Starting",
            "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": now, "StatusMessage": "Preparing"}],
            "CreationTime": now,
            "LastModifiedTime": now,
            "ModelArtifacts": {"S3ModelArtifacts": self._model_uri(request)},
        }
        if not self._store.add(self.kind, name, record):
            raise in_use("Training job", arn)
        self._emit(name)
        self._world.background(self._run, name)
        return {"TrainingJobArn": arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._store.get(self.kind, request["TrainingJobName"])
        if record is None:
            raise AwsError("ValidationException", "Requested resource not found.")
        return {key: value for key, value in record.items() if key != "Tags"}

    def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self.describe(request)
        if record["TrainingJobStatus"] not in _RUNNING:
            raise AwsError(
                "ValidationException",
                f"The request was rejected because the training job is in status {record['TrainingJobStatus']}.",
            )
        self._store.update(self.kind, request["TrainingJobName"], TrainingJobStatus="Stopping")
        return {}

    def summaries(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"TrainingJobSummaries": _summaries(self._store.all(self.kind), request, "TrainingJob")}

    def _model_uri(self, request: dict[str, Any]) -> str:
        prefix = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        return f"{prefix}/{request['TrainingJobName']}/output/model.tar.gz"

    def _run(self, name: str) -> None:
        record = self._store.get(self.kind, name) or {}
        scratch = self._world.settings.state / "sagemaker" / "training" / name
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            self._advance(name, "Downloading")
            self._fetch(record, scratch)
            self._advance(name, "Training", TrainingStartTime=time.time())
            self._train(name, record, scratch)
            self._advance(name, "Uploading")
            self._upload(record, scratch)
            self._end(name, "Completed", FinalMetricDataList=_metrics(record, scratch))
        except _StoppedError as error:
            self._save_what_is_there(record, scratch)
            self._end(name, "Stopped", str(error))
        except Exception as error:
            self._end(name, "Failed", FailureReason=_reason(error))

    def _fetch(self, record: Record, scratch: Path) -> None:
        for channel in record.get("InputDataConfig", []):
            source = channel["DataSource"]["S3DataSource"]
            self._world.fetch(source, scratch / "input" / "data" / channel["ChannelName"])

    def _train(self, name: str, record: Record, scratch: Path) -> None:
        parameters = {key: _decoded(value) for key, value in record.get("HyperParameters", {}).items()}
        for folder in ("model", "output/data", "output/intermediate", "code"):
            (scratch / folder).mkdir(parents=True, exist_ok=True)
        _write_config(record, scratch)
        program = self._unpack_program(parameters, scratch)
        ours = {key: value for key, value in parameters.items() if not key.startswith("sagemaker_")}
        arguments = [item for key, value in sorted(ours.items()) for item in (f"--{key}", _encoded(value))]
        environment = _training_environment(record, scratch, name, ours)
        limit = record["StoppingCondition"].get("MaxRuntimeInSeconds", 86400)
        command = [self._world.settings.python, str(program), *arguments]
        code = _execute(self._world, command, scratch, environment, limit, lambda: self._stopping(name))
        if code != 0:
            raise JobError(_failure(scratch, code, " ".join(["python", program.name, *arguments])))

    def _unpack_program(self, parameters: dict[str, Any], scratch: Path) -> Path:
        program, source = parameters.get("sagemaker_program"), parameters.get("sagemaker_submit_directory")
        if not program or not source:
            raise JobError(
                "ClientError: the stand-in trains in script mode: set the hyperparameters "
                "sagemaker_program and sagemaker_submit_directory"
            )
        archive = scratch / "sourcedir.tar.gz"
        self._world.download(str(source), archive)
        unpack(archive, scratch / "code")
        return scratch / "code" / str(program)

    def _upload(self, record: Record, scratch: Path) -> None:
        uri = self._model_uri(record)
        self._world.upload(_archive(scratch / "model", scratch / "model.tar.gz"), uri)
        if any((scratch / "output" / "data").iterdir()):
            output = _archive(scratch / "output" / "data", scratch / "output.tar.gz")
            self._world.upload(output, uri.replace("model.tar.gz", "output.tar.gz"))

    def _save_what_is_there(self, record: Record, scratch: Path) -> None:
        """A stopped job's script had its time to save a model, which is kept."""
        if any((scratch / "model").iterdir()):
            self._upload(record, scratch)

    def _refuse_over_quota(self, request: dict[str, Any]) -> None:
        resources, quota = request["ResourceConfig"], self._world.settings.training_instances
        kind, asked = resources.get("InstanceType", ""), resources.get("InstanceCount", 1)
        running = [each for each in self._store.all(self.kind) if each["TrainingJobStatus"] in _RUNNING]
        same = [each["ResourceConfig"] for each in running if each["ResourceConfig"].get("InstanceType", "") == kind]
        used = sum(each.get("InstanceCount", 1) for each in same)
        if used + asked > quota:
            raise quota_exceeded(kind, quota, used, asked)

    def _stopping(self, name: str) -> bool:
        return (self._store.get(self.kind, name) or {}).get("TrainingJobStatus") == "Stopping"

    def _advance(self, name: str, status: str, **changes: Any) -> None:
        record = self._store.get(self.kind, name) or {}
        now = time.time()
        transitions = record["SecondaryStatusTransitions"]
        transitions[-1]["EndTime"] = now
        transitions.append({"Status": status, "StartTime": now, "StatusMessage": status})
        self._store.update(
            self.kind,
            name,
            SecondaryStatus=status,
            SecondaryStatusTransitions=transitions,
            LastModifiedTime=now,
            **changes,
        )
        self._emit(name)

    def _end(self, name: str, status: str, detail: str = "", **changes: Any) -> None:
        self._advance(name, detail or status, TrainingJobStatus=status, TrainingEndTime=time.time(), **changes)

    def _emit(self, name: str) -> None:
        detail = self.describe({"TrainingJobName": name})
        self._world.emit("SageMaker Training Job State Change", _event_times(detail), detail["TrainingJobArn"])


class ProcessingJobs:
    kind = "processing-job"

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store
        _fail_interrupted(store, self.kind, "ProcessingJobStatus")

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ProcessingJobName"]
        arn = self._world.arn(self.kind, name)
        now = time.time()
        record = {
            **request,
            "ProcessingJobArn": arn,
            "ProcessingJobStatus": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        if not self._store.add(self.kind, name, record):
            raise in_use("Processing job", arn)
        self._world.background(self._run, name)
        return {"ProcessingJobArn": arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._store.get(self.kind, request["ProcessingJobName"])
        if record is None:
            raise AwsError("ValidationException", "Requested resource not found.")
        return {key: value for key, value in record.items() if key != "Tags"}

    def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self.describe(request)
        if record["ProcessingJobStatus"] in _RUNNING:
            self._store.update(self.kind, request["ProcessingJobName"], ProcessingJobStatus="Stopping")
        return {}

    def summaries(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"ProcessingJobSummaries": _summaries(self._store.all(self.kind), request, "ProcessingJob")}

    def _run(self, name: str) -> None:
        record = self._store.get(self.kind, name) or {}
        scratch = self._world.settings.state / "sagemaker" / "processing" / name
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            for each in record.get("ProcessingInputs", []):
                source = each["S3Input"]
                self._world.fetch(source, _mapped_path(source["LocalPath"], scratch))
            self._process(name, record, scratch)
            self._end(name, "Completed", ExitMessage="")
        except _StoppedError as error:
            self._end(name, "Stopped", ExitMessage=str(error))
        except Exception as error:
            self._end(name, "Failed", FailureReason=_reason(error))

    def _process(self, name: str, record: Record, scratch: Path) -> None:
        outputs = record.get("ProcessingOutputConfig", {}).get("Outputs", [])
        for each in outputs:
            _mapped_path(each["S3Output"]["LocalPath"], scratch).mkdir(parents=True, exist_ok=True)
        application = record["AppSpecification"]
        words = [*application.get("ContainerEntrypoint", []), *application.get("ContainerArguments", [])]
        command = [_mapped(each, scratch) for each in words]
        if command and Path(command[0]).name.startswith("python"):
            command[0] = self._world.settings.python
        limit = record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400)
        environment = {**os.environ, **record.get("Environment", {})}
        code = _execute(self._world, command, scratch, environment, limit, lambda: self._stopping(name))
        if code != 0:
            raise JobError(_failure(scratch, code, " ".join(words)))
        for each in outputs:
            self._upload(each["S3Output"], scratch)

    def _upload(self, output: dict[str, Any], scratch: Path) -> None:
        folder = _mapped_path(output["LocalPath"], scratch)
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            self._world.upload(path, f"{output['S3Uri'].rstrip('/')}/{path.relative_to(folder).as_posix()}")

    def _stopping(self, name: str) -> bool:
        return (self._store.get(self.kind, name) or {}).get("ProcessingJobStatus") == "Stopping"

    def _end(self, name: str, status: str, **changes: Any) -> None:
        now = time.time()
        record = self._store.update(
            self.kind, name, ProcessingJobStatus=status, ProcessingEndTime=now, LastModifiedTime=now, **changes
        )
        detail = {key: value for key, value in record.items() if key != "Tags"}
        self._world.emit("SageMaker Processing Job State Change", _event_times(detail), record["ProcessingJobArn"])


class _StoppedError(Exception):
    """The job ends as Stopped; the text is its secondary status, where that is another."""


def _reason(error: Exception) -> str:
    """Whatever ends a job must be said: a job that hangs in progress helps nobody to find a defect."""
    if isinstance(error, JobError):
        return str(error)[:_TAIL]
    ours = isinstance(error, (BotoCoreError, ClientError, KeyError, OSError, ValueError, re.error, tarfile.TarError))
    return f"{'ClientError' if ours else 'InternalServerError'}: {error or type(error).__name__}"[:_TAIL]


def _execute(
    world: World, command: list[str], scratch: Path, environment: dict[str, str], limit: int, stopping: Any
) -> int:
    """Run a command, its output in scratch/log.txt. Raises _StoppedError when asked to and past the time limit."""
    cleaned = {key: value for key, value in environment.items() if key != "PYTHONPATH"}
    with (scratch / "log.txt").open("wb") as log:
        child = world.spawn(command, cwd=scratch, env=cleaned, stdout=log, stderr=log)
        deadline = time.monotonic() + limit
        while child.poll() is None:
            if stopping():
                world.stop(child)
                raise _StoppedError
            if time.monotonic() > deadline:
                world.stop(child)
                raise _StoppedError("MaxRuntimeExceeded")
            time.sleep(_POLL)
    return int(child.returncode)


def _failure(scratch: Path, code: int, command: str) -> str:
    log = (scratch / "log.txt").read_text(errors="replace").strip()
    written = scratch / "output" / "failure"
    said = written.read_text(errors="replace").strip() if written.is_file() else log[-600:]
    return f'AlgorithmError: ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{said}"\nCommand "{command}"'


def _training_environment(record: Record, scratch: Path, name: str, parameters: dict[str, Any]) -> dict[str, str]:
    channels = sorted(each["ChannelName"] for each in record.get("InputDataConfig", []))
    ours = {
        "SM_MODEL_DIR": str(scratch / "model"),
        "SM_INPUT_DIR": str(scratch / "input"),
        "SM_INPUT_CONFIG_DIR": str(scratch / "input" / "config"),
        "SM_OUTPUT_DIR": str(scratch / "output"),
        "SM_OUTPUT_DATA_DIR": str(scratch / "output" / "data"),
        "SM_OUTPUT_INTERMEDIATE_DIR": str(scratch / "output" / "intermediate"),
        "SM_CHANNELS": json.dumps(channels),
        "SM_HPS": json.dumps(parameters),
        "SM_NUM_CPUS": str(os.cpu_count() or 1),
        "SM_NUM_GPUS": "0",
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "TRAINING_JOB_NAME": name,
    }
    ours |= {f"SM_CHANNEL_{each.upper()}": str(scratch / "input" / "data" / each) for each in channels}
    ours |= {f"SM_HP_{key.upper().replace('-', '_')}": _encoded(value) for key, value in parameters.items()}
    return {**os.environ, **record.get("Environment", {}), **ours}


def _write_config(record: Record, scratch: Path) -> None:
    """The documents of /opt/ml/input/config, in which every hyperparameter is a string."""
    folder = scratch / "input" / "config"
    folder.mkdir(parents=True, exist_ok=True)
    channels = {
        each["ChannelName"]: {
            "TrainingInputMode": each.get("InputMode", "File"),
            "S3DistributionType": each["DataSource"]["S3DataSource"].get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": each.get("RecordWrapperType", "None"),
        }
        for each in record.get("InputDataConfig", [])
    }
    hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
    documents = {
        "hyperparameters": record.get("HyperParameters", {}),
        "inputdataconfig": channels,
        "resourceconfig": hosts,
    }
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))


def _archive(folder: Path, target: Path) -> Path:
    with tarfile.open(target, "w:gz") as bundle:
        for path in sorted(folder.iterdir()):
            bundle.add(path, arcname=path.name)
    return target


def _metrics(record: Record, scratch: Path) -> list[dict[str, Any]]:
    log = (scratch / "log.txt").read_text(errors="replace")
    found = []
    for each in record["AlgorithmSpecification"].get("MetricDefinitions", []):
        values = re.findall(each["Regex"], log)
        if values:
            found.append({"MetricName": each["Name"], "Value": float(values[-1]), "Timestamp": time.time()})
    return found


def _mapped(text: str, scratch: Path) -> str:
    return text.replace("/opt/ml", str(scratch))


def _mapped_path(text: str, scratch: Path) -> Path:
    return Path(_mapped(text, scratch))


def _decoded(value: str) -> Any:
    """Script-mode hyperparameters are JSON; a value that is not is taken as the text it is."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _encoded(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _fail_interrupted(store: Store, kind: str, field: str) -> None:
    """Jobs that ran when the machine went down did not survive it."""
    for each in store.all(kind):
        if each[field] in _RUNNING:
            name = each[field.replace("Status", "Name")]
            store.update(
                kind, name, **{field: "Failed", "FailureReason": "InternalServerError: the host was restarted"}
            )


def _summaries(records: list[Record], request: dict[str, Any], noun: str) -> list[dict[str, Any]]:
    wanted = [each for each in records if request.get("NameContains", "") in each[f"{noun}Name"]]
    if "StatusEquals" in request:
        wanted = [each for each in wanted if each[f"{noun}Status"] == request["StatusEquals"]]
    newest = sorted(wanted, key=lambda each: each["CreationTime"], reverse=True)[: request.get("MaxResults", 10)]
    keys = (f"{noun}Name", f"{noun}Arn", f"{noun}Status", "CreationTime", "LastModifiedTime")
    return [{key: each[key] for key in keys} for each in newest]


def _event_times(detail: dict[str, Any]) -> dict[str, Any]:
    """Events carry epoch milliseconds where the API answers seconds."""
    return {key: int(value * 1000) if key.endswith("Time") else value for key, value in detail.items()}
