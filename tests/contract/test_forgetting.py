"""Deletion over real adapters: what is stored anywhere, in any version, afterwards."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.contract.forgetting import CONFIG, Forgets, forgets_in_memory, forgets_on_aws
from tests.contract.marks import slow_on_aws
from tests.contract.records import QUIET, SOURCE, annotation, consensus, given, journal
from tests.worlds import CLASSES, NOW, capture_file, capture_line, opening
from trueup.adapters.memory import FixedClock
from trueup.annotation.tasks import answer_from_backend, cancel, open_task, settle
from trueup.capture.samples import sample_id
from trueup.dataset.frozen import Members
from trueup.dataset.receipts import receipt_problems
from trueup.dataset.redaction import REDACTED
from trueup.dataset.segments import encode
from trueup.dataset.verify import forgotten_in, verify
from trueup.errors import ConflictError, HeadMovedError, NotFoundError
from trueup.lineage.edges import answered, reported
from trueup.model import (
    Feedback,
    FeedbackState,
    FeedbackStatus,
    Found,
    Gold,
    GoldAnswer,
    LabelledSample,
    Node,
    NodeKind,
    Payload,
    Prediction,
    Quarantined,
    ReceiptEntry,
    Redaction,
    Removal,
    Ruling,
    TaskStatus,
)
from trueup.ports import Journal, Opening
from trueup.usecases.copy_tables import CopyTables
from trueup.usecases.freeze_test import FreezeTest
from trueup.usecases.making_versions import MakeVersion, Proposal
from trueup.usecases.resolve_subject import Wish

pytestmark = slow_on_aws

SECRET, PERSON = "my cat Tiger", "anna-4711"
PAYLOAD = Payload(data=SECRET.encode(), content_type="text/plain")
NAME = sample_id(PAYLOAD)
WISH = Wish(project="pets", subject=PERSON)


@pytest.fixture
def forgets(world: str) -> Forgets:
    return forgets_in_memory() if world == "memory" else forgets_on_aws()


def hers(forgets: Forgets) -> Opening:
    """What an ingest makes of a capture of hers; the model had read her cat's name."""
    made = opening(1)
    uri = forgets.ports.payloads.put("pets", NAME, PAYLOAD)
    sample = replace(made.sample, sample_id=NAME, payload_uri=uri, group=PERSON)
    found = Found(label="cat", score=0.9, text=SECRET)
    prediction = Prediction(classes=CLASSES, probabilities=(0.5, 0.3, 0.2), objects=(found,))
    selection = replace(made.selection, sample_id=NAME, prediction=prediction, capture_uri=capture_file().uri)
    return Opening(sample=sample, selection=selection, task=open_task("pets", sample, selection, NOW, CONFIG))


def lived(forgets: Forgets) -> None:
    """Her sample was answered, settled, ruled on, committed, exported, and made gold; somebody told the outcome."""
    ports, opened = forgets.ports, hers(forgets)
    ports.tasks.open([opened], QUIET)
    answer = annotation(opened.task, "ada", label=f'{{"text":"{SECRET}"}}', comment=SECRET)
    ports.tasks.save(
        answer_from_backend(opened.task, answer), Journal(at=NOW, edges=(answered(answer),)), annotation=answer
    )
    ruling = Ruling(
        project="pets",
        ruling_id="r1",
        task_id=answer.task_id,
        sample_id=NAME,
        reviewer="rita",
        label="cat",
        comment=SECRET,
        at=NOW,
        before=SECRET,
    )
    settled = settle(ports.tasks.get("pets", answer.task_id))
    ports.tasks.save(settled, journal(), consensus=consensus(settled, "c1"), ruling=ruling)
    feedback = Feedback(
        project="pets", kind="truth", label="cat", received_at=NOW, event_id=opened.selection.event_id, by=PERSON
    )
    ports.feedback.put(feedback)
    joined = FeedbackState(feedback=feedback, status=FeedbackStatus.JOINED, task_id=answer.task_id)
    ports.feedback.save(joined, Journal(at=NOW, edges=(reported(feedback, answer.task_id, NOW),)))
    gold = Gold(
        project="pets",
        gold_id="g1",
        sample_id=NAME,
        label=SECRET,
        names=("cat",),
        content_type="text/plain",
        payload_uri=opened.sample.payload_uri,
        added_at=NOW,
    )
    ports.gold.put(gold)
    asked = replace(opened.task, task_id="gold-1", gold_id="g1", backend="gold", revision=0)
    ports.tasks.add(asked, QUIET)
    ports.gold.record(
        GoldAnswer(
            project="pets",
            annotator="ada",
            gold_id="g1",
            task_id="gold-1",
            label=SECRET,
            names=("cat",),
            score=1.0,
            at=NOW,
        )
    )
    commit(forgets, line(NAME, PERSON, opened.sample.payload_uri), line("b" * 64, "bert-0815", ""))
    head = ports.datasets.head("pets")
    assert head is not None
    ports.datasets.put_export("pets", head.version_id, "train.manifest", SECRET.encode())
    forgets.put("pets/evaluation/r1/predictions.jsonl", f'{{"sample":"{NAME}","label":"cat"}}\n'.encode())
    forgets.put("pets/evaluation/r1/evaluation.json", b'{"accuracy":0.9}')


def line(name: str, person: str, uri: str) -> LabelledSample:
    return LabelledSample(
        sample_id=name, label="cat", split="test", group=person, content_type="text/plain", payload_uri=uri
    )


def commit(forgets: Forgets, *lines: LabelledSample, reason: str = "test") -> None:
    make = MakeVersion(datasets=forgets.ports.datasets, clock=FixedClock(NOW))
    make(CONFIG, lambda _: Proposal(changes=lines), reason)


def problems(forgets: Forgets) -> list[str]:
    datasets = forgets.ports.datasets
    return [
        problem
        for version in datasets.versions("pets")
        for problem in verify(
            version,
            lambda sha: datasets.segment("pets", sha),
            lambda name: datasets.document("pets", name),
            redaction=lambda sha: datasets.redaction("pets", sha),
        )
    ]


def test_nothing_is_left_in_any_store_or_version_and_history_verifies(forgets: Forgets) -> None:
    lived(forgets)
    for each in (SECRET, PERSON):
        assert each in forgets.everything()
    receipt = forgets.forget(WISH, by="operator:dpo").receipt
    left = forgets.everything()
    for each in (SECRET, PERSON):
        assert each not in left
    assert "bert-0815" in left
    assert problems(forgets) == []
    assert receipt.samples == (NAME,)
    assert receipt.counts == {
        "answers": 1,
        "feedback": 1,
        "gold": 1,
        "labels": 1,
        "payloads": 1,
        "rulings": 1,
        "tasks": 2,
    }
    removed = [each for each in receipt.removed if "/groups/parts/" not in each]
    assert [each.rsplit("/", 1)[-1] for each in removed] == ["train.manifest", "predictions.jsonl"]
    (first, last) = receipt.versions[0], forgets.ports.datasets.head("pets")
    assert last is not None
    assert (first.number, receipt.successors, last.samples) == (1, (last.version_id,), 1)
    datasets = forgets.ports.datasets
    told = forgotten_in([datasets.version("pets", "v1")], lambda sha: datasets.redaction("pets", sha))
    assert len(told) == 1
    assert "1 line was forgotten" in told[0]


def test_a_payload_that_is_written_again_stays_forgotten(forgets: Forgets) -> None:
    lived(forgets)
    forgets.forget(WISH, by="operator:dpo")
    uri = forgets.ports.payloads.put("pets", NAME, PAYLOAD)
    with pytest.raises(NotFoundError, match="forgotten"):
        forgets.ports.payloads.get(uri)
    assert SECRET not in forgets.everything()


def test_a_task_that_an_ingest_was_about_to_open_is_refused(forgets: Forgets) -> None:
    late = hers(forgets)
    commit(forgets, line(NAME, PERSON, late.sample.payload_uri))
    forgets.forget(WISH, by="operator:dpo")
    assert forgets.ports.tasks.known_samples("pets", [NAME]) == {NAME}
    assert forgets.ports.tasks.open([late, opening(2)], QUIET) == (opening(2).task.task_id,)
    assert forgets.ports.tasks.get("pets", late.task.task_id).status is TaskStatus.CANCELLED
    assert PERSON not in forgets.everything()
    assert forgets.ports.tasks.sample("pets", NAME).group == ""


def test_a_version_never_takes_it_in_again(forgets: Forgets) -> None:
    lived(forgets)
    before = forgets.ports.datasets.forgotten("pets", [NAME])
    forgets.forget(WISH, by="operator:dpo")
    after = forgets.ports.datasets.forgotten("pets", [NAME, "b" * 64])
    assert (before.epoch, before.sample_ids, after.sample_ids) == (0, frozenset(), {NAME})
    commit(forgets, line(NAME, PERSON, ""), line("c" * 64, "carl", ""), reason="brought along")
    head = forgets.ports.datasets.head("pets")
    assert head is not None
    assert (head.samples, head.reason) == (2, "brought along (1 forgotten and left out)")


def test_a_commit_of_an_older_epoch_loses_its_head(forgets: Forgets) -> None:
    lived(forgets)
    datasets = forgets.ports.datasets
    head = datasets.head("pets")
    assert head is not None
    forgets.store.bury("pets", ["d" * 64], "job", NOW)
    late = replace(head, parent=head.version_id, number=2, version_id="e" * 64)
    with pytest.raises(HeadMovedError):
        datasets.commit(late, QUIET, epoch=0)
    with pytest.raises(HeadMovedError):
        datasets.commit(late, QUIET, epoch=7)
    assert datasets.head("pets") == head
    datasets.commit(late, QUIET, epoch=datasets.forgotten("pets", []).epoch)


def test_tombstones_may_be_set_twice_and_meet_answers(forgets: Forgets) -> None:
    opened = hers(forgets)
    forgets.ports.tasks.open([opened], QUIET)
    for _ in range(2):
        forgets.store.bury("pets", [NAME, "d" * 64], "job", NOW)
        forgets.store.scrub("pets", opened.task.task_id)
    task = forgets.ports.tasks.get("pets", opened.task.task_id)
    assert (task.status, task.revision) == (TaskStatus.CANCELLED, 1)
    with pytest.raises(ConflictError):
        forgets.ports.tasks.save(cancel(opened.task), QUIET)
    assert forgets.ports.tasks.uncommitted("pets", 10) == []
    assert forgets.ports.tasks.by_status("pets", TaskStatus.OPEN, 10) == []
    assert len(forgets.ports.tasks.by_status("pets", TaskStatus.CANCELLED, 10)) == 2


def test_samples_are_found_by_their_group_until_they_are_forgotten(forgets: Forgets) -> None:
    forgets.ports.tasks.open([hers(forgets), opening(2)], QUIET)
    assert forgets.store.samples_of("pets", PERSON) == [NAME]
    forgets.store.bury("pets", [NAME], "job", NOW)
    assert forgets.store.samples_of("pets", PERSON) == []


def test_an_answer_keeps_its_place_and_loses_what_it_said(forgets: Forgets) -> None:
    lived(forgets)
    forgets.forget(WISH, by="operator:dpo")
    tasks, task_id = forgets.ports.tasks, hers(forgets).task.task_id
    (answer,) = tasks.annotations("pets", task_id)
    assert (answer.annotator, answer.label, answer.comment) == ("ada", "", "")
    assert tasks.answers("pets", 10) == []
    assert tasks.work("pets", "ada", 10) == []
    (ruling,) = tasks.rulings_of("pets", task_id)
    assert (ruling.reviewer, ruling.comment, ruling.before) == ("rita", "", None)
    edges = forgets.ports.lineage.edges_to("pets", Node(kind=NodeKind.TASK, id=task_id))
    (told,) = [each for each in edges if each.source.kind is NodeKind.FEEDBACK]
    assert told.actor == "feedback"


def test_imported_answers_are_emptied_and_never_come_again(forgets: Forgets) -> None:
    tasks, lineage = forgets.ports.tasks, forgets.ports.lineage
    hers_, his = given(NAME, "imported:1", "imported:2", label=SECRET), given("b" * 64, "imported:1", label="cat")
    commit(forgets, line(NAME, PERSON, ""), line("b" * 64, "bert-0815", ""))
    tasks.bring([hers_, his])
    assert SECRET in forgets.everything()
    receipt = forgets.forget(WISH, by="operator:dpo").receipt
    tasks.bring([his, hers_, given("c" * 64, "imported:2")])
    for each in (SECRET, PERSON):
        assert each not in forgets.everything()
    assert {name: receipt.counts[name] for name in ("answers", "labels")} == {"answers": 2, "labels": 1}
    assert f"it was imported from {SOURCE}: delete it there" in receipt.by_hand
    assert sorted(each.sample_id[0] for each in tasks.answers("pets", 10)) == ["b", "c"]
    emptied = tasks.annotations("pets", hers_.consensus.task_id)
    assert [(each.annotator, each.label) for each in emptied] == [("imported:1", ""), ("imported:2", "")]
    arrows = lineage.edges_from("pets", Node(kind=NodeKind.SAMPLE, id=NAME))
    assert [(each.actor, each.note, each.target_hash) for each in arrows] == [
        ("imported:1", "", None),
        ("imported:2", "", None),
    ]
    assert lineage.edges_from("pets", Node(kind=NodeKind.SAMPLE, id="b" * 64)) == [his.edges[1]]


def test_a_segment_gives_way_to_what_stands_for_it_twice(forgets: Forgets) -> None:
    lines = [line(each * 64, f"person-{each}", "") for each in "abc"]
    commit(forgets, *lines)
    for number, each in enumerate("ab", start=1):
        forgets.forget(Wish(project="pets", subject=f"person-{each}"), by="operator:dpo")
        assert f"person-{each}" not in forgets.everything()
        assert problems(forgets) == []
        name = forgets.ports.datasets.version("pets", "v1").segments[0].sha256
        data = dict(forgets.objects.segments("pets"))[name]
        redaction = forgets.ports.datasets.redaction("pets", name)
        assert redaction is not None
        assert (redaction.lines, len(redaction.jobs)) == (number, number)
        assert forgets.ports.datasets.segment("pets", name) == data
    assert "person-c" in forgets.everything()


def test_copies_for_others_go_with_what_they_are_of(forgets: Forgets) -> None:
    data = encode([line("a" * 64, PERSON, "")])
    copied = forgets.ports.datasets.put_segment("pets", data)
    for name in (copied, "f" * 64):
        assert forgets.tables.made_of("pets", name) is None
        forgets.tables.put("pets", name, "one", [line("a" * 64, PERSON, "")])
        forgets.tables.put("pets", name, "two", [line("b" * 64, "bert-0815", "")])
        assert forgets.tables.made_of("pets", name) == "two"
    (gone,) = forgets.objects.strays("pets")
    assert "f" * 64 in gone
    assert forgets.tables.made_of("pets", "f" * 64) is None
    forgets.forget(WISH, by="operator:dpo")
    assert forgets.tables.made_of("pets", copied) is None
    assert forgets.objects.strays("pets") == []


def test_a_copy_is_made_again_of_what_is_left(forgets: Forgets) -> None:
    lived(forgets)
    datasets = forgets.ports.datasets
    copy = CopyTables(datasets, forgets.tables, forgets.receipts)
    version = copy("pets", "v1")
    name = version.segments[0].sha256
    assert forgets.tables.made_of("pets", name) == name
    forgets.forget(WISH, by="operator:dpo")
    (entry,) = forgets.receipts.entries("pets")
    assert copy.again("pets", entry.uri) == (name,)
    redaction = datasets.redaction("pets", name)
    assert redaction is not None
    assert forgets.tables.made_of("pets", name) == redaction.sha256
    assert PERSON not in forgets.everything()


def test_a_copy_of_what_was_read_before_a_deletion_does_not_stay(forgets: Forgets) -> None:
    """It comes after the deletion has looked for copies."""
    lived(forgets)
    version = forgets.ports.datasets.version("pets", "v1")
    late, whole = forgets.tables, forgets.tables.put

    def put(*what: Any) -> None:
        late.put = whole  # type: ignore[method-assign]
        forgets.forget(WISH, by="operator:dpo")
        whole(*what)

    late.put = put  # type: ignore[method-assign]
    CopyTables(forgets.ports.datasets, late, forgets.receipts)("pets", "v1")
    redaction = forgets.ports.datasets.redaction("pets", version.segments[0].sha256)
    assert redaction is not None
    assert late.made_of("pets", version.segments[0].sha256) == redaction.sha256
    assert PERSON not in forgets.everything()


def test_parts_of_indexes_are_listed_and_taken_away(forgets: Forgets) -> None:
    one, two = (forgets.ports.datasets.put_part("pets", data) for data in (b"one", b"two"))
    assert dict(forgets.objects.parts("pets")) == {one: b"one", two: b"two"}
    (gone,) = forgets.objects.drop_parts("pets", [one])
    assert one in gone
    assert forgets.objects.drop_parts("pets", [one]) == []
    assert dict(forgets.objects.parts("pets")) == {two: b"two"}
    with pytest.raises(NotFoundError):
        forgets.ports.datasets.part("pets", one)


def test_a_frozen_test_set_gives_way_to_what_is_left_of_it(forgets: Forgets) -> None:
    lived(forgets)
    freeze = FreezeTest({CONFIG.name: CONFIG}, forgets.ports.datasets, FixedClock(NOW))
    before = freeze("pets", "v1", "gold")
    forgets.forget(WISH, by="operator:dpo")
    (after,) = forgets.ports.datasets.frozen("pets")
    assert (before.samples, after.samples) == (2, 1)
    left = Members.of([line("b" * 64, "bert-0815", "")]).encoded()
    assert dict(forgets.objects.parts("pets"))[after.sha256] == left
    # What commits depend on is how many sets there are, and that is as before.
    commit(forgets, line("c" * 64, "carl", ""))


def test_what_names_a_sample_in_its_key_alone_and_what_lies_of_a_batch_goes_too(forgets: Forgets) -> None:
    for key in ("labeling/job/a.json", f"labeling/stream/iteration-1/{NAME}/a.json", "labeling/job-2/a.json"):
        forgets.put(f"pets/{key}", SECRET.encode())
    assert len(forgets.objects.mentions("pets", "labeling/", [NAME])) == 1
    assert len(forgets.objects.batch("pets", "job")) == 1
    assert forgets.objects.batch("pets", "job") == []
    assert SECRET in forgets.everything()
    assert len(forgets.objects.batch("pets", "job-2")) == 1
    assert SECRET not in forgets.everything()


def test_answers_that_name_her_are_taken_away(forgets: Forgets) -> None:
    for number, text in enumerate([f"group\n{PERSON}\n", f"group\n{PERSON}0\n"]):
        forgets.put(f"athena/{number}.csv", text.encode())
    assert len(forgets.objects.answers([PERSON, NAME])) == 1
    assert forgets.objects.answers([PERSON, NAME]) == []
    assert f"{PERSON}0" in forgets.everything()


def test_a_redaction_may_be_repeated(forgets: Forgets) -> None:
    data = encode([line("a" * 64, "anna", "")])
    segment = forgets.ports.datasets.put_segment("pets", data)
    stands = encode([Removal(sample_id="a" * 64, why=REDACTED)])
    redaction = Redaction(
        project="pets",
        segment=segment,
        sha256=hashlib.sha256(stands).hexdigest(),
        bytes=len(stands),
        lines=1,
        jobs=("job",),
        at=NOW,
    )
    for _ in range(2):
        forgets.objects.redact(redaction, stands)
        assert dict(forgets.objects.segments("pets")) == {segment: stands}
        assert forgets.ports.datasets.redaction("pets", segment) == redaction


def test_lines_are_taken_out_of_a_capture_file(forgets: Forgets) -> None:
    file = capture_file()
    data = b"".join(capture_line(number) + b"\n" for number in range(3))
    forgets.ports.put_file(file, data)
    assert forgets.captures.rewrite(file.uri, lambda _: True) == 0
    assert forgets.captures.rewrite(file.uri, lambda line: b"event-1" not in line) == 1
    assert b"".join(forgets.captures.lines(file.uri)) == data.replace(capture_line(1) + b"\n", b"")
    assert "event-1" not in forgets.everything()
    with pytest.raises(NotFoundError):
        forgets.captures.rewrite(f"{file.uri}-not", lambda _: True)


def test_bad_lines_of_hers_are_taken_out_of_the_quarantine(forgets: Forgets) -> None:
    bad = [
        Quarantined(line=number, offset=0, reason="no JSON", raw=raw)
        for number, raw in enumerate([b'{"user": "anna-4711", \xff', b"anna-47110 is somebody else", b"", b"\xff"])
    ]
    forgets.ports.archive.quarantine(capture_file(), bad)
    forgets.ports.archive.quarantine(capture_file("b"), bad[:1])
    forgets.ports.archive.quarantine(capture_file("c"), bad[1:])
    assert forgets.objects.quarantined("pets", [PERSON, "event-1"]) == 2
    assert forgets.objects.quarantined("pets", [PERSON]) == 0
    left = [line for part in forgets.ports.quarantine.parts("pets") for line in part.lines]
    assert len(left) == 6
    assert '"anna-4711"' not in forgets.everything()


def test_captures_of_hers_are_taken_out_when_asked(forgets: Forgets) -> None:
    lived(forgets)
    record = json.loads(capture_line(1, text=SECRET))
    record["eventMetadata"]["inferenceId"] = PERSON
    forgets.ports.put_file(capture_file(), json.dumps(record).encode() + b"\n" + capture_line(2) + b"\n")
    receipt = forgets.forget(WISH, by="operator:dpo", rewrite=True).receipt
    assert receipt.captures_rewritten == (capture_file().uri,)
    assert receipt.counts["capture_lines"] == 1
    assert b"".join(forgets.captures.lines(capture_file().uri)) == capture_line(2) + b"\n"
    assert PERSON not in forgets.everything()


def test_a_receipt_has_one_place_in_the_chain(forgets: Forgets) -> None:
    place = forgets.receipts.place("pets", "job")
    entry = ReceiptEntry(project="pets", number=1, job_id="job", at=NOW, sha256="a", previous="", uri=place)
    forgets.receipts.issue(entry, b"{}", journal())
    with pytest.raises(ConflictError):
        forgets.receipts.issue(entry, b"{}", journal())
    forgets.receipts.issue(replace(entry, number=2, job_id="other"), b"{}", QUIET)
    assert [each.number for each in forgets.receipts.entries("pets")] == [1, 2]
    assert len(forgets.ports.outbox()) == 1
    assert forgets.receipts.entries("birds") == []
    assert forgets.receipts.read(place) == b"{}"
    with pytest.raises(NotFoundError):
        forgets.receipts.read(f"{place}-not")


def test_a_signature_holds_for_what_was_signed_alone(forgets: Forgets) -> None:
    digest, other = bytes(range(32)), bytes(32)
    signature = forgets.signer.sign(digest)
    assert forgets.signer.holds(digest, signature)
    assert not forgets.signer.holds(other, signature)
    for value in ("", "AAAA", "no base64!", forgets.signer.sign(other).value):
        assert not forgets.signer.holds(digest, replace(signature, value=value))


def test_a_deletion_under_way_is_kept_until_its_receipt(forgets: Forgets) -> None:
    lived(forgets)
    forgets.forget(WISH, by="operator:dpo")
    assert forgets.receipts.jobs("pets") == []
    (entry,) = forgets.receipts.entries("pets")
    assert receipt_problems(forgets.receipts.read(entry.uri), entry, None, forgets.signer.holds) == []
    forgets.receipts.drop_job("pets", "one that is gone")
