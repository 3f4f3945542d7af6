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
        source = request["InputConfig"]["DataSource"]
        topic = source.get("SnsDataSource", {}).get("SnsTopicArn")
        lines = [] if topic else self._manifest(source["S3DataSource"]["ManifestS3Uri"])
        now = time.time()
        record = {
            **request,
            "LabelingJobArn": arn,
            "LabelingJobStatus": "Initializing" if topic else "InProgress",
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
        if topic:
            self._listen(name, topic)
        return {"LabelingJobArn": arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._record(request["LabelingJobName"])
        if record["LabelingJobStatus"] == "Initializing":
            self._store.update(_KIND, request["LabelingJobName"], LabelingJobStatus="InProgress")
        elif _streams(record):
            with self._lock:
                record = self._hear(request["LabelingJobName"])
        return {key: value for key, value in record.items() if key not in ("Objects", "Lines", "Answers")}

    def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._record(request["LabelingJobName"])
        if record["LabelingJobStatus"] not in ("Initializing", "InProgress"):
            raise AwsError("ValidationException", "The labeling job is not running.")
        self._end(record["LabelingJobName"], "Stopped")
        return {}

    def answer(self, name: str, answer: dict[str, Any]) -> None:
        """One worker's answer on one object; the job completes when every object has its workers."""
        with self._lock:
            self._answer(name, answer)

    def _listen(self, name: str, topic: str) -> None:
        """Ground Truth makes a queue in the account, subscribes it, and never deletes it."""
        queues = self._world.client("sqs")
        url = queues.create_queue(QueueName=_queue(name))["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self._world.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def _hear(self, name: str) -> dict[str, Any]:
        """Take in the objects that were sent to a streaming job, each id once."""
        record = self._record(name)
        lines = {_id_of(each): each for each in record["Lines"]}
        queues = self._world.client("sqs")
        url = queues.get_queue_url(QueueName=_queue(name))["QueueUrl"]
        while found := queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for each in found:
                line = json.loads(json.loads(each["Body"])["Message"])
                lines.setdefault(_id_of(line), line)
                queues.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        if len(lines) == record["Objects"]:
            return record
        labelled = record["LabelCounters"]["TotalLabeled"]
        failed = record["LabelCounters"]["FailedNonRetryableError"]
        counters = _counters(labelled, len(lines) - labelled - failed, failed)
        known = list(lines.values())
        return self._store.update(_KIND, name, Lines=known, Objects=len(known), LabelCounters=counters)

    def _answer(self, name: str, answer: dict[str, Any]) -> None:
        record = self._record(name)
        if _streams(record):
            record = self._hear(name)
        if record["LabelingJobStatus"] != "InProgress":
            raise AwsError("ValidationException", f"The labeling job is {record['LabelingJobStatus']}.")
        if not 0 <= int(answer["object"]) < record["Objects"]:
            raise AwsError("ValidationException", f"The labeling job has no object {answer['object']}.")
        wanted = record["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"]
        answers = [*record["Answers"], {**answer, "time": datetime.now(UTC).isoformat(timespec="microseconds")}]
        labelled = sum(len(_of(answers, index)) >= wanted for index in range(record["Objects"]))
        failed = len({int(each["object"]) for each in answers if "failure" in each})
        done = labelled + failed
        counters = _counters(labelled, record["Objects"] - done, failed)
        self._store.update(_KIND, name, Answers=answers, LabelCounters=counters)
        if "failure" not in answer:
            self._write_response(record, answers[-1])
        self._write_manifest(record, answers, wanted)
        if done == record["Objects"] and not _streams(record):
            self._end(name, "Completed")

    def _write_response(self, record: dict[str, Any], answer: dict[str, Any]) -> None:
        """A file for each worker's answer, in a folder for each object."""
        root = f"{record['OutputConfig']['S3OutputPath'].rstrip('/')}/{record['LabelingJobName']}"
        index = int(answer["object"])
        folder = _id_of(record["Lines"][index]) if _streams(record) else index
        document = {"answers": [_worker_answer(answer)]}
        key = f"{root}/annotations/worker-response/iteration-1/{folder}/{answer['time']}.json"
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


def _streams(record: dict[str, Any]) -> bool:
    return "SnsDataSource" in record["InputConfig"]["DataSource"]


def _queue(name: str) -> str:
    return f"GroundTruth-{name.lower()}"


def _id_of(line: dict[str, Any]) -> str:
    """By which the same object sent twice is one."""
    return str(line.get(line.get("dataset-objectid-attribute-name", ""), json.dumps(line, sort_keys=True)))


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
