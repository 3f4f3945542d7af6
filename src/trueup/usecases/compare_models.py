"""What changed between two models?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trueup.dataset.diff import changes_between
from trueup.dataset.figures import Between, between, summary
from trueup.errors import InputError
from trueup.model import DatasetVersion, Evaluation, Record, RunStatus
from trueup.ports import DatasetStore, RunStore
from trueup.usecases.comparing_versions import parted
from trueup.usecases.find_model import FindModel, FoundModel
from trueup.usecases.making_versions import view_of

# Each costs a read or two; a model is rarely so many versions older than another.
MOST_VERSIONS = 2000


class Side(Record, frozen=True, kw_only=True):
    """One of the two: with how it was judged, and when it served, where it was and did."""

    model: FoundModel
    evaluation: Evaluation | None = None
    served_from: datetime | None = None
    served_until: datetime | None = None


class Change(Record, frozen=True, kw_only=True):
    """Something that is not the same in both; None where it is not there."""

    name: str
    before: str | None
    after: str | None


class Comparison(Record, frozen=True, kw_only=True):
    """`before` is the one of the earlier version. `common` is the newest version that both came from, if there is one:
    `versions` led from it to the later model, oldest first, and `dropped` are those that only the earlier one came
    from. The difference is that from `common` to the later model's version."""

    before: Side
    after: Side
    common: DatasetVersion | None
    versions: tuple[DatasetVersion, ...]
    dropped: tuple[DatasetVersion, ...]
    difference: Between
    settings: tuple[Change, ...]
    metrics: tuple[Change, ...]
    annotators: tuple[Change, ...]


@dataclass(frozen=True)
class CompareModels:
    """Costs the versions that lie between the two, and what those wrote: nothing of what both have in common is read.

    Raises NotFoundError, InputError (no date; more than MOST_VERSIONS lie between).
    """

    find: FindModel
    datasets: DatasetStore
    runs: RunStore

    def __call__(self, project: str, one: str, other: str) -> Comparison:
        found = sorted((self.find(project, each) for each in (one, other)), key=_order)
        before, after = (self._side(each) for each in found)
        paths = parted(self.datasets, before.model.version, after.model.version, MOST_VERSIONS)
        if paths is None:
            raise InputError(f"over {MOST_VERSIONS} versions lie between them: compare nearer ones", field="MODEL")
        return Comparison(
            before=before,
            after=after,
            common=paths.common,
            versions=paths.others,
            dropped=paths.ones,
            difference=self._difference(paths.common, after.model.version, paths.others),
            settings=_changes(*_settings(before, after)),
            metrics=_changes(_metrics(before), _metrics(after)),
            annotators=_changes(_annotators(before), _annotators(after)),
        )

    def _side(self, model: FoundModel) -> Side:
        run = model.run
        if run is None:
            return Side(model=model)
        evaluation = self.runs.evaluation(run.project, run.run_id)
        if run.status is not RunStatus.PROMOTED:
            return Side(model=model, evaluation=evaluation)
        after = self.runs.succeeded_by(run)
        until = after.ended_at if after else None
        return Side(model=model, evaluation=evaluation, served_from=run.ended_at, served_until=until)

    def _difference(
        self, common: DatasetVersion | None, later: DatasetVersion, versions: Sequence[DatasetVersion]
    ) -> Between:
        before, after = (view_of(self.datasets, later.project, each) for each in (common, later))
        return between(common, later, summary(changes_between(before, after, [each.delta for each in versions])))


def _order(model: FoundModel) -> tuple[int, str]:
    return model.version.number, model.run.started_at.isoformat() if model.run else ""


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    names = dict.fromkeys((*before, *after))
    return tuple(
        Change(name=each, before=before.get(each), after=after.get(each))
        for each in names
        if before.get(each) != after.get(each)
    )


def _settings(*sides: Side) -> list[dict[str, str]]:
    """Those of trainings only where both were trained here: else all of them would differ."""
    trained = all(each.model.run for each in sides)
    return [{**_policies(each), **(_training(each) if trained else {})} for each in sides]


def _policies(side: Side) -> dict[str, str]:
    version = side.model.version
    found = {"selection policy": version.policy_version, "label schema": version.schema_version}
    return {name: value for name, value in found.items() if value}


def _training(side: Side) -> dict[str, str]:
    """The version is told beside, and the job's own code by what the container is given."""
    run = side.model.run
    told = run.hyperparameters.items() if run else ()
    found = {name: value for name, value in told if name != "version" and not name.startswith("sagemaker_")}
    return {"trigger": run.rule, **found} if run and run.rule else found


def _metrics(side: Side) -> dict[str, str]:
    found = side.evaluation.metrics if side.evaluation else side.model.run.metrics if side.model.run else {}
    return {name: f"{value:.4g}" for name, value in found.items() if not name.startswith("champion_")}


def _annotators(side: Side) -> dict[str, str]:
    """How many labels stand on each one's answers."""
    return {name: str(sum(splits.values())) for name, splits in side.model.version.annotators.items()}
