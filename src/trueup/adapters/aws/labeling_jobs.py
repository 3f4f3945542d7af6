"""SageMaker's labeling jobs, their files and topics, as backends/ground_truth.py needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.errors import code_of, translated
from trueup.adapters.parts import parts
from trueup.errors import NotFoundError, RetryableError

# What one PublishBatch takes; 256 KiB with what else is in a request.
_BATCH, _BATCH_BYTES = 10, 250_000


class SageMakerLabelingJobs:
    def __init__(self, sagemaker: Any, s3: Any, bucket: str, region: str, sns: Any = None) -> None:
        self._sagemaker = sagemaker
        self._sns = sns
        self._s3 = s3
        self._bucket = Bucket(s3, bucket)
        self.region = region
        self.bucket = bucket

    def create(self, request: Mapping[str, Any]) -> None:
        with translated(f"creating the labeling job {request['LabelingJobName']}"):
            try:
                self._sagemaker.create_labeling_job(**request)
            except ClientError as error:
                if code_of(error) != "ResourceInUse":
                    raise

    def status(self, name: str) -> str:
        with translated(f"describing the labeling job {name}"):
            try:
                return str(self._sagemaker.describe_labeling_job(LabelingJobName=name)["LabelingJobStatus"])
            except ClientError as error:
                if code_of(error) == "ResourceNotFound":
                    raise NotFoundError(f"there is no labeling job {name}") from error
                raise

    def put(self, key: str, data: bytes) -> str:
        self._bucket.put(key, data, "application/octet-stream")
        return self._bucket.uri(key)

    def read(self, uri: str) -> bytes:
        return self._bucket.get(self._bucket.key_of(uri))[0]

    def objects(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        for key in self.keys(prefix):
            yield key, self._bucket.get(key)[0]

    def keys(self, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        with translated(f"listing {prefix}"):
            for page in pages:
                yield from (each["Key"] for each in page.get("Contents", []))

    def publish(self, topic: str, messages: Sequence[str]) -> None:
        for chunk in parts(messages, _BATCH, _BATCH_BYTES, lambda each: len(each.encode())):
            entries = [{"Id": str(number), "Message": each} for number, each in enumerate(chunk)]
            with translated(f"publishing to {topic}"):
                answer = self._sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
            if answer.get("Failed"):
                told = answer["Failed"][0]
                raise RetryableError(f"publishing to {topic}: {told.get('Code')}: {told.get('Message')}")

    def stop(self, name: str) -> None:
        with translated(f"stopping the labeling job {name}"):
            try:
                self._sagemaker.stop_labeling_job(LabelingJobName=name)
            except ClientError as error:
                if code_of(error) not in ("ResourceNotFound", "ValidationException"):
                    raise
