"""Is the label sure enough? Yes: consensus. No: one more annotator, then a reviewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trueup.annotation.answers import live, live_of_all, window, without_gold
from trueup.annotation.tasks import send_to_review, settle, widen
from trueup.errors import ConflictError
from trueup.events import ConsensusReached, OverlapExtended, ReviewRequested
from trueup.labels.brief import brief
from trueup.lineage.edges import supported
from trueup.model import IMPORTED_ANNOTATOR, AnnotatorSkill, Consensus, Project, Task, TaskStatus
from trueup.ports import AnnotationQueue, Clock, Journal, SkillStore, TaskStore
from trueup.quality.consensus import Accepted, MoreAnswers, NeedsReview, Verdict, judge
from trueup.quality.fitting import fitted_skills
from trueup.quality.methods import method_named
from trueup.usecases.find_project import project_named
from trueup.usecases.score_gold import ScoreGold

_FIT_WINDOW = 5000
_REFIT_SHARE = 0.1
_REFIT_MIN = 10
_ATTEMPTS = 5


@dataclass(frozen=True)
class SettleConsensus:
    """Judge one task on all its live answers. Calling again with the same answers changes nothing.

    An answer that comes in meanwhile is judged with the others. Raises NotFoundError, and ConflictError after
    losing several such races.
    """

    projects: Mapping[str, Project]
    tasks: TaskStore
    skills: SkillStore
    queue: AnnotationQueue
    clock: Clock
    score: ScoreGold

    def __call__(self, project_name: str, task_id: str) -> Verdict | None:
        """The verdict, or None when the task is not open for judging, or is gold."""
        project = project_named(self.projects, project_name)
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._judge(project, task_id)
            except ConflictError:
                continue
        return self._judge(project, task_id)

    def _judge(self, project: Project, task_id: str) -> Verdict | None:
        task = self.tasks.get(project.name, task_id)
        if task.status is not TaskStatus.OPEN:
            return None
        if task.gold_id is not None:
            self.score(project, task)
            return None
        now = self.clock.now()
        answers = live(self.tasks.annotations(project.name, task_id))
        known = {each.annotator: each for each in self._skills(project, now)}
        verdict = judge(task, answers, project.consensus, project.label_schema, known, now)
        self._apply(project, task, verdict, now)
        return verdict

    def _apply(self, project: Project, task: Task, verdict: Verdict, now: datetime) -> None:
        if isinstance(verdict, Accepted):
            consensus = verdict.consensus
            journal = Journal(at=now, edges=supported(consensus), events=(_reached(consensus),))
            self.tasks.save(settle(task), journal, consensus=consensus)
        elif isinstance(verdict, NeedsReview):
            dispute = ReviewRequested(project=project.name, task_id=task.task_id, reason=verdict.reason)
            self.tasks.save(send_to_review(task), Journal(at=now, events=(dispute,)))
        elif isinstance(verdict, MoreAnswers):
            wider = widen(task)
            wish = OverlapExtended(project=project.name, task_id=task.task_id, overlap=wider.overlap)
            self.tasks.save(wider, Journal(at=now, events=(wish,)))
            if task.backend == "queue":
                self.queue.send(task.lane, [task.task_id])

    def _skills(self, project: Project, now: datetime) -> list[AnnotatorSkill]:
        """The stored skills, fitted anew by the project's method once the answers given here have grown by a tenth: so
        many of the newest are read at each judgement, and all of them only then."""
        stored = self.skills.skills(project.name)
        fitted_at = max((each.fitted_at for each in stored), default=None)
        given = sum(each.answers for each in stored if not each.annotator.startswith(IMPORTED_ANNOTATOR))
        grown = max(_REFIT_MIN, int(_REFIT_SHARE * given))
        kind = project.label_schema.kind
        newest = self.tasks.answers(project.name, min(grown, window(kind, _FIT_WINDOW)))
        if len(newest) < _REFIT_MIN or (fitted_at is not None and newest[-1].submitted_at < fitted_at):
            return stored
        recent = self.tasks.answers(project.name, window(kind, _FIT_WINDOW))
        method = method_named(project.consensus.method)
        fresh = fitted_skills(live_of_all(without_gold(recent)), project.label_schema, method, project.name, now)
        self.skills.save_skills(project.name, fresh)
        return fresh


def _reached(consensus: Consensus) -> ConsensusReached:
    return ConsensusReached(
        project=consensus.project,
        task_id=consensus.task_id,
        sample_id=consensus.sample_id,
        consensus_id=consensus.consensus_id,
        label=brief(consensus.label),
        posterior=consensus.posterior,
    )
