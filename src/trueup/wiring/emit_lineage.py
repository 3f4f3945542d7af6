"""Builds what functions/lineage_emit calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.ledgers import DynamoReportStore, DynamoRunStore
from trueup.adapters.aws.lineage_bus import EventBridgeLineage
from trueup.adapters.aws.sagemaker_lineage import SageMakerLineage
from trueup.adapters.aws.secrets import Secret
from trueup.adapters.aws.table import Table
from trueup.adapters.integrations.openlineage import HttpLineage
from trueup.lineage.whereabouts import Whereabouts
from trueup.model import OpenLineageSink, Project
from trueup.ports import LineageEvents
from trueup.settings import LineageEmitSettings, lineage_namespace
from trueup.usecases.describe_lineage import DescribeLineage
from trueup.usecases.emit_lineage import EmitLineage, MirrorRun
from trueup.usecases.find_project import project_named
from trueup.wiring.projects import packaged_projects


def emit_lineage(settings: LineageEmitSettings, clients: Clients | None = None) -> EmitLineage:
    clients = clients or Clients()
    projects = packaged_projects(settings.projects_file)
    table = Table(clients["dynamodb"], settings.table_name)
    datasets = AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket))
    runs = DynamoRunStore(table)
    graph = SageMakerLineage(clients["sagemaker"])
    places = _places(projects, settings)
    mirror = MirrorRun(places, datasets, runs, graph)
    return EmitLineage(
        describe=DescribeLineage(places, datasets, runs, DynamoReportStore(table)),
        sinks={
            name: _sink(each.lineage.openlineage, settings, clients)
            for name, each in projects.items()
            if each.lineage.openlineage
        },
        mirrors={name: mirror for name, each in projects.items() if each.lineage.sagemaker},
    )


def _sink(wanted: OpenLineageSink, settings: LineageEmitSettings, clients: Clients) -> LineageEvents:
    if wanted.transport == "eventbridge":
        return EventBridgeLineage(clients["events"], settings.bus_name)
    key = Secret(clients["secretsmanager"], wanted.secret) if wanted.secret else None
    return HttpLineage(wanted.url or "", key, wanted.endpoint)


def _places(projects: Mapping[str, Project], settings: LineageEmitSettings) -> Callable[[str], Whereabouts]:
    def place(name: str) -> Whereabouts:
        project = project_named(projects, name)
        return Whereabouts(
            stage=settings.stage,
            project=project,
            namespace=lineage_namespace(settings.stage, project),
            dataset_bucket=settings.dataset_bucket,
            captures_bucket=settings.captures_bucket,
            sagemaker=settings.sagemaker_arns,
        )

    return place
