"""Weigh the triggers, and start one run at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from trueup.errors import ConflictError, NotFoundError, RunActiveError
from trueup.events import RetrainingAdvised, RetrainingStarted
from trueup.labels.naming import names_in
from trueup.model import Action, DatasetVersion, Project, RetrainingRun, RunStatus, TriggerDecision, content_id
from trueup.ports import Clock, DatasetStore, Journal, RunStore, Workflows
from trueup.retraining.triggers import Facts, decide
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import view_of


@dataclass(frozen=True)
class DecideRetraining:
    """Look at the facts and say retrain, notify or wait; on retrain, begin a run and start its workflow.

    A trigger that fires while a run is active is remembered and weighed again when that run concludes. A crash
    between beginning a run and starting its workflow is mended by the next call: names are deterministic.
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    runs: RunStore
    workflows: Workflows
    clock: Clock

    def __call__(self, project_name: str) -> TriggerDecision:
        project = project_named(self.projects, project_name)
        head = self.datasets.head(project.name)
        if head is None:
            return TriggerDecision(action=Action.WAIT, rule="none", reason="the dataset has no version yet")
        active = self.runs.active(project.name)
        if active is not None and active.execution_arn is None:
            self._launch(active)
        decision = self._weigh(project, head)
        if decision.action is Action.RETRAIN:
            self._begin(project, head, decision)
        elif decision.action is Action.NOTIFY:
            self._advise(project, head, decision)
        return decision

    def start_now(self, project_name: str, reason: str) -> RetrainingRun:
        """A person wants a run of the head version. Raises RunActiveError, NotFoundError, ConflictError (a version that
        could not be trained on, or not be judged)."""
        project = project_named(self.projects, project_name)
        head = self.datasets.head(project.name)
        if head is None:
            raise NotFoundError(f"project {project.name} has no dataset version to train on")
        empty = [each for each in ("train", "test") if not head.split_counts.get(each)]
        if empty and self.runs.active(project.name) is None:
            raise ConflictError(
                f"version {head.number} of {project.name} has no sample in its {' and its '.join(empty)} split: "
                "more labels are needed first"
            )
        decision = TriggerDecision(action=Action.RETRAIN, rule="manual", reason=reason)
        run = self._run(project, head, decision, nonce=self.clock.now().isoformat())
        self.runs.begin(run, _started(run))
        return self._launch(run)

    def _begin(self, project: Project, head: DatasetVersion, decision: TriggerDecision) -> None:
        run = self._run(project, head, decision)
        try:
            self.runs.begin(run, _started(run))
        except RunActiveError:
            # What was weighed may be older than that run, which takes these labels along.
            if self._weigh(project, head).action is Action.RETRAIN:
                self.runs.postpone(project.name, decision, head.version_id)
            return
        self._launch(run)

    def _launch(self, run: RetrainingRun) -> RetrainingRun:
        document = {
            "project": run.project,
            "run_id": run.run_id,
            "version_id": run.version_id,
            "rule": run.rule,
            "reason": run.reason,
        }
        self.workflows.start_retraining(f"{run.project}-{run.run_id}", document)
        return run

    def _run(self, project: Project, head: DatasetVersion, decision: TriggerDecision, nonce: str = "") -> RetrainingRun:
        digest = content_id(project.name, head.version_id, decision.rule, nonce)[:8]
        return RetrainingRun(
            project=project.name,
            run_id=f"v{head.number}-{digest}",
            status=RunStatus.RUNNING,
            version_id=head.version_id,
            rule=decision.rule,
            reason=decision.reason,
            started_at=self.clock.now(),
            version_number=head.number,
        )

    def _advise(self, project: Project, head: DatasetVersion, decision: TriggerDecision) -> None:
        """Remembered as a postponed trigger, so that an operator is told once per version and not every hour."""
        before = self.runs.postponed(project.name)
        if before is not None and before[1] == head.version_id:
            return
        event = RetrainingAdvised(project=project.name, rule=decision.rule, reason=decision.reason)
        self.runs.postpone(project.name, decision, head.version_id, Journal(at=self.clock.now(), events=(event,)))

    def _weigh(self, project: Project, head: DatasetVersion) -> TriggerDecision:
        last = next(iter(self.runs.runs(project.name, 1)), None)
        if last is not None and last.version_id == head.version_id:
            reason = f"version {head.number} was trained already (run {last.run_id}: {last.status})"
            return TriggerDecision(action=Action.WAIT, rule="none", reason=reason)
        decision = decide(self._facts(project, head, last), project.triggers)
        postponed = self.runs.postponed(project.name)
        if decision.action is Action.WAIT and postponed is not None and postponed[0].action is Action.RETRAIN:
            return postponed[0]
        return decision

    def _facts(self, project: Project, head: DatasetVersion, last: RetrainingRun | None) -> Facts:
        chain = self._chain(project, head, last)
        trained = chain[-1] if last is not None and chain[-1].version_id == last.version_id else None
        new = [
            label for each in (chain if trained is None else chain[:-1]) for label in self._people_said(project, each)
        ]
        return Facts(
            version=head,
            trained_version=trained or chain[-1],
            new_labels=len(new),
            label_counts_new=dict(Counter(name for each in new for name in names_in(each))),
            champion_classes=self._known_classes(project, trained, chain[-1]),
            last_run_at=last.started_at if last is not None else chain[-1].created_at,
            now=self.clock.now(),
        )

    def _chain(self, project: Project, head: DatasetVersion, last: RetrainingRun | None) -> list[DatasetVersion]:
        """Head first, down to the version that the last run trained on, or else to the first version."""
        chain = [head]
        trained = last.version_id if last is not None else None
        while chain[-1].version_id != trained and chain[-1].parent is not None:
            chain.append(self.datasets.version(project.name, chain[-1].parent))
        return chain

    def _people_said(self, project: Project, version: DatasetVersion) -> list[str]:
        """Labels that a version took from annotators: those of its own segment that came by consensus. What was
        imported is what the endpoint's first model knew already."""
        view = view_of(self.datasets, project.name, version, version.delta)
        return [
            label or ""
            for frame in view.frames(("label", "consensus_id"))
            for label, consensus in zip(frame.text("label").tolist(), frame.text("consensus_id").tolist(), strict=True)
            if consensus is not None
        ]

    def _known_classes(
        self, project: Project, trained: DatasetVersion | None, first: DatasetVersion
    ) -> tuple[str, ...]:
        """What the champion can answer: the classes it was trained on; of a model that we did not train, the
        classes that were imported, or without an import all of the schema."""
        if trained is not None:
            return trained.classes
        imported = not self._people_said(project, first)
        return first.classes if imported else project.label_schema.names


def _started(run: RetrainingRun) -> Journal:
    event = RetrainingStarted(
        project=run.project, run_id=run.run_id, version_id=run.version_id, rule=run.rule, reason=run.reason
    )
    return Journal(at=run.started_at, events=(event,))
