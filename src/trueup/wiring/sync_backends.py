"""Builds what functions/backend_sync calls."""

from __future__ import annotations

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.labeling_files import S3LabelingFiles
from trueup.adapters.aws.labeling_jobs import SageMakerLabelingJobs
from trueup.adapters.aws.ledgers import DynamoBatchStore, DynamoQueueStandings
from trueup.adapters.aws.secrets import DerivedToken, Secret
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.adapters.backends.ground_truth import GroundTruth, Roles
from trueup.adapters.backends.ground_truth_stream import GroundTruthStream
from trueup.adapters.backends.label_studio import LabelStudio
from trueup.adapters.backends.label_studio_api import LabelStudioApi
from trueup.adapters.backends.label_studio_home import Inbox
from trueup.model import GroundTruthBackend, Project
from trueup.ports import LabelingBackend
from trueup.settings import BackendSyncSettings
from trueup.usecases.receive_hint import HEADER
from trueup.usecases.sync_backend import SyncBackend
from trueup.usecases.sync_backends import SyncBackends
from trueup.usecases.take_backend_answers import TakeBackendAnswers
from trueup.wiring.projects import packaged_projects


def sync_backends(settings: BackendSyncSettings, clients: Clients | None = None) -> SyncBackends:
    """One per project. Those that label at home have batches of a former backend, or none."""
    clients = clients or Clients()
    clock = SystemClock()
    table = Table(clients["dynamodb"], settings.table_name)
    tasks = DynamoTaskStore(table)
    syncs = {
        name: SyncBackend(
            project=project,
            tasks=tasks,
            answers=TakeBackendAnswers(tasks, clock),
            batches=DynamoBatchStore(table),
            backends=_backends(project, settings, clients),
            standings=DynamoQueueStandings(table),
            clock=clock,
        )
        for name, project in packaged_projects(settings.projects_file).items()
    }
    return SyncBackends(syncs, clock)


def _backends(project: Project, settings: BackendSyncSettings, clients: Clients) -> dict[str, LabelingBackend]:
    """Those that the project has settings of."""
    found: dict[str, LabelingBackend] = {}
    if project.ground_truth is not None:
        found["ground_truth"] = _ground_truth(project, project.ground_truth, settings, clients)
    if project.label_studio is not None:
        token = Secret(clients["secretsmanager"], project.label_studio.secret)
        place = f"{settings.stage}/{project.name}"
        # By its id alone: with the addresses of all queues, that of the API would not fit into the environment.
        api = f"https://{settings.api_id}.execute-api.{clients.region}.{clients.domain}"
        found["label_studio"] = LabelStudio(
            project,
            LabelStudioApi(project.label_studio.url, token),
            S3LabelingFiles(clients["s3"], settings.dataset_bucket, clients.region),
            place=place,
            inbox=Inbox(f"{api}/api/projects/{project.name}/hints", HEADER, DerivedToken(token, place)),
        )
    return found


def _ground_truth(
    project: Project, wanted: GroundTruthBackend, settings: BackendSyncSettings, clients: Clients
) -> GroundTruth:
    roles = Roles(
        role_arn=settings.labeling_role_arn,
        key_arn=settings.key_arn,
        prepare_arn=settings.labeling_functions.get("prepare", ""),
        gather_arn=settings.labeling_functions.get("gather", ""),
    )
    sagemaker, s3, sns = clients["sagemaker"], clients["s3"], clients["sns"]
    jobs = SageMakerLabelingJobs(sagemaker, s3, settings.dataset_bucket, clients.region, sns)
    if not wanted.streaming:
        return GroundTruth(project, wanted, jobs, roles)
    topic = f"{settings.labeling_topics}{project.name}"
    return GroundTruthStream(project, wanted, jobs, roles, topic=topic, clock=SystemClock())
