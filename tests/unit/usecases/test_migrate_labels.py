"""Classes get other names: answers of before count, and the dataset follows."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.worlds import NOW, Loop, opening, project
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.annotation.tasks import send_to_review
from trueup.errors import HeadMovedError, NotFoundError, RetryableError
from trueup.events import VersionCommitted
from trueup.model import (
    Annotation,
    ConsensusPolicy,
    DatasetVersion,
    GoldPolicy,
    LabelClass,
    LabelledSample,
    Node,
    NodeKind,
    Payload,
    Prediction,
    Project,
    RetrainingRun,
    RunStatus,
    TaskStatus,
)
from trueup.ports import Journal
from trueup.quality.consensus import Accepted, judge
from trueup.quality.fitting import votes_of
from trueup.usecases.asking_again import AskAgain
from trueup.usecases.evaluate_candidate import EvaluateCandidate
from trueup.usecases.import_labels import ImportedLabel, ImportLabels
from trueup.usecases.making_versions import view_of
from trueup.usecases.migrate_labels import MigrateLabels
from trueup.usecases.put_feedback import Report
from trueup.usecases.rule_on_task import RuleOnTask
from trueup.usecases.show_reviews import ShowReviews
from trueup.usecases.submit_annotation import Submission

BEFORE = ("kitten", "puppy", "fox", "hound")
RENAMED = {"kitten": "cat", "puppy": "dog", "hound": "dog"}


def in_old_words(**changes: Any) -> Project:
    found = project(**changes)
    return replace(
        found, label_schema=replace(found.label_schema, classes=tuple(LabelClass(name=each) for each in BEFORE))
    )


def in_new_words(renamed: dict[str, str] = RENAMED) -> Project:
    found = project()
    return replace(found, label_schema=replace(found.label_schema, renamed=renamed))


def imported(loop: Loop, *names: str) -> DatasetVersion:
    labels = [
        ImportedLabel(payload=Payload(data=f"text {number}".encode(), content_type="text/plain"), label=name)
        for number, name in enumerate(names)
    ]
    make = ImportLabels({"pets": in_old_words()}, loop.payloads, loop.datasets, loop.clock, loop.tasks)
    made = make("pets", labels, "the start")
    assert made is not None
    return made


def migrating(loop: Loop, config: Project | None = None, datasets: Any = None) -> MigrateLabels:
    return MigrateLabels(
        projects={"pets": config or in_new_words()},
        datasets=datasets or loop.datasets,
        clock=loop.clock,
        ask=AskAgain(loop.tasks, loop.queue, loop.payloads, loop.clock),
    )


def content(loop: Loop, version: DatasetVersion | None) -> dict[str, LabelledSample]:
    assert version is not None
    return {each.sample_id: each for each in view_of(loop.datasets, "pets", version)}


def test_the_dataset_bears_todays_names() -> None:
    loop = Loop()
    first = imported(loop, "kitten", "puppy", "hound", "fox", "kitten")
    found = migrating(loop)("pets")
    version = found.version
    assert version is not None
    assert (found.looked_at, found.relabelled, found.unknown) == (5, 4, {})
    assert found.names == {"hound": 1, "kitten": 2, "puppy": 1}
    assert found.renamed == RENAMED
    assert (version.number, version.parent, version.added, version.relabelled) == (2, first.version_id, 0, 4)
    assert version.class_counts == {"cat": 2, "dog": 2, "fox": 1}
    assert version.split_counts == first.split_counts
    assert version.schema_version == in_new_words().label_schema.version != first.schema_version
    before, after = content(loop, first), content(loop, version)
    assert all(replace(after[name], label=each.label, since=each.since) == each for name, each in before.items())
    (edge,) = loop.lineage.edges_to("pets", Node(kind=NodeKind.VERSION, id=version.version_id))
    assert edge.source.id == first.version_id
    assert [each.event_type for each in loop.world.outbox] == [VersionCommitted.__name__] * 2


def test_a_second_migration_changes_nothing() -> None:
    loop = Loop()
    imported(loop, "kitten", "fox")
    first = migrating(loop)("pets").version
    again = migrating(loop)("pets")
    assert (again.version, again.relabelled, again.names) == (None, 0, {})
    assert loop.datasets.head("pets") == first


def test_a_dry_run_only_counts() -> None:
    loop = Loop()
    first = imported(loop, "kitten", "fox")
    found = migrating(loop)("pets", dry_run=True)
    assert (found.version, found.relabelled, found.names) == (None, 1, {"kitten": 1})
    assert loop.datasets.head("pets") == first


def test_names_that_nobody_knows_are_told_and_nothing_is_written() -> None:
    loop = Loop()
    first = imported(loop, "kitten", "puppy", "hound", "hound")
    found = migrating(loop, in_new_words({"kitten": "cat"}))("pets")
    assert (found.version, found.unknown) == (None, {"hound": 2, "puppy": 1})
    assert loop.datasets.head("pets") == first


def test_without_a_version_there_is_nothing_to_migrate() -> None:
    with pytest.raises(NotFoundError, match="has no dataset version yet"):
        migrating(Loop())("pets")


class Busy(MemoryDatasetStore):
    """Somebody commits before the first `times` commits."""

    def __init__(self, world: World, there: MemoryDatasetStore, times: int) -> None:
        super().__init__(world)
        self.__dict__.update(there.__dict__)
        self.times = times

    def commit(self, version: DatasetVersion, journal: Journal, **guards: Any) -> None:
        if self.times:
            self.times -= 1
            raise HeadMovedError("head moved")
        super().commit(version, journal, **guards)


def test_a_commit_that_came_between_is_looked_at_again() -> None:
    loop = Loop()
    imported(loop, "kitten")
    assert migrating(loop, datasets=Busy(loop.world, loop.datasets, 3))("pets").version is not None
    imported(loop, "puppy")
    with pytest.raises(RetryableError, match="moved 10 times"):
        migrating(loop, datasets=Busy(loop.world, loop.datasets, 10))("pets")


def answer(loop: Loop, annotator: str, label: str) -> Annotation:
    claimed = loop.claim("pets", annotator)
    assert claimed is not None
    loop.clock.advance(1)
    task, token = claimed.task.task_id, claimed.lease.token
    sent = Submission(project="pets", task_id=task, annotator=annotator, label=label, lease_token=token)
    return loop.submit(sent).annotation


def started(*labels: str) -> tuple[Loop, str]:
    """A loop in the old words with one task, which somebody answered with each of these."""
    loop = Loop(in_old_words())
    loop.ingest(loop.capture(1))
    for number, label in enumerate(labels):
        answer(loop, f"old-{number}", label)
    (task,) = loop.tasks.by_status("pets", TaskStatus.OPEN, 1)
    return loop, task.task_id


def test_answers_of_before_and_of_today_make_one_label() -> None:
    loop, task = started("kitten")
    loop.projects["pets"] = in_new_words()
    ben = answer(loop, "ben", "kitten")
    first = loop.tasks.annotations("pets", task)[0]
    assert (first.label, first.schema_version) == ("kitten", in_old_words().label_schema.version)
    assert (ben.label, ben.schema_version) == ("cat", in_new_words().label_schema.version)
    shown = ShowReviews(loop.projects, loop.tasks).task("pets", task).annotations
    assert [each.label for each in shown] == ["cat", "cat"]
    verdict = loop.settle("pets", task)
    assert isinstance(verdict, Accepted)
    assert (verdict.consensus.label, verdict.consensus.agreement) == ("cat", 1.0)
    votes = votes_of(loop.tasks.annotations("pets", task), in_new_words().label_schema)
    assert votes is not None
    assert [label for _, _, label in votes.triples] == ["cat", "cat"]


def test_what_was_settled_before_is_committed_under_todays_name() -> None:
    loop, task = started("hound", "hound")
    assert isinstance(loop.settle("pets", task), Accepted)
    loop.projects["pets"] = in_new_words()
    (version,) = loop.commit("pets", "one label settled", force=True)
    assert version.class_counts == {"dog": 1}
    assert version.schema_version == in_new_words().label_schema.version
    assert loop.tasks.uncommitted("pets", 10) == []
    assert migrating(loop)("pets").version is None


def test_a_ruling_counts_who_had_said_the_same_under_another_name() -> None:
    loop, task = started("puppy", "fox")
    loop.settle("pets", task)
    loop.projects["pets"] = in_new_words()
    loop.tasks.save(send_to_review(loop.tasks.get("pets", task)), Journal(at=NOW))
    rule = RuleOnTask(loop.projects, loop.tasks, loop.lineage, loop.queue, loop.clock)
    rule.label("pets", task, "rita", "hound")
    consensus = loop.tasks.consensus("pets", task)
    assert consensus is not None
    assert (consensus.label, consensus.agreement) == ("dog", 0.5)
    ruling = next(each for each in loop.tasks.annotations("pets", task) if each.annotator == "rita")
    assert ruling.schema_version == in_new_words().label_schema.version


def test_an_outcome_that_waited_for_its_capture_becomes_a_label_of_today() -> None:
    loop = Loop(in_old_words())
    loop.put_feedback(Report(project="pets", label="hound", event_id="event-1", kind="truth"))
    loop.projects["pets"] = in_new_words()
    loop.ingest(loop.capture(1))
    assert loop.join_feedback("pets", 60).outcomes == {"labelled": 1}
    (label,) = loop.tasks.uncommitted("pets", 10)
    assert (label.consensus.label, label.consensus.method) == ("dog", "truth")
    (truth,) = loop.tasks.annotations("pets", label.consensus.task_id)
    assert truth.schema_version == in_new_words().label_schema.version


def test_a_gold_answer_under_an_old_name_is_right() -> None:
    loop = Loop(replace(in_old_words(), gold=GoldPolicy(share=1.0)))
    imported(loop, "kitten", "puppy")
    loop.keep_gold.add("pets", 2, "lea")
    claimed = loop.claim("pets", "ada")
    assert claimed is not None
    gold = loop.gold.item("pets", claimed.task.gold_id or "")
    assert gold is not None
    token = claimed.lease.token
    sent = Submission(
        project="pets", task_id=claimed.task.task_id, annotator="ada", label=gold.label, lease_token=token
    )
    loop.projects["pets"] = replace(in_new_words(), gold=GoldPolicy(share=1.0))
    assert loop.submit(sent).annotation.label == RENAMED[gold.label]
    loop.settle("pets", claimed.task.task_id)
    assert [each.score for each in loop.gold.answers("pets")] == [1.0]


@pytest.mark.parametrize("method", ["dawid-skene", "majority", "crowdlab"])
def test_a_judge_hears_what_a_model_of_before_said(method: str) -> None:
    schema, task = in_new_words().label_schema, opening().task
    said = Prediction(classes=BEFORE, probabilities=(0.1, 0.5, 0.1, 0.3))
    named = Prediction(classes=("cat", "dog", "fox"), probabilities=(0.1, 0.8, 0.1))
    answers = [
        Annotation(
            project="pets",
            annotation_id=f"{number}",
            task_id=task.task_id,
            sample_id=task.sample_id,
            annotator=f"{number}",
            label=label,
            submitted_at=NOW,
        )
        for number, label in enumerate(("puppy", "hound", "dog"))
    ]
    policy = ConsensusPolicy(method=method)
    new = [replace(each, label="dog") for each in answers]
    verdict = judge(replace(task, prediction=said), answers, policy, schema, {}, NOW)
    assert verdict == judge(replace(task, prediction=named), new, policy, schema, {}, NOW)


def test_a_champion_is_right_under_either_name() -> None:
    loop = Loop()
    lines = [
        f'{{"sample": "{number}", "label": "dog", "candidate": {{"label": "dog"}}, "champion": {{"label": "{said}"}}}}'
        for number, said in enumerate(["puppy", "hound", "dog", "kitten"] * 10)
    ]
    loop.datasets.objects["memory://evaluation/predictions.jsonl"] = "\n".join(lines).encode()
    run = RetrainingRun(
        project="pets",
        run_id="r1",
        status=RunStatus.RUNNING,
        version_id="v",
        rule="manual",
        reason="test",
        started_at=NOW,
    )
    loop.runs.begin(run, Journal(at=NOW))
    evaluate = EvaluateCandidate({"pets": in_new_words()}, loop.datasets, loop.runs, loop.clock)
    verdict = evaluate("pets", "r1", "memory://evaluation")
    assert (verdict.metrics["candidate_accuracy"], verdict.metrics["champion_accuracy"]) == (1.0, 0.75)
