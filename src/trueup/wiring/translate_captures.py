"""Builds what functions/capture_translate calls."""

from __future__ import annotations

from trueup.adapters.aws.capture_sources import S3CaptureSources, SqsTransformQueue
from trueup.adapters.aws.clients import Clients
from trueup.settings import CaptureTranslateSettings
from trueup.usecases.translate_captures import TranslateCaptures
from trueup.wiring.projects import packaged_projects


def translate_captures(settings: CaptureTranslateSettings, clients: Clients | None = None) -> TranslateCaptures:
    clients = clients or Clients()
    return TranslateCaptures(
        projects=packaged_projects(settings.projects_file),
        sources=S3CaptureSources(clients["s3"]),
        queue=SqsTransformQueue(clients["sqs"], settings.queue_url),
        bucket=settings.captures_bucket,
    )
