"""A person or the policy ruled on a model package: deploy it, or let it rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from trueup.errors import InputError, RetryableError
from trueup.events import RetrainingConcluded
from trueup.lineage.edges import promoted
from trueup.model import ModelPackage, Project, Record, RetrainingRun, RunStatus
from trueup.ports import Clock, Journal, ModelRegistry, RunStore, Workflows
from trueup.retraining.plan import promotion_plan


class Deployables(Record, frozen=True, kw_only=True):
    """What of the deployment a promotion of one project needs to name."""

    role_arn: str
    key_arn: str
    capture_uri: str
    model_package_group: str
    alarm_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class PromoteModel:
    """Act on the approval that the registry states *now*, whatever the event said: events repeat and come late.

    Returns the run, or None when the package is no business of ours. A rejected package, or one whose run did
    not pass the gate, is never deployed; a package older than the serving one is refused.
    Raises NotFoundError (package), RetryableError (the run's record is not yet there).
    """

    projects: Mapping[str, Project]
    deployables: Callable[[str], Deployables]
    registry: ModelRegistry
    runs: RunStore
    workflows: Workflows
    clock: Clock

    def __call__(self, model_package_arn: str) -> RetrainingRun | None:
        package = self.registry.package(model_package_arn)
        project = self.projects.get(package.metadata.get("trueup-project", ""))
        if project is None or package.group != self.deployables(project.name).model_package_group:
            return None
        run = self.runs.get(project.name, package.metadata["trueup-run"])
        if package.approval == "Rejected":
            return self._reject(run)
        if package.approval != "Approved":
            return run
        return self._promote(project, package, run)

    def _reject(self, run: RetrainingRun) -> RetrainingRun:
        if run.status is not RunStatus.AWAITING_APPROVAL:
            return run
        now = self.clock.now()
        ended = msgspec.structs.replace(
            run, status=RunStatus.REJECTED, ended_at=now, outcome="the model package was rejected in the registry"
        )
        event = RetrainingConcluded(
            project=run.project,
            run_id=run.run_id,
            status=ended.status.value,
            outcome=ended.outcome,
            metrics=dict(run.metrics),
        )
        self.runs.save(ended, Journal(at=now, events=(event,)))
        return ended

    def _promote(self, project: Project, package: ModelPackage, run: RetrainingRun) -> RetrainingRun:
        if run.status is RunStatus.RUNNING:
            raise RetryableError(f"run {run.run_id} is not registered yet: its approval came early")
        if run.status not in (RunStatus.AWAITING_APPROVAL, RunStatus.PROMOTING):
            return run
        self._refuse_older(project, run)
        promoting = msgspec.structs.replace(run, status=RunStatus.PROMOTING, model_package_arn=package.arn)
        if run.status is not RunStatus.PROMOTING:
            now = self.clock.now()
            self.runs.save(promoting, Journal(at=now, edges=(promoted(run, package, now),)))
        around = self.deployables(project.name)
        plan = promotion_plan(
            project,
            run,
            package,
            self.registry.endpoint_config(project.endpoint_name),
            role_arn=around.role_arn,
            capture_uri=around.capture_uri,
            key_arn=around.key_arn,
            alarm_names=around.alarm_names,
        )
        document = {
            "project": project.name,
            "run_id": run.run_id,
            "model_package_arn": package.arn,
            "plan": plan,
        }
        arn = self.workflows.start_promotion(f"{project.name}-{run.run_id}", document)
        return msgspec.structs.replace(promoting, promotion_execution_arn=arn)

    def _refuse_older(self, project: Project, run: RetrainingRun) -> None:
        for other in self.runs.runs(project.name, 20):
            if other.status is RunStatus.PROMOTED and other.started_at > run.started_at:
                raise InputError(
                    f"run {run.run_id} is older than run {other.run_id}, which serves already: approve the newer one"
                )
