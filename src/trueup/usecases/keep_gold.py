"""What is known for sure becomes gold, and leads say how annotators stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trueup.errors import InputError, NotFoundError
from trueup.events import StandingChanged
from trueup.labels.naming import names_in
from trueup.model import Gold, LabelledSample, Project, Standing, StandingStatus, content_id
from trueup.ports import Clock, DatasetStore, GoldStore, Journal, StandingStore
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import view_of


@dataclass(frozen=True)
class KeepGold:
    """Raises NotFoundError, InputError."""

    projects: Mapping[str, Project]
    datasets: DatasetStore
    gold: GoldStore
    standings: StandingStore
    clock: Clock

    def add(self, project_name: str, number: int, by: str, least: float = 0.95) -> list[Gold]:
        """So many of the dataset's surest labels (posterior and agreement of `least` or more), of each class as many as
        of the others as far as there are; those that are gold already are passed over."""
        project = project_named(self.projects, project_name)
        head = self.datasets.head(project.name)
        if head is None:
            raise NotFoundError(f"project {project.name} has no dataset version yet: gold is made of its labels")
        known = {each.sample_id for each in self.gold.items(project.name)}
        sure = [
            each for each in view_of(self.datasets, project.name, head) if min(each.posterior, each.agreement) >= least
        ]
        chosen = _evenly([each for each in sure if each.sample_id not in known], number)
        made = [self._gold(project, each, by) for each in chosen]
        return [each for each in made if self.gold.put(each)]

    def items(self, project_name: str) -> list[Gold]:
        return self.gold.items(project_named(self.projects, project_name).name)

    def remove(self, project_name: str, gold_id: str) -> None:
        project = project_named(self.projects, project_name)
        if self.gold.item(project.name, gold_id) is None:
            raise NotFoundError(f"project {project.name} has no gold task {gold_id}")
        self.gold.remove(project.name, gold_id)

    def set_standing(
        self, project_name: str, annotator: str, status: StandingStatus, by: str, reason: str = ""
    ) -> Standing:
        """A suspension takes a reason, which the annotator reads."""
        project = project_named(self.projects, project_name)
        if status is not StandingStatus.ACTIVE and not reason.strip():
            raise InputError("say why: the annotator reads it", field="reason")
        now = self.clock.now()
        standing = Standing(project=project.name, annotator=annotator, status=status, by=by, reason=reason, at=now)
        event = StandingChanged(project=project.name, annotator=annotator, status=status.value, by=by, reason=reason)
        self.standings.set_standing(standing, Journal(at=now, events=(event,)))
        return standing

    def _gold(self, project: Project, sample: LabelledSample, by: str) -> Gold:
        return Gold(
            project=project.name,
            gold_id=content_id(project.name, sample.sample_id, sample.label)[:16],
            sample_id=sample.sample_id,
            label=sample.label,
            names=names_in(sample.label),
            content_type=sample.content_type,
            payload_uri=sample.payload_uri,
            added_at=self.clock.now(),
            added_by=by,
        )


def _evenly(samples: Sequence[LabelledSample], number: int) -> list[LabelledSample]:
    """In turn one of each class, the surest first."""
    by_class: dict[str, list[LabelledSample]] = defaultdict(list)
    for each in sorted(samples, key=lambda each: (-each.posterior, -each.agreement, each.sample_id)):
        by_class[min(names_in(each.label), default="")].append(each)
    turns = [(turn, name, each) for name, members in sorted(by_class.items()) for turn, each in enumerate(members)]
    return [each for _, _, each in sorted(turns, key=lambda one: one[:2])[:number]]
