"""What deletion needs, over each implementation: the fakes, and the AWS adapters on moto with buckets that keep every
version of their objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.contract.implementations import CAPTURES, DATASET, TABLE, Ports, clients_of_moto, in_memory, items_of, on_aws
from tests.worlds import NOW, project
from trueup.adapters import memory
from trueup.adapters.aws.erasing import AwsReceiptBook, S3CaptureRewriter, S3ObjectEraser
from trueup.adapters.aws.forgetting_store import DynamoForgettingStore
from trueup.adapters.aws.segment_tables import S3SegmentTables
from trueup.adapters.aws.signing import KmsReceiptSigner
from trueup.adapters.aws.table import Table
from trueup.adapters.memory_forgetting import (
    MemoryCaptureRewriter,
    MemoryForgettingStore,
    MemoryObjectEraser,
    MemoryReceiptBook,
    MemoryReceiptSigner,
)
from trueup.adapters.memory_tables import MemorySegmentTables
from trueup.ports import CaptureRewriter, ForgettingStore, ObjectEraser, ReceiptBook, ReceiptSigner, SegmentTables
from trueup.usecases.forget_samples import ForgetSamples
from trueup.usecases.resolve_subject import ResolveSubject

CONFIG = project()


@dataclass(frozen=True)
class Forgets:
    """The ports, and `everything` that is stored anywhere in any version, as text. `put` writes an object of the
    dataset bucket by its key."""

    ports: Ports
    store: ForgettingStore
    objects: ObjectEraser
    captures: CaptureRewriter
    receipts: ReceiptBook
    signer: ReceiptSigner
    tables: SegmentTables
    everything: Callable[[], str]
    put: Callable[[str, bytes], None]

    @property
    def forget(self) -> ForgetSamples:
        ports, clock = self.ports, memory.FixedClock(NOW)
        resolve = ResolveSubject(
            tasks=ports.tasks,
            datasets=ports.datasets,
            lineage=ports.lineage,
            registry=ports.registry,
            runs=ports.runs,
            forgetting=self.store,
            objects=self.objects,
            listing=ports.listing,
            captures=self.captures,
            clock=clock,
        )
        return ForgetSamples(
            projects={CONFIG.name: CONFIG},
            resolve=resolve,
            datasets=ports.datasets,
            forgetting=self.store,
            objects=self.objects,
            captures=self.captures,
            knowledge=ports.knowledge,
            batches=ports.batches,
            receipts=self.receipts,
            signer=self.signer,
            clock=clock,
        )


def forgets_in_memory() -> Forgets:
    ports: Any = in_memory()
    world = ports.tasks._world
    archive, datasets, payloads = ports.archive, ports.datasets, ports.payloads

    def everything() -> str:
        stores = (world, ports.tasks, ports.gold, ports.feedback, payloads, ports.datasets, archive)
        return "\n".join(repr(vars(each)) for each in stores)

    return Forgets(
        ports=ports,
        store=MemoryForgettingStore(world, ports.tasks, ports.gold, ports.feedback, datasets),
        objects=MemoryObjectEraser(world, datasets, payloads, archive),
        captures=MemoryCaptureRewriter(archive),
        receipts=MemoryReceiptBook(world),
        signer=MemoryReceiptSigner(),
        tables=MemorySegmentTables(datasets),
        everything=everything,
        put=lambda key, data: datasets.objects.update({f"memory://{key}": data}),
    )


def forgets_on_aws() -> Forgets:
    """To be called with moto's mock_aws in force."""
    ports, clients = on_aws(), clients_of_moto()
    s3, dynamodb, kms = clients["s3"], clients["dynamodb"], clients["kms"]
    for bucket in (DATASET, CAPTURES):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    table = Table(dynamodb, TABLE, page_size=2)
    return Forgets(
        ports=ports,
        store=DynamoForgettingStore(table),
        objects=S3ObjectEraser(s3, DATASET, table),
        captures=S3CaptureRewriter(s3),
        receipts=AwsReceiptBook(s3, DATASET, table),
        signer=KmsReceiptSigner(kms, key),
        tables=S3SegmentTables(s3, DATASET),
        everything=lambda: _stored(s3) + repr(items_of(dynamodb)),
        put=lambda key, data: s3.put_object(Bucket=DATASET, Key=key, Body=data),
    )


def _stored(s3: Any) -> str:
    """Keys and bytes of every version of every object."""
    found = []
    for bucket in (DATASET, CAPTURES):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in page.get("Versions", []):
                version = s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
                found.append(f"{each['Key']} {version['Body'].read().decode(errors='replace')}")
            found += [each["Key"] for each in page.get("DeleteMarkers", [])]
    return "\n".join(found)
