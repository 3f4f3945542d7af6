"""Classes are split, removed, merged or new: machines rename, people say the rest, and nobody is asked twice."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.worlds import Loop, capture_line, project
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.annotation.tasks import cancel, send_to_review
from trueup.errors import HeadMovedError, RetryableError
from trueup.labels.reading import written
from trueup.labels.schemas import difference, missed_classes
from trueup.labels.values import NoneOfThese
from trueup.model import (
    AnnotationPolicy,
    DatasetVersion,
    LabelClass,
    LabelledSample,
    Payload,
    Project,
    Task,
    TaskStatus,
)
from trueup.ports import Journal
from trueup.usecases.asking_again import AskAgain
from trueup.usecases.freeze_test import FreezeTest
from trueup.usecases.import_labels import ImportedLabel, ImportLabels
from trueup.usecases.making_versions import MakeVersion, Proposal, view_of
from trueup.usecases.migrate_labels import MigrateLabels
from trueup.usecases.submit_annotation import Submission


def with_classes(*names: str, config: Project | None = None, **schema: Any) -> Project:
    found = config or project()
    classes = tuple(LabelClass(name=each) for each in names)
    return replace(found, label_schema=replace(found.label_schema, classes=classes, **schema))


BEFORE = with_classes("cat", "dog", "fox")
SPLIT = with_classes("cat", "puppy", "hound", split={"dog": ("puppy", "hound")}, removed=("fox",))


def imported(loop: Loop, *names: str) -> DatasetVersion:
    labels = [
        ImportedLabel(payload=Payload(data=f"text {each}".encode(), content_type="text/plain"), label=name)
        for each, name in enumerate(names)
    ]
    made = ImportLabels(loop.projects, loop.payloads, loop.datasets, loop.clock, loop.tasks)(
        "pets", labels, "the start"
    )
    assert made is not None
    return made


def migrating(loop: Loop, datasets: Any = None) -> MigrateLabels:
    ask = AskAgain(loop.tasks, loop.queue, loop.payloads, loop.clock)
    return MigrateLabels(loop.projects, datasets or loop.datasets, loop.clock, ask)


def content(loop: Loop) -> list[LabelledSample]:
    return list(view_of(loop.datasets, "pets", loop.datasets.head("pets")))


def waiting(loop: Loop) -> list[Task]:
    return loop.tasks.by_status("pets", TaskStatus.OPEN, 100)


def answer(loop: Loop, annotator: str, label: str) -> str:
    claimed = loop.claim("pets", annotator)
    assert claimed is not None
    loop.clock.advance(1)
    task, token = claimed.task.task_id, claimed.lease.token
    loop.submit(
        Submission(
            project="pets", task_id=task, annotator=annotator, label=label, lease_token=token, seconds_spent=36.0
        )
    )
    return task


def started(*names: str) -> Loop:
    loop = Loop(BEFORE)
    imported(loop, *names)
    loop.projects["pets"] = SPLIT
    return loop


def test_what_no_machine_can_tell_leaves_and_people_are_asked() -> None:
    loop = started("cat", "dog", "dog", "fox")
    found = migrating(loop)("pets")
    assert (found.asked, found.relabelled, found.opened, found.answers) == ({"dog": 2, "fox": 1}, 0, 3, 6)
    assert [each.label for each in content(loop)] == ["cat"]
    assert loop.queue.depth("pets") == 6
    said = {each.comments[0].text for each in waiting(loop)}
    assert said == {
        "This was 'dog', which is several classes now: puppy, hound.",
        "This was 'fox', which is no class any more.",
    }


def test_answers_bring_them_back_into_their_split() -> None:
    loop = started("dog")
    (before,) = content(loop)
    migrating(loop)("pets")
    assert content(loop) == []
    answer(loop, "ada", "hound")
    loop.settle("pets", answer(loop, "ben", "hound"))
    loop.commit("pets", "settled", force=True)
    (after,) = content(loop)
    assert (after.label, after.split, after.group) == ("hound", before.split, before.group)
    again = migrating(loop)("pets")
    assert (again.version, again.answers, again.opened) == (None, 0, 0)


def test_a_dry_run_asks_nobody_and_tells_the_cost() -> None:
    loop = started("cat", "dog")
    paid = AnnotationPolicy(hourly_cost=20.0, currency="EUR")
    loop.projects["pets"] = replace(SPLIT, annotation=paid)
    assert migrating(loop)("pets", dry_run=True).cost is None
    loop.ingest(loop.capture(1))
    answer(loop, "ada", "cat")
    found = migrating(loop)("pets", dry_run=True)
    # Two answers of 36 seconds, at 20 an hour.
    assert (found.answers, found.cost, found.currency, found.opened) == (2, 0.4, "EUR", 0)
    assert [each.label for each in content(loop)].count("dog") == 1
    assert loop.datasets.head("pets") == loop.datasets.version("pets", "1")


class Failing(MemoryDatasetStore):
    """Loses the head for good, or once."""

    def __init__(self, there: MemoryDatasetStore) -> None:
        super().__init__(World())
        self.__dict__.update(there.__dict__)

    def commit(self, version: DatasetVersion, journal: Journal, **guards: Any) -> None:
        raise HeadMovedError("head moved")


def test_what_was_interrupted_is_finished_without_asking_twice() -> None:
    loop = started("cat", "dog", "fox")
    with pytest.raises(RetryableError):
        migrating(loop, Failing(loop.datasets))("pets")
    assert (len(waiting(loop)), len(content(loop))) == (2, 3)
    found = migrating(loop)("pets")
    assert (found.opened, found.asked) == (0, {"dog": 1, "fox": 1})
    assert [each.label for each in content(loop)] == ["cat"]
    assert len(waiting(loop)) == 2


def test_a_crash_before_the_invitations_is_mended() -> None:
    loop = started("dog")
    send = loop.queue.send
    loop.queue.send = lambda *_: (_ for _ in ()).throw(RetryableError("down"))  # type: ignore[method-assign]
    with pytest.raises(RetryableError):
        migrating(loop)("pets")
    loop.queue.send = send  # type: ignore[method-assign]
    assert migrating(loop)("pets").opened == 0
    assert loop.queue.depth("pets") == 2


def test_a_frozen_sample_that_is_asked_again_comes_back_into_test() -> None:
    loop = started(*["dog"] * 20)
    tested = {each.sample_id for each in content(loop) if each.split == "test"}
    assert tested
    FreezeTest(loop.projects, loop.datasets, loop.clock)("pets", "1", "frozen-2026-11")
    migrating(loop)("pets")
    assert content(loop) == []
    # Under shares that leave nothing to the test.
    config = loop.projects["pets"]
    loop.projects["pets"] = replace(config, commit=replace(config.commit, test_share=1e-9, validation_share=0.0))
    for _ in range(20):
        answer(loop, "ada", "puppy")
    for _ in range(20):
        loop.settle("pets", answer(loop, "ben", "puppy"))
    loop.commit("pets", "settled", force=True)
    assert {each.sample_id for each in content(loop) if each.split == "test"} == tested
    assert len(content(loop)) == 20


def none(proposed: str = "") -> str:
    return written(NoneOfThese(proposed=proposed))


@pytest.mark.parametrize(("proposed", "asked"), [(" Wolf", 1), ("", 1), ("bear", 0)])
def test_a_new_class_asks_again_where_somebody_missed_it(proposed: str, asked: int) -> None:
    loop = Loop(BEFORE)
    imported(loop, "cat")
    loop.ingest(loop.capture(1))
    answer(loop, "ada", none(proposed))
    task = answer(loop, "ben", none(proposed))
    loop.tasks.save(cancel(loop.tasks.get("pets", task)), Journal(at=loop.clock.now()))
    loop.projects["pets"] = with_classes("cat", "dog", "fox", "wolf")
    found = migrating(loop)("pets")
    assert (found.missed, found.opened, found.version) == ({"wolf": 1} if asked else {}, asked, None)
    told = [each.comments[0].text for each in waiting(loop)]
    assert told == ["New since this was answered: wolf. Does it fit now?"] * asked
    assert migrating(loop)("pets").opened == 0
    assert len(waiting(loop)) == asked


def test_what_a_reviewer_has_is_left_to_them() -> None:
    loop = Loop(BEFORE)
    imported(loop, "cat")
    loop.ingest(loop.capture(1))
    answer(loop, "ada", none("wolf"))
    loop.tasks.save(send_to_review(waiting(loop)[0]), Journal(at=loop.clock.now()))
    loop.projects["pets"] = with_classes("cat", "dog", "fox", "wolf")
    found = migrating(loop)("pets")
    assert (found.in_review, found.missed, found.opened) == (1, {}, 0)


def test_what_hardly_differs_and_was_disputed_is_asked_too() -> None:
    words = " ".join(f"word{each}" for each in range(300))
    loop = Loop(BEFORE)
    payloads = [Payload(data=f"{words} {each}".encode(), content_type="text/plain") for each in ("today", "here")]
    labels = [ImportedLabel(payload=each, label="dog") for each in payloads]
    ImportLabels(loop.projects, loop.payloads, loop.datasets, loop.clock, loop.tasks)("pets", labels, "the start")
    make = MakeVersion(loop.datasets, loop.clock)
    doubtful = [replace(each, agreement=0.5) for each in content(loop)][:1]
    make(loop.projects["pets"], lambda _: Proposal(changes=doubtful), "disputed")
    file = loop.capture(0)
    loop.archive.files[file.uri] = capture_line(1, text=f"{words} still") + b"\n"
    loop.ingest(file)
    answer(loop, "ada", none("wolf"))
    loop.tasks.save(cancel(waiting(loop)[0]), Journal(at=loop.clock.now()))
    loop.projects["pets"] = with_classes("cat", "dog", "fox", "wolf")
    assert migrating(loop)("pets").missed == {"wolf": 2}
    assert doubtful[0].sample_id in {each.sample_id for each in waiting(loop)}
    assert len(content(loop)) == 2


def test_old_versions_are_read_in_their_own_schema() -> None:
    loop = started("cat", "dog")
    migrating(loop)("pets")
    first, second = loop.datasets.schemas("pets")
    assert (first.schema, second.schema) == (BEFORE.label_schema, SPLIT.label_schema)
    assert first.version == loop.datasets.version("pets", "1").schema_version
    assert second.version == loop.datasets.version("pets", "2").schema_version


def test_what_lies_between_two_schemas() -> None:
    after = with_classes(
        "feline", "puppy", "hound", "wolf", renamed={"cat": "feline"}, split={"dog": ("puppy", "hound")}
    )
    found = difference(BEFORE.label_schema, after.label_schema)
    assert (found.added, found.renamed, found.removed, found.other) == (("wolf",), {"cat": "feline"}, ("fox",), ())
    assert found.split == {"dog": ("puppy", "hound")}
    assert difference(BEFORE.label_schema, replace(BEFORE.label_schema, none_of_these=False)).other == (
        "none_of_these",
    )


def test_who_proposed_something_else_missed_nothing() -> None:
    assert missed_classes(none(" WOLF"), ("wolf", "bear")) == ("wolf",)
    assert missed_classes(none(), ("wolf", "bear")) == ("wolf", "bear")
    assert missed_classes(none("lynx"), ("wolf",)) == missed_classes("cat", ("wolf",)) == ()


def read(loop: Loop, probabilities: list[float]) -> tuple[int, int, list[str]]:
    """Predictions, quarantined lines, and what the asked tasks' model said."""
    file = loop.capture(0)
    loop.archive.files[file.uri] = capture_line(1, probabilities) + b"\n"
    receipt = loop.ingest(file)
    said = [each.prediction.label for each in waiting(loop) if each.prediction]
    return receipt.predictions, receipt.quarantined, said


MERGED = with_classes("cat", "dog", renamed={"kitten": "cat", "puppy": "dog"})
OLD_ORDER = ("kitten", "cat", "puppy")


def test_bare_numbers_of_a_model_of_before_are_read_in_its_order() -> None:
    told = replace(MERGED, selection=replace(MERGED.selection, classes=OLD_ORDER))
    assert read(Loop(told), [0.1, 0.2, 0.7]) == (1, 0, ["puppy"])
    # The next model has as many as today's classes.
    assert read(Loop(told), [0.3, 0.7]) == (1, 0, ["dog"])


def test_bare_numbers_that_nobody_told_of_are_put_away() -> None:
    assert read(Loop(MERGED), [0.1, 0.2, 0.7])[:2] == (0, 1)
