"""Lineage reaches those who want it, each for itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.worlds import NOW, Loop, project
from trueup.adapters.memory import MemoryLineageEvents, MemoryModelLineage
from trueup.errors import NotFoundError, RetryableError, ServiceError
from trueup.events import Event, ModelPromoted, RetrainingConcluded, RetrainingStarted, VersionCommitted
from trueup.lineage.whereabouts import Whereabouts
from trueup.model import DatasetVersion, Payload, RetrainingRun, RunStatus
from trueup.ports import Journal, ModelLineage
from trueup.usecases.describe_lineage import DescribeLineage
from trueup.usecases.emit_lineage import EmitLineage, MirrorRun
from trueup.usecases.import_labels import ImportedLabel, ImportLabels

PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/trueup-dev-pets/1"


class Stubborn(ModelLineage):
    def mirror(self, *_: Any) -> tuple[str, ...]:
        raise ServiceError("full")


class Told:
    """A project with a version, and those who are told of it."""

    def __init__(self) -> None:
        self.loop = Loop(project())
        self.sink, self.graph = MemoryLineageEvents(), MemoryModelLineage()
        loop = self.loop
        self.imports = ImportLabels(loop.projects, loop.payloads, loop.datasets, loop.clock, loop.tasks)

    def place(self, _: str) -> Whereabouts:
        return Whereabouts(
            stage="dev",
            project=self.loop.config,
            namespace="trueup://dev",
            dataset_bucket="data",
            captures_bucket="captures",
            sagemaker="arn:aws:sagemaker:us-east-1:111122223333",
        )

    def emit(self, *, sink: bool = True, graph: ModelLineage | None = None) -> EmitLineage:
        describe = DescribeLineage(self.place, self.loop.datasets, self.loop.runs, self.loop.reports)
        mirror = MirrorRun(self.place, self.loop.datasets, self.loop.runs, graph or self.graph)
        return EmitLineage(describe, {"pets": self.sink} if sink else {}, {"pets": mirror})

    def version(self, *texts: str) -> DatasetVersion:
        labels = [
            ImportedLabel(payload=Payload(data=each.encode(), content_type="text/plain"), label="cat") for each in texts
        ]
        found = self.imports("pets", labels, "brought along")
        assert found is not None
        return found

    def run(self, version: DatasetVersion, name: str, **changes: Any) -> RetrainingRun:
        self.loop.clock.advance(60)
        made = RetrainingRun(
            project="pets",
            run_id=name,
            status=RunStatus.RUNNING,
            version_id=version.version_id,
            rule="manual",
            reason="because",
            started_at=self.loop.clock.now(),
        )
        self.loop.runs.begin(made, Journal(at=made.started_at))
        return self.save(made, **changes)

    def save(self, run: RetrainingRun, **changes: Any) -> RetrainingRun:
        changed = msgspec.structs.replace(run, **changes)
        self.loop.runs.save(changed, Journal(at=NOW))
        return changed


@pytest.fixture
def told() -> Told:
    return Told()


def started(run: RetrainingRun) -> Event:
    return RetrainingStarted(
        project="pets", run_id=run.run_id, version_id=run.version_id, rule=run.rule, reason=run.reason
    )


def test_a_version_is_told_to_openlineage_and_not_to_sagemaker(told: Told) -> None:
    """SageMaker's graph has room for those that are trained on."""
    version = told.version("a", "b")
    event = VersionCommitted(
        project="pets", version_id=version.version_id, number=1, added=2, relabelled=0, classes=("cat",)
    )
    emitted = told.emit()(event, NOW)
    assert (emitted.events, emitted.entities) == (2, 0)
    assert [each.job.name for each in told.sink.emitted] == ["pets.commit_version"] * 2
    assert told.graph.entities == {}


def test_the_mirror_is_a_run_as_it_is_now_however_late_it_is_told(told: Told) -> None:
    version = told.version("a", "b")
    run = told.run(version, "one", status=RunStatus.PROMOTED, training_job="job", model_package_arn=PACKAGE)
    told.graph.jobs.add("arn:aws:sagemaker:us-east-1:111122223333:training-job/job")
    promoted = ModelPromoted(
        project="pets", run_id="one", model_package_arn=PACKAGE, endpoint_name="pets", endpoint_config="c"
    )
    emit = told.emit()
    assert emit(promoted, NOW).unknown == ()
    before = dict(told.graph.entities), dict(told.graph.associations)
    emit(started(run), NOW)
    emit(promoted, NOW)
    assert (told.graph.entities, told.graph.associations) == before
    action = next(each for each in told.graph.entities.values() if each.type == "Retraining")
    assert action.status == "Completed"


def test_a_version_derives_from_what_was_trained_on_before(told: Told) -> None:
    first = told.version("a", "b")
    told.run(first, "one", status=RunStatus.FAILED)
    told.version("c")
    third = told.version("d")
    run = told.run(third, "two")
    told.emit()(started(run), NOW)
    manifests = {told.place("pets").manifest(each.version_id) for each in (first, third)}
    assert {each for each, bond in told.graph.associations.items() if bond == "DerivedFrom"} == {
        (told.place("pets").manifest(first.version_id), told.place("pets").manifest(third.version_id))
    }
    assert {each.source for each in told.graph.entities.values() if each.type == "DataSet"} == manifests


def test_a_job_that_sagemaker_does_not_know_is_reported(told: Told) -> None:
    run = told.run(told.version("a"), "one", status=RunStatus.FAILED, training_job="job")
    assert told.emit()(started(run), NOW).unknown == ("arn:aws:sagemaker:us-east-1:111122223333:training-job/job",)


def test_one_that_fails_does_not_keep_the_other_waiting(told: Told) -> None:
    run = told.run(told.version("a"), "one")
    told.sink.refusal = RetryableError("busy")
    with pytest.raises(RetryableError, match="busy"):
        told.emit()(started(run), NOW)
    assert told.graph.entities
    told.sink.refusal = None
    with pytest.raises(ServiceError, match="full"):
        told.emit(graph=Stubborn())(started(run), NOW)
    assert [each.event_type for each in told.sink.emitted] == ["START", "START"]


def test_who_does_not_want_it_is_told_nothing(told: Told) -> None:
    run = told.run(told.version("a"), "one")
    quiet = EmitLineage(told.emit().describe, {}, {})
    assert quiet(started(run), NOW).events == 0
    assert told.emit(sink=False)(started(run), NOW).events == 0


def test_a_run_that_is_not_there_is_an_error(told: Told) -> None:
    told.version("a")
    event = RetrainingConcluded(project="pets", run_id="none", status="failed", outcome="x", metrics={})
    with pytest.raises(NotFoundError):
        told.emit()(event, NOW)
