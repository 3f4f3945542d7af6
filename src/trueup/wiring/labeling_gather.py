"""Builds what functions/labeling_gather calls."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.clients import Clients
from trueup.adapters.backends.ground_truth_pages import Gather
from trueup.settings import LabelingGatherSettings

__all__ = ["Gather", "gather"]


def gather(settings: LabelingGatherSettings, clients: Clients | None = None) -> Gather:
    clients = clients or Clients()
    bucket = Bucket(clients["s3"], settings.dataset_bucket)
    return Gather(lambda uri: bucket.get(bucket.key_of(uri))[0])
