"""Deletion: what a person's data is, it is gone; what was not theirs stays; and the history still verifies."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.usecases.people import people_answer
from tests.worlds import NOW, Loop, capture_file, capture_line, project
from trueup.adapters.memory import MemoryCaptureArchive
from trueup.adapters.memory_tables import copy_uri
from trueup.annotation.tasks import task_id_of
from trueup.capture.samples import sample_id
from trueup.dataset.checkpoints import merged_segments
from trueup.dataset.receipts import is_about, receipt_problems
from trueup.dataset.segments import Table
from trueup.dataset.verify import verify
from trueup.errors import InputError, NotFoundError
from trueup.lineage.edges import consensus_node, deployed, registered, sent, trained
from trueup.model import (
    Champion,
    Feedback,
    Node,
    NodeKind,
    Payload,
    Removal,
    RetrainingRun,
    RunStatus,
    SignedReceipt,
    TaskStatus,
)
from trueup.ports import DatasetStore, Journal, LabelingJob
from trueup.usecases.checkpoint_version import CheckpointVersion
from trueup.usecases.import_labels import ImportedLabel, ImportLabels
from trueup.usecases.making_versions import MakeVersion, Proposal, newest_view, view_of
from trueup.usecases.name_versions import NameVersions
from trueup.usecases.resolve_subject import Wish

ANNA, BERT = "anna-4711", "bert-0815"


def theirs(number: int, person: str, says: str) -> bytes:
    """A captured request of somebody, whose name is a custom attribute."""
    record = json.loads(capture_line(number, text=says))
    record["eventMetadata"]["customAttributes"] = [f"user={person}"]
    return json.dumps(record).encode()


def a_life(**changes: Any) -> Loop:
    """Anna asked three times, Bert twice; all was labelled by two people, and is in a version."""
    loop = Loop(project(selection={"rate": 1.0, "audit_share": 0.0, "group_by": "attribute:user"}, **changes))
    asks(loop, "a", (ANNA, "my cat Tiger"), (BERT, "a dog of his"), (ANNA, "Tiger again"), (BERT, "his fox"))
    people_answer(loop)
    loop.commit("pets", "labels settled", force=True)
    return loop


def asks(loop: Loop, name: str, *said: tuple[str, str]) -> None:
    file = capture_file(name)
    lines = [theirs(hash_of(name) + number, person, says) for number, (person, says) in enumerate(said)]
    loop.archive.files[file.uri] = b"".join(each + b"\n" for each in lines)
    loop.ingest(file)


def hash_of(name: str) -> int:
    return sum(map(ord, name)) * 100


def brings(loop: Loop, *labels: tuple[str, str, str]) -> None:
    """Labels that existed before, each of somebody."""
    bring = ImportLabels(loop.projects, loop.payloads, loop.datasets, loop.clock, loop.tasks)
    made = [
        ImportedLabel(payload=Payload(data=says.encode(), content_type="text/plain"), label=label, group=person)
        for person, says, label in labels
    ]
    bring("pets", made, "brought along")


def forget(loop: Loop, person: str = ANNA, **more: Any) -> SignedReceipt:
    return loop.forget(Wish(project="pets", subject=person), by="operator:dpo", **more)


def problems(loop: Loop) -> list[str]:
    """What verify finds in all versions, payloads of the heads included."""
    return [
        problem
        for position, version in enumerate(loop.datasets.versions("pets"))
        for problem in verify(
            version,
            lambda sha: loop.datasets.segment("pets", sha),
            lambda name: loop.datasets.document("pets", name),
            (lambda each: sample_id(loop.payloads.get(each.payload_uri))) if position == 0 else None,
            redaction=lambda sha: loop.datasets.redaction("pets", sha),
        )
    ]


def everything(loop: Loop) -> str:
    """All that the world of fakes holds, as text: each store's records and bytes, but for capture files, which lie in a
    bucket of their own."""
    stores = [each for each in vars(loop).values() if type(each).__module__.startswith("trueup.adapters")]
    said: dict[int, int] = {}
    return "\n".join(_text(vars(each), said) for each in stores if not isinstance(each, MemoryCaptureArchive))


def _text(thing: Any, said: dict[int, int], depth: int = 0) -> str:
    """`said` holds which objects were told already, and from which depth: stores share a world."""
    if isinstance(thing, (str, int, float)):
        return str(thing)
    if isinstance(thing, bytes):
        return thing.decode(errors="replace")
    if isinstance(thing, msgspec.Struct):
        return msgspec.json.encode(thing).decode() + "".join(
            _text(getattr(thing, each), said) for each in thing.__struct_fields__
        )
    if isinstance(thing, dict):
        return "\n".join(_text(key, said, depth + 1) + _text(value, said, depth + 1) for key, value in thing.items())
    if isinstance(thing, (list, tuple, set, frozenset)):
        return "\n".join(_text(each, said, depth + 1) for each in thing)
    if isinstance(thing, MemoryCaptureArchive) or said.get(id(thing), depth + 1) <= depth:
        return ""
    if hasattr(thing, "__dict__") and depth < 3 and type(thing).__module__.startswith("trueup"):
        said[id(thing)] = depth
        return _text(vars(thing), said, depth + 1)
    return str(thing)


def test_nothing_of_the_person_is_left_and_all_of_the_others_is() -> None:
    loop = a_life()
    assert ANNA in everything(loop)
    assert "Tiger" in everything(loop)
    signed = forget(loop)
    left = everything(loop)
    assert ANNA not in left
    assert "Tiger" not in left
    assert BERT in left
    assert "his fox" in left
    assert problems(loop) == []
    head = loop.datasets.head("pets")
    assert head is not None
    assert (head.samples, head.removed, signed.receipt.successors) == (2, 2, (head.version_id,))


def test_the_receipt_tells_what_was_forgotten_and_not_of_whom() -> None:
    loop = a_life()
    receipt = forget(loop, reason="request 17").receipt
    assert is_about(receipt, (ANNA,))
    assert not is_about(receipt, (BERT,))
    assert ANNA not in msgspec.json.encode(receipt).decode()
    assert (receipt.by, receipt.reason, len(receipt.samples)) == ("operator:dpo", "request 17", 2)
    assert [(each.number, each.samples) for each in receipt.versions] == [(1, 2)]
    assert receipt.counts == {"answers": 4, "labels": 2, "payloads": 2, "tasks": 2}
    assert receipt.captures == (capture_file().uri,)
    assert any("--captures" in each for each in receipt.by_hand)
    (told,) = [each.data for each in loop.world.outbox if each.event_type == "SamplesForgotten"]
    assert (told["receipt"], told["samples"], told["versions"]) == (1, 2, 1)


def test_models_that_learned_of_it_are_named_and_the_one_that_serves() -> None:
    loop = a_life()
    version = loop.datasets.head("pets")
    assert version is not None
    run = RetrainingRun(
        project="pets",
        run_id="v1-abc",
        status=RunStatus.RUNNING,
        version_id=version.version_id,
        rule="count",
        reason="",
        started_at=NOW,
    )
    arn = "arn:aws:sagemaker:us-east-1:1:model-package/pets/1"
    loop.lineage.add(
        [trained(run, "job-1", NOW), *registered(run, "job-1", arn, NOW), *deployed(run, arn, "pets-2", NOW)]
    )
    loop.registry.champions["pets"] = Champion(
        endpoint_name="pets",
        endpoint_config="pets-2",
        model_name="m",
        model_data_url="s3://m",
        image="i",
        variant="v",
    )
    loop.runs.begin(msgspec.structs.replace(run, run_id="v1-now"), Journal(at=NOW))
    found = forget(loop).receipt.consequences
    assert [(each.kind, each.id, each.serving) for each in found] == [
        ("training", "job-1", False),
        ("model", arn, False),
        ("endpoint", "pets-2", True),
        ("training", "v1-now", False),
    ]


def test_a_version_that_only_inherits_it_held_it_too_and_one_after_does_not() -> None:
    loop = a_life()
    brings(loop, (BERT, "one more dog", "dog"))
    receipt = forget(loop).receipt
    brings(loop, (BERT, "and a fox", "fox"))
    assert [each.number for each in receipt.versions] == [1, 2]
    assert problems(loop) == []


def test_imported_labels_that_nobody_was_asked_about_are_forgotten_by_their_group() -> None:
    loop = Loop()
    brings(loop, (ANNA, "her cat", "cat"), (BERT, "his dog", "dog"), (ANNA, "her fox", "fox"))
    assert len(forget(loop).receipt.samples) == 2
    assert "her " not in everything(loop)
    assert problems(loop) == []


def test_what_a_removal_took_out_and_what_a_checkpoint_holds_is_forgotten_too() -> None:
    loop = Loop()
    brings(loop, (ANNA, "Tiger", "cat"), (BERT, "his fox", "dog"))
    first = loop.datasets.head("pets")
    theirs_id = sample_id(Payload(data=b"Tiger", content_type="text/plain"))
    make = MakeVersion(datasets=loop.datasets, clock=loop.clock)
    removal = Removal(sample_id=theirs_id, why="a wrong one")
    second = make(loop.config, lambda _: Proposal(changes=[removal]), "less")
    assert first is not None
    assert second is not None
    stack = view_of(loop.datasets, "pets", first).stack
    (merged,) = merged_segments(stack, oldest=True, rows=7)
    loop.datasets.put_segment("pets", merged.data)
    loop.datasets.put_checkpoint("pets", first.version_id, [merged.segment])
    forget(loop)
    assert problems(loop) == []
    assert ANNA not in everything(loop)
    assert theirs_id not in newest_view(loop.datasets, "pets", first).lookup([theirs_id])
    redacted = Table.of(loop.datasets.segment("pets", second.delta[0].sha256))
    assert (redacted.removed, redacted.knows_before) == (1, False)


def test_an_old_version_that_is_taken_up_again_counts_who_was_forgotten_through_checkpoints() -> None:
    loop = Loop()
    brings(loop, (ANNA, "her cat", "cat"), (BERT, "his dog", "dog"), ("cleo-1", "a fox", "fox"))
    first = loop.datasets.head("pets")
    assert first is not None
    forget(loop, ANNA)
    names = NameVersions(loop.datasets, loop.refs, loop.clock)
    names.branch("again", first, "operator:ada", "")
    checkpoint = CheckpointVersion(loop.projects, loop.datasets, loop.receipts, few=1)
    assert checkpoint("pets", "again") is None
    forget(loop, BERT)
    head = loop.datasets.head("pets", "again")
    assert head is not None
    assert (head.samples, [each.label for each in view_of(loop.datasets, "pets", head)]) == (2, ["fox"])
    assert problems(loop) == []
    assert [each.samples for each in checkpoint("pets", "again") or ()] == [3, 1]
    assert problems(loop) == []


class Meanwhile:
    """A store to which something happens before a segment is written."""

    def __init__(self, inner: DatasetStore, then: Callable[[], object]) -> None:
        self._inner, self._then = inner, then

    def put_segment(self, project: str, data: bytes) -> str:
        self._then()
        return self._inner.put_segment(project, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_a_checkpoint_of_what_is_forgotten_meanwhile_stands_for_nothing() -> None:
    loop = Loop()
    brings(loop, (ANNA, "her cat", "cat"), (BERT, "his dog", "dog"))
    first = loop.datasets.head("pets")
    assert first is not None
    store = Meanwhile(loop.datasets, lambda: forget(loop))
    assert CheckpointVersion(loop.projects, cast(DatasetStore, store), loop.receipts, few=1)("pets") is None
    assert loop.datasets.checkpoint("pets", first.version_id) is None
    assert CheckpointVersion(loop.projects, loop.datasets, loop.receipts, few=1)("pets") is not None


def test_what_is_forgotten_never_comes_back_by_import_ingest_or_commit() -> None:
    loop = a_life()
    asks(loop, "b", (ANNA, "a cat that waits"))
    people_answer(loop)
    settled = loop.tasks.uncommitted("pets", 10)
    assert settled
    forget(loop)
    asks(loop, "c", (BERT, "my cat Tiger"))
    brings(loop, (BERT, "Tiger again", "cat"), (BERT, "a cat that waits", "cat"), (BERT, "new", "cat"))
    loop.commit("pets", "what waits", force=True)
    assert "Tiger" not in everything(loop)
    assert "a cat that waits" not in everything(loop)
    head = loop.datasets.head("pets")
    assert head is not None
    assert head.samples == 3
    assert head.reason == "brought along (2 forgotten and left out)"
    assert problems(loop) == []


def test_a_commit_that_looked_before_the_tombstones_loses_its_head() -> None:
    loop = a_life()
    asks(loop, "b", (ANNA, "a late cat"), (BERT, "a late dog"))
    people_answer(loop)
    whole = loop.datasets.put_segment

    def put_after_forgetting(project: str, data: bytes) -> str:
        loop.datasets.put_segment = whole  # type: ignore[method-assign]
        forget(loop)
        return whole(project, data)

    loop.datasets.put_segment = put_after_forgetting  # type: ignore[method-assign]
    loop.commit("pets", "a race", force=True)
    head = loop.datasets.head("pets")
    assert head is not None
    assert (head.samples, head.number) == (3, 3)
    assert problems(loop) == []
    # The segment that lost is listed by no version. Whoever asks again takes it away, too.
    assert forget(loop).receipt.samples
    assert "a late cat" not in everything(loop)


def test_open_tasks_are_cancelled_and_late_answers_refused() -> None:
    loop = a_life()
    asks(loop, "b", (ANNA, "her new cat"))
    claimed = loop.claim("pets", "ada")
    assert claimed is not None
    forget(loop)
    task = loop.tasks.get("pets", claimed.task.task_id)
    assert (task.status, task.payload_uri, task.prediction, task.leases) == (TaskStatus.CANCELLED, "", None, ())
    assert loop.claim("pets", "ben") is None
    assert loop.settle("pets", task.task_id) is None


def test_answers_keep_who_and_when_and_lose_what() -> None:
    loop = a_life()
    receipt = forget(loop).receipt
    task_id = task_id_of("pets", receipt.samples[0])
    answers = loop.tasks.annotations("pets", task_id)
    assert {(each.annotator, each.label) for each in answers} == {("ada", ""), ("ben", "")}
    assert loop.lineage.edges_from("pets", Node(kind=NodeKind.TASK, id=task_id))


def test_gold_that_was_made_of_it_is_dropped_with_its_answers() -> None:
    loop = a_life()
    loop.keep_gold.add("pets", 10, "lead", least=0.0)
    receipt = forget(loop).receipt
    assert receipt.counts["gold"] == 2
    assert {each.sample_id for each in loop.gold.items("pets")}.isdisjoint(receipt.samples)


def test_feedback_about_their_inferences_is_dropped() -> None:
    loop = a_life()
    theirs = loop.tasks.selection("pets", loop.forget.found(Wish(project="pets", subject=ANNA)).samples[0])
    assert theirs is not None
    for event in (theirs.event_id, "event-of-bert"):
        loop.feedback.put(
            Feedback(project="pets", kind="truth", label="fox", received_at=NOW, event_id=event, by="anna at home")
        )
    loop.join_feedback("pets", 60)
    assert "anna at home" in everything(loop)
    assert forget(loop).receipt.counts["feedback"] == 1
    assert everything(loop).count("anna at home") > 0
    assert not [each for each in loop.world.edges.values() if "anna" in each.actor]


def test_one_sample_goes_by_its_id() -> None:
    loop = a_life()
    found = loop.forget.found(Wish(project="pets", subject=ANNA)).samples
    signed = loop.forget(Wish(project="pets", sample_ids=found[:1]), by="operator:dpo")
    assert (signed.receipt.kind, signed.receipt.samples) == ("sample", found[:1])
    assert problems(loop) == []
    assert ANNA in everything(loop)


def test_twice_is_refused_when_nothing_is_left() -> None:
    loop = a_life()
    forget(loop)
    with pytest.raises(NotFoundError, match="nothing of it"):
        forget(loop)


@pytest.mark.parametrize("person", ["", "nobody"])
def test_what_is_not_there_is_said(person: str) -> None:
    loop = a_life()
    with pytest.raises((InputError, NotFoundError)):
        forget(loop, person)


def test_a_reason_must_not_name_the_subject() -> None:
    with pytest.raises(InputError, match="names the subject"):
        forget(a_life(), reason=f"{ANNA} asked for it")


def test_exports_and_files_that_mention_a_sample_are_taken_away() -> None:
    loop = a_life()
    version = loop.datasets.head("pets")
    assert version is not None
    sample = loop.forget.found(Wish(project="pets", subject=ANNA)).samples[0]
    export = loop.datasets.put_export("pets", version.version_id, "train.manifest", b"Tiger")
    report = loop.datasets.put_report("pets", "gate/r1.json", sample.encode())
    other = loop.datasets.put_report("pets", "gate/r2.json", b"{}")
    removed = forget(loop).receipt.removed
    assert [each for each in removed if "/groups/" not in each] == [export, report]
    assert loop.datasets.read(other) == b"{}"


def test_answers_of_others_sql_and_copies_of_what_is_stored_no_more_are_taken_away() -> None:
    loop = a_life()
    sample = loop.forget.found(Wish(project="pets", subject=ANNA)).samples[0]
    hers, others = f"group,label\n{ANNA},cat\n".encode(), f"group,label\n{ANNA}0,cat\n".encode()
    answers = {"1.csv": hers, "2.csv": sample.encode(), "3.csv": others}
    loop.datasets.objects |= {f"memory://athena/{name}": data for name, data in answers.items()}
    loop.copy.tables.put("pets", "f" * 64, "f" * 64, [])
    removed = forget(loop).receipt.removed
    assert {each for each in removed if "/groups/" not in each} == {
        "memory://athena/1.csv",
        "memory://athena/2.csv",
        copy_uri("pets", "f" * 64),
    }
    assert loop.datasets.read("memory://athena/3.csv") == others


def test_exports_of_versions_of_which_nothing_is_stored_any_more_are_taken_away() -> None:
    """Nothing tells any more that they held nothing of hers."""
    loop = Loop()
    brings(loop, (BERT, "his dog", "dog"))
    lost = loop.datasets.head("pets")
    assert lost is not None
    old = loop.datasets.put_export("pets", lost.version_id, "data.parquet", b"PAR1")
    brings(loop, (ANNA, "her cat", "cat"))
    (segment,) = lost.segments
    del loop.datasets.objects[f"memory://pets/segments/{segment.sha256}"]
    assert old in forget(loop).receipt.removed


def test_a_batch_of_a_labeling_service_goes_whole() -> None:
    """Ground Truth files away what people answered by the place of an object in its manifest, without any name."""
    loop = a_life()
    sample = loop.forget.found(Wish(project="pets", subject=ANNA)).samples[0]
    task = loop.tasks.get("pets", task_id_of("pets", sample))
    loop.lineage.add([sent(task, "batch-1", NOW)])
    job = LabelingJob(
        project="pets", name="batch-1", status="in_progress", task_ids=(task.task_id,), backend="ground_truth"
    )
    loop.batches.save_batch(job)
    place = "memory://pets/labeling/batch-{}/annotations/worker-response/iteration-1/0/a.json"
    loop.datasets.objects |= {place.format(each): b'{"answers":[{"label":"her cat"}]}' for each in (1, 2)}
    receipt = forget(loop).receipt
    assert place.format(1) in receipt.removed
    assert place.format(2) not in receipt.removed
    (mend,) = [each for each in receipt.by_hand if "batch-1 of ground_truth" in each]
    assert "what it writes to labeling/batch-1/ until it has ended" in mend


def test_no_hash_or_name_is_left_on_the_way_to_a_version() -> None:
    """A label of few classes is found from the hash of its record by trying each."""
    loop = a_life()
    sample = loop.forget.found(Wish(project="pets", subject=ANNA)).samples[0]
    event = loop.tasks.selection("pets", sample)
    assert event is not None
    loop.feedback.put(
        Feedback(project="pets", kind="truth", label="fox", received_at=NOW, event_id=event.event_id, by="anna at home")
    )
    loop.join_feedback("pets", 60)
    loop.commit("pets", "the truth", force=True)
    assert loop.tasks.consensus("pets", task_id_of("pets", sample)).annotators == ("truth:anna at home",)
    forget(loop)
    left = loop.tasks.consensus("pets", task_id_of("pets", sample))
    assert left is not None
    assert left.annotators == ("truth",)
    onward = [each for each in loop.world.edges.values() if each.source == consensus_node(left)]
    assert [(each.target.kind, each.source_hash) for each in onward] == [(NodeKind.VERSION, None)]
    # Events say it for seven days.
    loop.world.envelopes.clear()
    assert "anna at home" not in everything(loop)


def test_captures_are_rewritten_when_asked_and_searched_from_a_day_on() -> None:
    loop = a_life()
    silent = capture_file("silent")
    loop.archive.files[silent.uri] = theirs(9, ANNA, "never asked about") + b"\n" + theirs(8, BERT, "nor he") + b"\n"
    wish = Wish(project="pets", subject=ANNA, since=NOW - timedelta(days=1))
    receipt = loop.forget(wish, by="operator:dpo", rewrite=True).receipt
    assert receipt.captures_rewritten == (capture_file().uri, silent.uri)
    assert receipt.counts["capture_lines"] == 3
    kept = b"".join(loop.archive.files.values())
    assert ANNA.encode() not in kept
    assert kept.count(BERT.encode()) == 3
    assert not [each for each in receipt.by_hand if "--captures" in each]


def test_receipts_make_a_chain_in_which_nothing_can_be_changed() -> None:
    loop = a_life()
    first, second = forget(loop), forget(loop, BERT)
    assert (first.receipt.number, second.receipt.number, first.receipt.previous) == (1, 2, "")
    entries = loop.receipts.entries("pets")
    assert second.receipt.previous == entries[0].sha256
    for entry, before in zip(entries, (None, entries[0]), strict=True):
        data = loop.receipts.read(entry.uri)
        assert receipt_problems(data, entry, before, loop.signer.holds) == []
        for spoilt in (
            data.replace(b"operator:dpo", b"operator:eve"),
            data.replace(b'{"receipt"', b'{"note":"","receipt"'),
            data.replace(f'"number":{entry.number}'.encode(), b'"number":7'),
            b"{}",
        ):
            assert spoilt != data
            assert receipt_problems(spoilt, entry, before, loop.signer.holds)
    assert receipt_problems(loop.receipts.read(entries[1].uri), entries[1], None, loop.signer.holds)


def test_verify_finds_a_forgotten_segment_that_was_tampered_with() -> None:
    loop = a_life()
    forget(loop)
    ((key, redaction),) = loop.world.redactions.items()
    place = f"memory://pets/redacted/{redaction.segment}/{redaction.sha256}"
    whole = loop.datasets.objects[place]
    loop.world.redactions[key] = msgspec.structs.replace(redaction, lines=redaction.lines + 1)
    assert "forgotten lines" in problems(loop)[0]
    loop.world.redactions[key] = redaction
    loop.datasets.objects[place] = whole.replace(b'"cat"', b'"dog"').replace(BERT.encode(), b"berta")
    assert "does not hash" in problems(loop)[0]


class KilledError(Exception):
    """The process ended here."""


def killed_at(thing: Any, fuse: list[int]) -> Any:
    """A port that fails when the fuse has burnt down, before or after it did what it was asked."""

    class Fused:
        def __getattr__(self, name: str) -> Any:
            found = getattr(thing, name)
            return _fused(found, fuse) if callable(found) else found

    return Fused()


def _fused(call: Callable[..., Any], fuse: list[int]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        fuse[0] -= 1
        if fuse[0] == 0:
            raise KilledError
        answer = call(*args, **kwargs)
        fuse[0] -= 1
        if fuse[0] == 0:
            raise KilledError
        return answer

    return run


@pytest.mark.slow
def test_a_deletion_that_is_killed_at_any_call_goes_on_where_it_was() -> None:
    whole = forget(a_life()).receipt
    calls = 1
    while _killed(loop := a_life(), calls):
        _assert_done(loop, whole)
        calls += 1
    assert calls > 60


@pytest.mark.slow
def test_no_checkpoint_holds_what_a_deletion_under_way_ended_without() -> None:
    calls, made = 1, 0
    while _killed(loop := a_life(), calls):
        store = Meanwhile(loop.datasets, partial(_finish, loop))
        done = CheckpointVersion(loop.projects, cast(DatasetStore, store), loop.receipts, few=1)("pets")
        _finish(loop)
        made += done is not None
        held = [loop.datasets.segment("pets", each.sha256) for each in done or ()]
        assert loop.receipts.jobs("pets") == []
        assert not any(ANNA.encode() in each for each in held), calls
        calls += 1
    assert 0 < made < calls - 1


def _finish(loop: Loop) -> None:
    if loop.receipts.jobs("pets") or not loop.receipts.entries("pets"):
        forget(loop)


def _killed(loop: Loop, calls: int) -> bool:
    """A deletion that comes no further than so many of its ports' calls and answers."""
    ports = ("datasets", "forgetting", "objects", "captures", "knowledge", "batches", "receipts", "signer")
    fuse = [calls]
    fused = {each: killed_at(getattr(loop.forget, each), fuse) for each in ports}
    resolve = dataclasses.replace(
        loop.forget.resolve, datasets=fused["datasets"], forgetting=fused["forgetting"], objects=fused["objects"]
    )
    try:
        dataclasses.replace(loop.forget, resolve=resolve, **fused)(
            Wish(project="pets", subject=ANNA), by="operator:dpo"
        )
    except KilledError:
        return True
    return False


def _assert_done(loop: Loop, whole: Any) -> None:
    """Run again, it ends as one that was not killed, with one receipt."""
    try:
        forget(loop)
    except NotFoundError:
        assert len(loop.receipts.entries("pets")) == 1
    (entry,) = loop.receipts.entries("pets")
    data = loop.receipts.read(entry.uri)
    receipt = msgspec.json.decode(data, type=SignedReceipt).receipt
    assert receipt_problems(data, entry, None, loop.signer.holds) == []
    assert ANNA not in everything(loop)
    assert problems(loop) == []
    assert loop.receipts.jobs("pets") == []
    assert (receipt.samples, receipt.counts, receipt.segments) == (whole.samples, whole.counts, whole.segments)
    assert (receipt.versions, len(receipt.successors)) == (whole.versions, len(whole.successors))


PEOPLE = st.sampled_from(["xavier-1", "yolanda-2", "zoe-3"])
STEPS = st.one_of(
    st.tuples(st.just("import"), PEOPLE, st.integers(1, 4), st.sampled_from(["cat", "dog"])),
    st.tuples(st.just("ask"), PEOPLE, st.integers(1, 4)),
    st.tuples(st.just("commit")),
    st.tuples(st.just("forget"), PEOPLE),
)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(STEPS, min_size=2, max_size=14))
def test_whatever_happens_history_verifies_and_the_forgotten_stay_forgotten(steps: list[tuple[Any, ...]]) -> None:
    loop = Loop(project(selection={"rate": 1.0, "audit_share": 0.0, "group_by": "attribute:user"}))
    gone: set[str] = set()
    for number, step in enumerate(steps):
        loop.clock.advance(1)
        if step[0] == "import":
            brings(loop, (step[1], f"{step[1]} says {step[2]}", step[3]))
            gone.discard(step[1])
        elif step[0] == "ask":
            asks(loop, f"f{number:03}", (step[1], f"{step[1]} says {step[2]}"))
            gone.discard(step[1])
        elif step[0] == "commit":
            people_answer(loop)
            loop.commit("pets", "labels settled", force=True)
        else:
            with contextlib.suppress(NotFoundError):
                forget(loop, step[1])
            gone.add(step[1])
        assert problems(loop) == []
        left = everything(loop)
        for person in gone:
            assert person not in left
