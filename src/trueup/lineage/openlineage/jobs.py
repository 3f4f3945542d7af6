"""The jobs of a project and their runs: what became of captures, up to the endpoint that captures again.

<project>.annotate        people's answers to what was captured between a version and the next
<project>.commit_version  answers become a version of the dataset
<project>.retrain         the workflow: parent of the runs of the next two
<project>.train           a version becomes a model
<project>.evaluate        candidate against champion; a model package when the gate let it pass
<project>.deploy          a model package takes over at the endpoint

Each event depends on facts of the past alone, so that telling twice tells the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from trueup.events import ModelPromoted, PromotionFailed, RetrainingConcluded
from trueup.lineage.facts import AnswerFacts, Brought, VersionFacts
from trueup.lineage.openlineage.datasets import (
    answered,
    captures,
    stored,
    version_read,
    version_written,
)
from trueup.lineage.openlineage.events import Dataset, Job, Run, RunEvent, State, run_id
from trueup.lineage.openlineage.facets import (
    Emission,
    ErrorMessage,
    Facet,
    JobDocumentation,
    JobName,
    JobType,
    NominalTime,
    ParentRun,
    RunName,
    RunTags,
    Test,
    Tests,
    facets,
    tags_of,
)
from trueup.lineage.whereabouts import Whereabouts
from trueup.model import RetrainingRun, RunStatus

_EMISSION = Emission(event_trigger="EVENT_BASED", event_content_mode="ACCUMULATIVE")
JOBS: Mapping[str, tuple[str, str]] = {
    "annotate": ("ANNOTATION", "People answer what selection asks them about the endpoint's captures."),
    "commit_version": ("COMMIT", "Labels that are sure enough become a version of the dataset."),
    "retrain": ("WORKFLOW", "Train on a frozen version, judge the candidate, register it."),
    "train": ("TRAINING", "A SageMaker training job on the training and validation splits of a version."),
    "evaluate": ("EVALUATION", "Candidate against champion on the frozen test split, and the gate's verdict."),
    "deploy": ("DEPLOYMENT", "A model package takes over at the endpoint, a canary first."),
}
# Steps of the workflow (infra/workflows/retraining.asl.json) that come after the training, and after the verdict.
_JUDGING = ("Evaluate", "Gate")
_REGISTERING = ("Register", "RecordRegistration", "ApproveAutomatically")


def version_committed(
    place: Whereabouts, facts: VersionFacts, brought: Brought, answers: AnswerFacts | None
) -> tuple[RunEvent, ...]:
    """A version was committed; of labels that were all imported nobody was asked."""
    teller = _Teller(place, facts.version_id)
    began = facts.parent_at or facts.created_at
    asked: tuple[RunEvent, ...] = ()
    if brought.asked:
        time = NominalTime(nominal_start_time=began, nominal_end_time=facts.created_at)
        asked = teller.whole(
            "annotate", began, facts.created_at, inputs=(captures(place),), outputs=(answered(place),), told=(time,)
        )
    inputs = (answered(place),) if brought.asked else ()
    outputs = (version_written(place, facts, brought, answers),)
    tags = RunTags(tags=tags_of({"reason": facts.reason, "version": facts.name}))
    at = facts.created_at
    return (*asked, *teller.whole("commit_version", at, at, inputs=inputs, outputs=outputs, told=(tags,)))


def retraining_started(place: Whereabouts, run: RetrainingRun, facts: VersionFacts) -> tuple[RunEvent, ...]:
    """The workflow and the training began, as far as anybody can tell before it ends."""
    teller = _Teller(place, run.run_id)
    why = RunTags(tags=tags_of({"rule": run.rule, "reason": run.reason, "version": facts.name}))
    return (
        teller.event("retrain", "START", run.started_at, inputs=(_all_splits(place, facts),), told=(why,)),
        teller.event("train", "START", run.started_at, inputs=(_fitted(place, facts),), parent="retrain"),
    )


def retraining_concluded(
    place: Whereabouts, run: RetrainingRun, facts: VersionFacts, told: RetrainingConcluded, at: datetime
) -> tuple[RunEvent, ...]:
    """The workflow ended, or a person rejected what it had registered."""
    teller = _Teller(place, run.run_id)
    if told.status == RunStatus.REJECTED and run.model_package_arn:
        ruling = RunTags(tags=tags_of({"status": told.status, "outcome": told.outcome}))
        return (teller.event("retrain", "OTHER", at, told=(ruling,)),)
    if told.status == RunStatus.FAILED:
        return _failed(teller, place, run, facts, told, at)
    return _judged(teller, place, run, facts, told, at)


def model_promoted(place: Whereabouts, told: ModelPromoted, at: datetime) -> tuple[RunEvent, ...]:
    """A model package serves."""
    teller = _Teller(place, told.run_id)
    package = stored(told.model_package_arn, "MODEL", "MODEL_PACKAGE")
    endpoint = stored(place.endpoint, "MODEL", "ENDPOINT")
    tags = RunTags(tags=tags_of({"endpointConfig": told.endpoint_config}))
    return teller.whole("deploy", at, at, inputs=(package,), outputs=(endpoint,), told=(tags,), parent="retrain")


def promotion_failed(place: Whereabouts, told: PromotionFailed, at: datetime) -> tuple[RunEvent, ...]:
    """It does not serve; the champion goes on."""
    teller = _Teller(place, told.run_id)
    package = (stored(told.model_package_arn, "MODEL", "MODEL_PACKAGE"),) if told.model_package_arn else ()
    return teller.failed("deploy", at, _error(told.reason), inputs=package)


class _Teller:
    """Tells of the runs that belong together. `name` is what each run's id follows from, beside its job's name."""

    def __init__(self, place: Whereabouts, name: str) -> None:
        self._place = place
        self._name = name

    def event(
        self,
        job: str,
        state: State,
        at: datetime,
        *,
        inputs: tuple[Dataset, ...] = (),
        outputs: tuple[Dataset, ...] = (),
        told: tuple[Facet, ...] = (),
        parent: str = "",
    ) -> RunEvent:
        above = self._parent(parent) if parent else None
        return RunEvent(
            event_type=state,
            event_time=at,
            run=Run(run_id=self._run(job), facets=facets(*told, above)),
            job=Job(namespace=self._place.namespace, name=self._job(job), facets=_job_facets(job)),
            inputs=inputs,
            outputs=outputs,
        )

    def whole(
        self,
        job: str,
        began: datetime,
        ended: datetime,
        *,
        inputs: tuple[Dataset, ...] = (),
        outputs: tuple[Dataset, ...] = (),
        told: tuple[Facet, ...] = (),
        parent: str = "",
    ) -> tuple[RunEvent, ...]:
        """A run that is told of when it is over."""
        return (
            self.event(job, "START", began, inputs=inputs, told=told, parent=parent),
            self.event(job, "COMPLETE", ended, inputs=inputs, outputs=outputs, told=told, parent=parent),
        )

    def failed(
        self, job: str, at: datetime, error: ErrorMessage, *, inputs: tuple[Dataset, ...]
    ) -> tuple[RunEvent, RunEvent]:
        """A run of a retraining that is told of when it has failed; nothing tells when it began."""
        return (
            self.event(job, "START", at, inputs=inputs, parent="retrain"),
            self.event(job, "FAIL", at, inputs=inputs, told=(error,), parent="retrain"),
        )

    def _parent(self, job: str) -> ParentRun:
        name = JobName(namespace=self._place.namespace, name=self._job(job))
        return ParentRun(run=RunName(run_id=self._run(job)), job=name)

    def _job(self, job: str) -> str:
        return f"{self._place.name}.{job}"

    def _run(self, job: str) -> str:
        return run_id(self._place.namespace, self._job(job), self._name)


def _judged(
    teller: _Teller,
    place: Whereabouts,
    run: RetrainingRun,
    facts: VersionFacts,
    told: RetrainingConcluded,
    at: datetime,
) -> tuple[RunEvent, ...]:
    model = _model(place, run)
    written: tuple[Dataset, ...] = (stored(place.evaluation(run.run_id), "FILE", "EVALUATION"),)
    if told.status != RunStatus.REJECTED and run.model_package_arn:
        written = (*written, stored(run.model_package_arn, "MODEL", "MODEL_PACKAGE"))
    verdict = _verdict(told)
    tags = RunTags(tags=tags_of({"status": told.status, "outcome": told.outcome, **_texts(told.metrics)}))
    read = _compared(place, run, facts)
    return (
        teller.event("train", "COMPLETE", at, inputs=(_fitted(place, facts),), outputs=model, parent="retrain"),
        *teller.whole("evaluate", at, at, inputs=read, outputs=written, told=(verdict,), parent="retrain"),
        teller.event(
            "retrain", "COMPLETE", at, inputs=(_all_splits(place, facts),), outputs=written, told=(verdict, tags)
        ),
    )


def _failed(
    teller: _Teller,
    place: Whereabouts,
    run: RetrainingRun,
    facts: VersionFacts,
    told: RetrainingConcluded,
    at: datetime,
) -> tuple[RunEvent, ...]:
    """At which step is the first word of the outcome, as trueup.usecases.conclude_run says it."""
    step, error = told.outcome.split(" ", 1)[0], _error(told.outcome)
    fitted, model = (_fitted(place, facts),), _model(place, run)
    read = _compared(place, run, facts)
    over = teller.event("retrain", "FAIL", at, inputs=(_all_splits(place, facts),), told=(error,))
    if step not in (*_JUDGING, *_REGISTERING):
        return teller.event("train", "FAIL", at, inputs=fitted, told=(error,), parent="retrain"), over
    trained = teller.event("train", "COMPLETE", at, inputs=fitted, outputs=model, parent="retrain")
    if step in _REGISTERING:
        return trained, *teller.whole("evaluate", at, at, inputs=read, parent="retrain"), over
    return trained, *teller.failed("evaluate", at, error, inputs=read), over


def _verdict(told: RetrainingConcluded) -> Tests:
    """What the gate found, with the figures of both models."""
    passed = told.status != RunStatus.REJECTED
    gate = Test(
        name="gate",
        status="pass" if passed else "fail",
        severity="error",
        type="model_comparison",
        description=told.outcome,
        expected=_figures(told.metrics, "champion_"),
        actual=_figures(told.metrics, "candidate_"),
    )
    return Tests(tests=(gate,))


def _figures(metrics: Mapping[str, float], prefix: str) -> str:
    found = {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}
    return " ".join(f"{name}={value:g}" for name, value in sorted(found.items()))


def _texts(metrics: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:g}" for name, value in sorted(metrics.items())}


def _fitted(place: Whereabouts, facts: VersionFacts) -> Dataset:
    return version_read(place, facts, ("train", "validation"))


def _compared(place: Whereabouts, run: RetrainingRun, facts: VersionFacts) -> tuple[Dataset, ...]:
    """What an evaluation reads."""
    return (*_model(place, run), version_read(place, facts, ("test",)))


def _all_splits(place: Whereabouts, facts: VersionFacts) -> Dataset:
    return version_read(place, facts, ("train", "validation", "test"))


def _model(place: Whereabouts, run: RetrainingRun) -> tuple[Dataset, ...]:
    if not run.training_job:
        return ()
    return (stored(place.training_output(run.training_job), "MODEL", "MODEL_ARTIFACT"),)


def _job_facets(job: str) -> Mapping[str, dict[str, object]]:
    kind, text = JOBS[job]
    told = JobType(processing_type="BATCH", integration="TRUEUP", job_type=kind, emission_pattern=_EMISSION)
    return facets(told, JobDocumentation(description=text))


def _error(message: str) -> ErrorMessage:
    return ErrorMessage(message=message, programming_language="PYTHON")
