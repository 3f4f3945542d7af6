"""Builds what takes a person's data away, and what checks the receipts of it."""

from __future__ import annotations

from trueup.adapters.aws.capture_listing import S3CaptureListing
from trueup.adapters.aws.erasing import AwsReceiptBook, S3CaptureRewriter, S3ObjectEraser
from trueup.adapters.aws.forgetting_store import DynamoForgettingStore
from trueup.adapters.aws.ledgers import DynamoBatchStore, DynamoKnowledgeStore
from trueup.adapters.aws.signing import KmsReceiptSigner
from trueup.errors import NotFoundError
from trueup.usecases.check_receipts import CheckReceipts
from trueup.usecases.forget_samples import ForgetSamples
from trueup.usecases.resolve_subject import ResolveSubject
from trueup.wiring.operator import Operator


def forget_samples(place: Operator) -> ForgetSamples:
    store = DynamoForgettingStore(place.table)
    objects = S3ObjectEraser(place.clients["s3"], place.deployment.dataset_bucket, place.table)
    captures = S3CaptureRewriter(place.clients["s3"])
    resolve = ResolveSubject(
        tasks=place.tasks,
        datasets=place.datasets,
        lineage=place.lineage,
        registry=place.registry,
        runs=place.runs,
        forgetting=store,
        objects=objects,
        listing=S3CaptureListing(place.clients["s3"], place.deployment.captures_bucket),
        captures=captures,
        clock=place.clock,
    )
    return ForgetSamples(
        projects=place.projects,
        resolve=resolve,
        datasets=place.datasets,
        forgetting=store,
        objects=objects,
        captures=captures,
        knowledge=DynamoKnowledgeStore(place.table),
        batches=DynamoBatchStore(place.table),
        receipts=_book(place),
        signer=_signer(place),
        clock=place.clock,
    )


def check_receipts(place: Operator) -> CheckReceipts:
    return CheckReceipts(projects=place.projects, receipts=_book(place), signer=_signer(place), datasets=place.datasets)


def _book(place: Operator) -> AwsReceiptBook:
    return AwsReceiptBook(place.clients["s3"], place.deployment.dataset_bucket, place.table)


def _signer(place: Operator) -> KmsReceiptSigner:
    """Raises NotFoundError for a deployment from before there was a key."""
    if not place.deployment.signing_key_arn:
        raise NotFoundError(
            "this deployment has no key to sign receipts with: deploy again with `npx cdk deploy --all`"
        )
    return KmsReceiptSigner(place.clients["kms"], place.deployment.signing_key_arn)
