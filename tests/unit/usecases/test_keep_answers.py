"""What single people answered elsewhere, as it comes along with their labels, and what reads it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.usecases.people import people_answer
from tests.worlds import NOW, Loop, project
from trueup.adapters.memory import MemoryTaskStore
from trueup.annotation.answers import live
from trueup.annotation.imported import answers_id_of, imported_annotator
from trueup.capture.samples import sample_id
from trueup.dataset.sources import Answer
from trueup.errors import RetryableError
from trueup.lineage.edges import consensus_node, trained
from trueup.model import (
    Annotation,
    DatasetVersion,
    LabelledSample,
    Node,
    NodeKind,
    Payload,
    RetrainingRun,
    RunStatus,
    pseudonym,
)
from trueup.ports import Given, Journal
from trueup.usecases.asking_again import AskAgain
from trueup.usecases.blame_label import BlameLabel, Settled
from trueup.usecases.import_labels import ImportedLabel, ImportLabels
from trueup.usecases.making_versions import view_of
from trueup.usecases.migrate_labels import MigrateLabels
from trueup.usecases.resolve_subject import Wish

SOURCE = "ground-truth s3://acme/out/old/"
THEN = datetime.fromisoformat("2023-05-01T09:00:00+00:00")
ADA, BEN, CY = (imported_annotator("pets", name) for name in ("ada", "ben", "cy"))


def said(*answers: tuple[str, str], minutes: float = 0) -> tuple[Answer, ...]:
    """One minute after the other."""
    return tuple(
        Answer(annotator=who, label=label, submitted_at=THEN + timedelta(minutes=minutes + number), seconds_spent=5)
        for number, (who, label) in enumerate(answers)
    )


def payload(text: str) -> Payload:
    return Payload(data=text.encode(), content_type="text/plain")


def name_of(text: str) -> str:
    return sample_id(payload(text))


def label(text: str, name: str, answers: tuple[Answer, ...] = (), **more: Any) -> ImportedLabel:
    told = {"labelled_at": THEN + timedelta(hours=1), "posterior": 0.7, "agreement": 0.5, **more}
    return ImportedLabel(payload=payload(text), label=name, answers=answers, **told)


def bring(loop: Loop, *labels: ImportedLabel, source: str = SOURCE) -> DatasetVersion | None:
    make = ImportLabels(loop.projects, loop.payloads, loop.datasets, loop.clock, loop.tasks)
    return make("pets", labels, "brought along", source=source)


def line_of(loop: Loop, text: str) -> LabelledSample:
    return view_of(loop.datasets, "pets", loop.datasets.head("pets")).lookup([name_of(text)])[name_of(text)]


def kept(loop: Loop, text: str) -> list[Annotation]:
    return loop.tasks.annotations("pets", answers_id_of("pets", name_of(text)))


def settled(loop: Loop, text: str) -> Settled | None:
    head = loop.datasets.head("pets")
    assert head is not None
    return BlameLabel(loop.datasets, loop.refs, loop.lineage, loop.tasks)(head, name_of(text))[0].settled


def below(loop: Loop, node: Node) -> list[NodeKind]:
    """The kinds along the first arrows that lead away from a node."""
    found = [node.kind]
    while edges := loop.lineage.edges_from("pets", node):
        node = edges[0].target
        found.append(node.kind)
    return found


THREE = said((ADA, "cat"), (BEN, "cat"), (CY, "dog"))


def test_a_label_is_led_to_from_its_source_by_who_answered() -> None:
    loop = Loop()
    version = bring(loop, label("tom", "cat", THREE))
    assert version is not None
    node = Node(kind=NodeKind.SOURCE, id=SOURCE)
    assert below(loop, node) == ["source", "sample", "annotation", "consensus", "import", "version"]
    sample = Node(kind=NodeKind.SAMPLE, id=name_of("tom"))
    arrows = loop.lineage.edges_from("pets", sample)
    assert {(each.actor, each.note, each.at) for each in arrows} == {
        (each.annotator, each.label, each.submitted_at) for each in THREE
    }
    (arrow,) = loop.lineage.edges_to("pets", Node(kind=NodeKind.VERSION, id=version.version_id))
    assert (arrow.source.kind, arrow.note) == ("import", "v1")
    assert [each.event_type for each in loop.world.outbox] == ["VersionCommitted"]


def test_who_gave_a_label_is_told_with_when_and_whence() -> None:
    loop = Loop()
    bring(loop, label("tom", "cat", THREE), label("rex", "dog"))
    told = settled(loop, "tom")
    assert told is not None
    assert [(each.annotator, each.label, each.submitted_at, each.source) for each in told.annotations] == [
        (each.annotator, each.label, each.submitted_at, SOURCE) for each in THREE
    ]
    assert (told.method, told.at) == ("import", THEN + timedelta(hours=1))
    assert settled(loop, "rex") is None


def test_labels_count_for_whoever_answered_and_are_still_imported_ones() -> None:
    loop = Loop()
    version = bring(loop, label("tom", "cat", THREE), label("rex", "dog"))
    assert version is not None
    people = {pseudonym("pets", each) for each in (ADA, BEN, CY)}
    assert people == {pseudonym("pets", each) for each in ("ada", "ben", "cy")}
    assert version.annotators.keys() == {*people, "import"}
    assert line_of(loop, "tom").consensus_id is None
    credits_ = loop.credit("pets", "v1").annotators
    assert {each.annotator: each.train + each.validation + each.test for each in credits_} == dict.fromkeys(
        [*people, "import"], 1
    )


def test_the_same_import_again_adds_nothing() -> None:
    loop = Loop()
    bring(loop, label("tom", "cat", THREE), label("rex", "dog", THREE))
    edges, answers = dict(loop.world.edges), loop.tasks.answers("pets", 100)
    loop.clock.advance(3600)
    assert bring(loop, label("tom", "cat", THREE), label("rex", "dog", THREE)) is None
    assert (loop.world.edges, loop.tasks.answers("pets", 100)) == (edges, answers)


class Torn:
    """A dataset whose commits fail, as in a crash right before them."""

    def __init__(self, datasets: Any) -> None:
        self._datasets = datasets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._datasets, name)

    def commit(self, *_: Any, **__: Any) -> None:
        raise RetryableError("torn")


class Hasty:
    """A dataset in which others commit first, once."""

    def __init__(self, datasets: Any, others: Callable[[], object]) -> None:
        self._datasets, self._others = datasets, iter([others])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._datasets, name)

    def commit(self, *parts: Any, **more: Any) -> None:
        for other in self._others:
            other()
        self._datasets.commit(*parts, **more)


class Counted(MemoryTaskStore):
    brought = 0

    def bring(self, given: Iterable[Given]) -> None:
        for each in given:
            self.brought += 1
            super().bring([each])


@pytest.mark.parametrize(("other", "brought"), [("rex", 2 + 1), ("tom", 2 + 1 + 1)])
def test_answers_are_written_once_although_others_commit_meanwhile(other: str, brought: int) -> None:
    loop = Loop()
    loop.tasks = Counted(loop.world)
    alone = ImportLabels(loop.projects, loop.payloads, loop.datasets, loop.clock, loop.tasks)
    hasty = Hasty(loop.datasets, lambda: alone("pets", [label(other, "cat", said((BEN, "cat")))], "theirs"))
    make = ImportLabels(loop.projects, loop.payloads, hasty, loop.clock, loop.tasks)  # type: ignore[arg-type]
    version = make("pets", [label("tom", "cat", THREE), label("kim", "dog", THREE)], "ours", source=SOURCE)
    assert version is not None
    assert loop.tasks.brought == brought
    (arrow,) = [
        each
        for each in loop.lineage.edges_to("pets", Node(kind=NodeKind.VERSION, id=version.version_id))
        if each.source.kind is NodeKind.IMPORT
    ]
    labels = {each.source.id for each in loop.lineage.edges_to("pets", arrow.source)}
    names = ["kim"] if other == "tom" else ["tom", "kim"]
    assert labels == {
        each.consensus_id
        for name in names
        for each in loop.tasks.consensuses("pets", answers_id_of("pets", name_of(name)))
    }
    assert version.number == 2


@pytest.mark.parametrize("answers", [THREE, tuple(replace(each, submitted_at=None) for each in THREE)])
def test_what_a_crash_leaves_is_completed_by_the_same_import(answers: tuple[Answer, ...]) -> None:
    loop = Loop()
    at = {"labelled_at": None} if answers[0].submitted_at is None else {}
    torn = ImportLabels(loop.projects, loop.payloads, Torn(loop.datasets), loop.clock, loop.tasks)  # type: ignore[arg-type]
    with pytest.raises(RetryableError):
        torn("pets", [label("tom", "cat", answers, **at)], "brought along", source=SOURCE)
    assert len(kept(loop, "tom")) == 3
    assert below(loop, Node(kind=NodeKind.SAMPLE, id=name_of("tom")))[-1] == "import"
    assert loop.trace("pets", Node(kind=NodeKind.SAMPLE, id=name_of("tom"))).labels == ()
    loop.clock.advance(3600)
    version = bring(loop, label("tom", "cat", answers, **at))
    assert version is not None
    assert len(kept(loop, "tom")) == 3
    assert len(loop.trace("pets", Node(kind=NodeKind.SAMPLE, id=name_of("tom"))).labels) == 1
    told = settled(loop, "tom")
    assert told is not None
    assert {each.annotator for each in told.annotations} == {ADA, BEN, CY}


def test_an_import_that_changes_what_somebody_said_supersedes_it() -> None:
    loop = Loop()
    bring(loop, label("tom", "cat", said((ADA, "cat"), (BEN, "cat"))))
    bring(loop, label("tom", "dog", said((ADA, "dog"), (BEN, "dog"))))
    old, new = kept(loop, "tom")[:2], live(kept(loop, "tom"))
    assert [each.label for each in new] == ["dog", "dog"]
    assert {each.supersedes for each in new} <= {each.annotation_id for each in kept(loop, "tom")}
    assert len(kept(loop, "tom")) == 4
    assert {each.task_id for each in old} == {each.task_id for each in new}
    told = settled(loop, "tom")
    assert told is not None
    assert [each.label for each in told.annotations] == ["dog", "dog"]
    corrections = loop.corrections("pets")
    assert {(each.by, each.before, each.after) for each in corrections} == {(ADA, "cat", "dog"), (BEN, "cat", "dog")}


def test_of_somebody_who_answered_twice_the_newer_answer_counts() -> None:
    loop = Loop()
    bring(loop, label("tom", "cat", said((ADA, "dog"), (ADA, "cat"))))
    assert [each.supersedes for each in kept(loop, "tom")] == [None, None]
    told = settled(loop, "tom")
    assert told is not None
    assert [each.label for each in told.annotations] == ["cat"]


def test_a_label_that_was_imported_before_gains_who_gave_it() -> None:
    loop = Loop()
    bring(loop, label("tom", "cat"))
    version = bring(loop, label("tom", "cat", THREE))
    assert version is not None
    assert (version.added, version.relabelled, version.restated) == (0, 0, 1)
    assert len(line_of(loop, "tom").annotators) == 3
    assert bring(loop, label("tom", "cat")) is None


def test_a_label_that_people_settled_here_stays_theirs_and_the_answers_are_kept_beside_it() -> None:
    loop = Loop()
    loop.ingest(loop.capture(1))
    people_answer(loop)
    loop.commit("pets", "settled", force=True)
    before = line_of(loop, "text 1")
    assert bring(loop, label("text 1", "cat", THREE)) is None
    assert line_of(loop, "text 1") == before
    assert len(kept(loop, "text 1")) == 3
    told = settled(loop, "text 1")
    assert told is not None
    assert {each.annotator for each in told.annotations} == {"ada", "ben"}
    assert len(loop.trace("pets", Node(kind=NodeKind.SAMPLE, id=before.sample_id)).labels) == 1


def test_a_task_about_the_same_sample_does_not_count_them() -> None:
    loop = Loop()
    bring(loop, label("text 1", "cat", said((ADA, "cat"), (BEN, "cat"))))
    loop.ingest(loop.capture(1))
    people_answer(loop, "dog")
    (version,) = loop.commit("pets", "settled", force=True)
    assert version.relabelled == 1
    told = settled(loop, "text 1")
    assert told is not None
    assert [(each.annotator, each.label) for each in told.annotations] == [("ada", "dog"), ("ben", "dog")]


def test_models_that_learned_from_an_imported_label_are_found_from_all_that_names_it() -> None:
    loop = Loop()
    version = bring(loop, label("tom", "cat", THREE))
    assert version is not None
    run = RetrainingRun(
        project="pets",
        run_id="v1-abc",
        status=RunStatus.RUNNING,
        version_id=version.version_id,
        version_number=1,
        training_job="job",
        rule="count",
        reason="",
        started_at=NOW,
    )
    loop.runs.begin(run, Journal(at=NOW, edges=(trained(run, "job", NOW),)))
    (consensus,) = loop.tasks.consensuses("pets", answers_id_of("pets", name_of("tom")))
    names = [
        Node(kind=NodeKind.SAMPLE, id=name_of("tom")),
        Node(kind=NodeKind.ANNOTATION, id=consensus.annotation_ids[0]),
        consensus_node(consensus),
    ]
    for each in names:
        (found,) = loop.trace("pets", each).labels
        assert (found.held.label, found.held.since, found.held.until) == ("cat", 1, None)
        assert [learner.run.run_id for learner in found.learners] == ["v1-abc"]


def test_a_lead_sees_imported_people_and_pays_none_of_them() -> None:
    loop = Loop(project(annotation={"hourly_cost": 20.0}))
    bring(loop, *(label(f"text {number}", "cat", THREE) for number in range(10)))
    made = loop.report("pets")
    assert {each.annotator: each.answers for each in made.annotators} == dict.fromkeys([ADA, BEN, CY], 10)
    assert (made.looked_at, made.agreement.samples, made.hours, made.cost) == (30, 10, 0.0, 0.0)
    assert {each.annotator for each in loop.skills.skills("pets")} == {ADA, BEN, CY}


@pytest.mark.slow
def test_skills_are_fitted_anew_as_answers_grow_that_are_given_here() -> None:
    loop = Loop()
    bring(loop, *(label(f"brought {number}", "cat", THREE) for number in range(200)))
    loop.report("pets")
    loop.clock.advance(60)
    loop.ingest(loop.capture(6))
    people_answer(loop)
    assert {each.annotator for each in loop.skills.skills("pets")} == {"ada", "ben", ADA, BEN, CY}


def test_imported_labels_are_no_news_to_the_triggers() -> None:
    loop = Loop()
    bring(loop, *(label(f"text {number}", "cat", THREE) for number in range(10)))
    loop.decide("pets")
    assert loop.workflows.started == {}


def test_whoever_is_forgotten_is_forgotten_with_what_was_said_of_them() -> None:
    loop = Loop()
    texts = {"anna-4711": ("her cat Tiger", "cat"), "bert-0815": ("his dog", "dog")}
    bring(loop, *(label(text, name, said((ADA, name)), group=who) for who, (text, name) in texts.items()))
    signed = loop.forget(Wish(project="pets", subject="anna-4711"), by="operator:dpo")
    assert signed.receipt.counts == {"answers": 1, "labels": 1, "payloads": 1}
    assert f"it was imported from {SOURCE}: delete it there" in signed.receipt.by_hand
    assert [each.label for each in kept(loop, "her cat Tiger")] == [""]
    assert [each.label for each in loop.tasks.answers("pets", 10)] == ["dog"]
    bring(loop, label("her cat Tiger", "fox", said((BEN, "fox"))))
    assert [each.label for each in kept(loop, "her cat Tiger")] == [""]


def test_nobody_is_asked_again_for_an_imported_answer_that_no_class_fitted() -> None:
    loop = Loop()
    none = '{"none":true,"proposed":"wolf"}'
    bring(loop, label("tom", "cat", said((ADA, none), (BEN, "cat"))))
    later = replace(project(), label_schema=replace(loop.config.label_schema, classes=WITH_WOLF))
    ask = AskAgain(loop.tasks, loop.queue, loop.payloads, loop.clock)
    migrate = MigrateLabels({"pets": later}, loop.datasets, loop.clock, ask)
    assert migrate("pets").missed == {}


WITH_WOLF = (*project().label_schema.classes, replace(project().label_schema.classes[0], name="wolf"))


def test_a_long_source_is_cut_so_that_keys_hold_it() -> None:
    loop = Loop()
    bring(loop, label("tom", "cat", said((ADA, "cat"))), source="label-studio " + "ä" * 2000)
    (answer,) = kept(loop, "tom")
    assert len(answer.source.encode()) <= 910
    assert answer.source.endswith("ä…")
