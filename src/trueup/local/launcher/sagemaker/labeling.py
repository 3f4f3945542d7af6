"""Ground Truth labeling jobs: accepted, described, stopped; answered through a route that only exists locally.

POST /_trueup/labeling-jobs/<name>/answers with {"object": index, "worker": id, "label": class, "seconds": n}
stands for a worker's submission; the worker-response file, the output manifest and, with the last one, the event follow
as on AWS. {"object": index, "failure": reason} is an object that expired, or that Ground Truth gave up on.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from trueup.local.launcher.sagemaker.errors import AwsError, in_use
from trueup.local.launcher.sagemaker.store import Store
from trueup.local.launcher.sagemaker.world import World

_KIND = "labeling-job"


class LabelingJobs:
    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store
        self._lock = threading.Lock()

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["LabelingJobName"]
        arn = self._world.arn(_KIND, name.lower())
        lines = self._manifest(request["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"])
        now = time.time()
        record = {
            **request,
            "LabelingJobArn": arn,
            "LabelingJobStatus": "InProgress",
            "JobReferenceCode": hashlib.sha256(arn.encode()).hexdigest()[:12],
            "CreationTime": now,
            "LastModifiedTime": now,
            "LabelCounters": _counters(0, len(lines)),
            "Objects": len(lines),
            "Lines": [json.loads(each) for each in lines],
            "Answers": [],
        }
        if not self._store.add(_KIND, name, record):
            raise in_use("Labeling job", arn)
        return {"LabelingJobArn": arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._record(request["LabelingJobName"])
        return {key: value for key, value in record.items() if key not in ("Objects", "Lines", "Answers")}

    def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._record(request["LabelingJobName"])
        if record["LabelingJobStatus"] != "InProgress":
            raise AwsError("ValidationException", "The labeling job is not running.")
        self._end(record["LabelingJobName"], "Stopped")
        return {}

    def answer(self, name: str, answer: dict[str, Any]) -> None:
        """One worker's answer on one object; the job completes when every object has its workers."""
        with self._lock:
            self._answer(name, answer)

    def _answer(self, name: str, answer: dict[str, Any]) -> None:
        record = self._record(name)
        if record["LabelingJobStatus"] != "InProgress":
            raise AwsError("ValidationException", f"The labeling job is {record['LabelingJobStatus']}.")
        if not 0 <= int(answer["object"]) < record["Objects"]:
            raise AwsError("ValidationException", f"The labeling job has no object {answer['object']}.")
        wanted = record["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"]
        answers = [*record["Answers"], {**answer, "time": datetime.now(UTC).isoformat(timespec="milliseconds")}]
        labelled = sum(len(_of(answers, index)) >= wanted for index in range(record["Objects"]))
        failed = len({int(each["object"]) for each in answers if "failure" in each})
        done = labelled + failed
        counters = _counters(labelled, record["Objects"] - done, failed)
        self._store.update(_KIND, name, Answers=answers, LabelCounters=counters)
        if "failure" not in answer:
            self._write_responses(record, answers, int(answer["object"]))
        self._write_manifest(record, answers, wanted)
        if done == record["Objects"]:
            self._end(name, "Completed")

    def _write_responses(self, record: dict[str, Any], answers: list[dict[str, Any]], index: int) -> None:
        root = f"{record['OutputConfig']['S3OutputPath'].rstrip('/')}/{record['LabelingJobName']}"
        document = {"answers": [_worker_answer(each) for each in _of(answers, index)]}
        key = f"{root}/annotations/worker-response/iteration-1/{index}/responses.json"
        self._world.put(key, json.dumps(document).encode())

    def _write_manifest(self, record: dict[str, Any], answers: list[dict[str, Any]], wanted: int) -> None:
        """Every input line, those of objects that have their workers with a label."""
        rows = []
        for index, line in enumerate(record["Lines"]):
            given = _of(answers, index)
            failure = next(
                (each["failure"] for each in answers if int(each["object"]) == index and "failure" in each), ""
            )
            if failure:
                rows.append({**line, f"{record['LabelAttributeName']}-metadata": {"failure-reason": failure}})
            else:
                rows.append(_labelled(line, given, record) if len(given) >= wanted else line)
        root = f"{record['OutputConfig']['S3OutputPath'].rstrip('/')}/{record['LabelingJobName']}"
        data = "".join(json.dumps(each) + "\n" for each in rows)
        self._world.put(f"{root}/manifests/output/output.manifest", data.encode())

    def _manifest(self, uri: str) -> list[bytes]:
        try:
            return self._world.get(uri).splitlines()
        except ClientError as error:
            raise AwsError("ValidationException", f"The input manifest {uri} cannot be read: {error}") from error

    def _end(self, name: str, status: str) -> None:
        record = self._store.update(_KIND, name, LabelingJobStatus=status, LastModifiedTime=time.time())
        self._world.emit(
            "SageMaker Ground Truth Labeling Job State Change", {"LabelingJobStatus": status}, record["LabelingJobArn"]
        )

    def _record(self, name: str) -> dict[str, Any]:
        record = self._store.get(_KIND, name)
        if record is None:
            raise AwsError("ResourceNotFound", f"Labeling job {name} does not exist.")
        return record


def _of(answers: list[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    return [each for each in answers if int(each["object"]) == index and "failure" not in each]


def _labelled(line: dict[str, Any], answers: list[dict[str, Any]], record: dict[str, Any]) -> dict[str, Any]:
    attribute = record["LabelAttributeName"]
    said = [each["label"] for each in answers]
    metadata = {
        "class-name": max(said, key=said.count),
        "confidence": 0.0,
        "human-annotated": "yes",
        "job-name": f"labeling-job/{record['LabelingJobName'].lower()}",
        "creation-date": answers[-1]["time"].removesuffix("+00:00"),
    }
    return {**line, attribute: 0, f"{attribute}-metadata": metadata}


def _worker_answer(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "acceptanceTime": answer["time"],
        "answerContent": {"label": {"label": answer["label"]}},
        "submissionTime": answer["time"],
        "timeSpentInSeconds": float(answer.get("seconds", 1.0)),
        "workerId": f"private.local.{answer['worker']}",
        "workerMetadata": {
            "identityData": {"identityProviderType": "Cognito", "issuer": "local", "sub": answer["worker"]}
        },
    }


def _counters(labeled: int, unlabeled: int, failed: int = 0) -> dict[str, int]:
    return {
        "TotalLabeled": labeled,
        "HumanLabeled": labeled,
        "MachineLabeled": 0,
        "FailedNonRetryableError": failed,
        "Unlabeled": unlabeled,
    }
