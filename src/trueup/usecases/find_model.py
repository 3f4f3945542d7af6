"""A model by whatever it is called: package, job, run, version, endpoint configuration, or a day on which it served."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trueup.dataset.documents import version_number
from trueup.errors import InputError, NotFoundError
from trueup.model import DatasetVersion, Node, NodeKind, Project, Record, RetrainingRun
from trueup.ports import Clock, DatasetStore, LineageStore, RunStore
from trueup.usecases.find_project import project_named

_DATE = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")
CHAMPION = "champion"
# Nodes whose arrows are drawn by the run that made them.
_OF_RUNS = (NodeKind.MODEL, NodeKind.TRAINING, NodeKind.ENDPOINT)


class FoundModel(Record, frozen=True, kw_only=True):
    """`asked` is what it was called. A version alone has no `run`."""

    asked: str
    version: DatasetVersion
    run: RetrainingRun | None = None


@dataclass(frozen=True)
class FindModel:
    """Costs a few reads, whatever there is. Raises NotFoundError, InputError (a date that is none)."""

    projects: Mapping[str, Project]
    datasets: DatasetStore
    runs: RunStore
    lineage: LineageStore
    clock: Clock

    def __call__(self, project_name: str, text: str) -> FoundModel:
        """`champion`, or a month or day ("2026-05", "2026-05-31"), is the model that served at the end of that."""
        project = project_named(self.projects, project_name).name
        if text == CHAMPION or _DATE.fullmatch(text):
            return self._served(project, text)
        kind, colon, name = text.partition(":")
        if colon and kind == NodeKind.VERSION:
            return self._version(project, text, name)
        if version_number(text) is not None:
            return self._version(project, text, text)
        if colon and kind in (NodeKind.EVALUATION, NodeKind.DEPLOYMENT):
            return self._of_run(text, self.runs.get(project, name))
        return self._named(project, text)

    def _served(self, project: str, text: str) -> FoundModel:
        now = self.clock.now()
        at = now if text == CHAMPION else min(now, _end_of(text))
        run = self.runs.serving(project, at)
        if run is None:
            raise NotFoundError(f"trueup had promoted no model of {project} by {at:%Y-%m-%d %H:%M}")
        return self._of_run(text, run)

    def _version(self, project: str, text: str, name: str) -> FoundModel:
        return FoundModel(asked=text, version=self.datasets.version(project, name))

    def _of_run(self, text: str, run: RetrainingRun) -> FoundModel:
        return FoundModel(asked=text, version=self.datasets.version(run.project, run.version_id), run=run)

    def _named(self, project: str, text: str) -> FoundModel:
        run = self._run(project, text) or self._run_behind(project, text)
        if run is not None:
            return self._of_run(text, run)
        try:
            return self._version(project, text, text)
        except NotFoundError as error:
            raise NotFoundError(
                f"{project} knows no model {text!r}: name a model package, a run, a training job, a version, an "
                "endpoint configuration, or a day on which it served"
            ) from error

    def _run(self, project: str, text: str) -> RetrainingRun | None:
        try:
            return self.runs.get(project, text)
        except NotFoundError:
            return None

    def _run_behind(self, project: str, text: str) -> RetrainingRun | None:
        kind, colon, name = text.partition(":")
        exact = [Node(kind=NodeKind(kind), id=name)] if colon and kind in _OF_RUNS else []
        for node in exact or [Node(kind=each, id=text) for each in _OF_RUNS]:
            for edge in self.lineage.edges_to(project, node, 1):
                return self._run(project, edge.actor)
        return None


def _end_of(text: str) -> datetime:
    """The last moment of a month or a day, in UTC."""
    match = _DATE.fullmatch(text)
    year, month, day = match.groups() if match else ("0", "0", None)
    try:
        if day is not None:
            after = datetime(int(year), int(month), int(day), tzinfo=UTC) + timedelta(days=1)
        else:
            first = datetime(int(year), int(month), 1, tzinfo=UTC)
            after = (first + timedelta(days=32)).replace(day=1)
    except ValueError as error:
        raise InputError(f"{text} is no date: {error}", field="MODEL") from error
    return after - timedelta(microseconds=1)
