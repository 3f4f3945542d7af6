"""The shipped fakes of what deletion needs: they empty what the other fakes of the same world hold."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime

from trueup.adapters.memory import (
    FORGOTTEN_PAYLOAD,
    MemoryCaptureArchive,
    MemoryDatasetStore,
    MemoryFeedbackStore,
    MemoryGoldStore,
    MemoryPayloadStore,
    MemoryTaskStore,
    World,
)
from trueup.adapters.memory_tables import copy_uri
from trueup.annotation.emptied import (
    closed_task,
    emptied_annotation,
    emptied_consensus,
    emptied_edge,
    emptied_ruling,
    emptied_selection,
    emptied_task,
    tombstone,
)
from trueup.annotation.tasks import task_id_of
from trueup.capture.seeking import words
from trueup.errors import ConflictError, NotFoundError
from trueup.model import Forgetting, FrozenTest, Node, NodeKind, ReceiptEntry, Redaction, Signature, TaskStatus
from trueup.ports import (
    CaptureRewriter,
    ForgettingStore,
    Journal,
    ObjectEraser,
    ReceiptBook,
    ReceiptSigner,
    Scrubbed,
)
from trueup.settings import ATHENA_ANSWERS


class MemoryForgettingStore(ForgettingStore):
    def __init__(
        self,
        world: World,
        tasks: MemoryTaskStore,
        gold: MemoryGoldStore,
        feedback: MemoryFeedbackStore,
        datasets: MemoryDatasetStore,
    ) -> None:
        self._world, self._tasks, self._gold, self._feedback, self._datasets = world, tasks, gold, feedback, datasets

    def samples_of(self, project: str, group: str) -> list[str]:
        with self._world.lock:
            found = [each for (name, _), each in self._tasks._samples.items() if name == project]
            return sorted(each.sample_id for each in found if each.group == group and group != each.sample_id)

    def bury(self, project: str, sample_ids: Sequence[str], job_id: str, at: datetime) -> None:
        with self._world.lock:
            for each in sample_ids:
                self._bury(project, each, job_id, at)
            self._world.epochs[project] = self._world.epochs.get(project, 0) + 1

    def _bury(self, project: str, sample_id: str, job_id: str, at: datetime) -> None:
        key = project, sample_id
        if key not in self._world.buried:
            self._world.buried[key] = job_id
            self._tasks._samples[key] = tombstone(project, sample_id, at)
        if key in self._tasks._selections:
            self._tasks._selections[key] = emptied_selection(self._tasks._selections[key])
        task_id = task_id_of(project, sample_id)
        self._tasks._tasks.setdefault((project, task_id), closed_task(project, task_id, sample_id, at))

    def gold_tasks(self, project: str, sample_ids: Collection[str]) -> list[str]:
        with self._world.lock:
            found = [each for (name, _), each in self._tasks._tasks.items() if name == project and each.gold_id]
            return sorted(each.task_id for each in found if each.sample_id in sample_ids)

    def scrub(self, project: str, task_id: str) -> Scrubbed:
        with self._world.lock:
            node = Node(kind=NodeKind.TASK, id=task_id)
            asked = self._empty_task(project, task_id)
            stores = self._tasks
            answers = [key for key in stores._annotations if key[:2] == (project, task_id)]
            said = [Node(kind=NodeKind.ANNOTATION, id=stores._annotations[key].annotation_id) for key in answers]
            ruled = [each for each in stores._rulings if (each.project, each.task_id) == (project, task_id)]
            said += [Node(kind=NodeKind.REVIEW, id=each.ruling_id) for each in ruled]
            settled = [each for key, each in stores._consensus.items() if key[:2] == (project, task_id)]
            said += [Node(kind=NodeKind.CONSENSUS, id=each.consensus_id) for each in settled]
            feedback, batches = self._empty_edges(project, node, said)
            for answer in answers:
                stores._annotations[answer] = emptied_annotation(stores._annotations[answer])
            labels = [key for key in stores._consensus if key[:2] == (project, task_id)]
            for label in labels:
                stores._consensus[label] = emptied_consensus(stores._consensus[label])
            stores._uncommitted -= set(labels)
            sources = {stores._annotations[answer].source for answer in answers}
            rulings = [each for each in stores._rulings if (each.project, each.task_id) == (project, task_id)]
            stores._rulings = [emptied_ruling(each) if each in rulings else each for each in stores._rulings]
            return Scrubbed(
                tasks=asked,
                answers=len(answers),
                consensus=len(labels),
                rulings=len(rulings),
                feedback=feedback,
                batches=batches,
                sources=tuple(sorted(sources - {""})),
            )

    def _empty_task(self, project: str, task_id: str) -> int:
        task = self._tasks._tasks.get((project, task_id))
        if task is None:
            return 0
        if task.status is not TaskStatus.CANCELLED or task.payload_uri:
            self._tasks._tasks[project, task_id] = emptied_task(task)
        return int(task.overlap > 0)

    def _empty_edges(self, project: str, task: Node, said: list[Node]) -> tuple[int, tuple[str, ...]]:
        mine = [
            each
            for each in self._world.edges.values()
            if each.project == project and (task in (each.source, each.target) or each.source in said)
        ]
        mine += [
            each
            for each in self._world.edges.values()
            if each.project == project and each.source.kind is NodeKind.SAMPLE and each.target in said
        ]
        feedback, batches = 0, []
        for each in mine:
            edge = emptied_edge(each)
            self._world.redraw(edge)
            if edge.source.kind is NodeKind.FEEDBACK:
                feedback += 1
                self._feedback._states.pop((project, edge.source.id), None)
            if edge.target.kind is NodeKind.BATCH:
                batches.append(edge.target.id)
        return feedback, tuple(batches)

    def refreeze(self, frozen: FrozenTest) -> None:
        with self._world.lock:
            self._datasets._frozen[frozen.project, frozen.name] = frozen

    def drop_gold(self, project: str, sample_ids: Collection[str]) -> int:
        with self._gold._world.lock:
            gold = [each for each in self._gold.items(project) if each.sample_id in sample_ids]
            names = {each.gold_id for each in gold}
            asked = set(self.gold_tasks(project, sample_ids))
            for name in names:
                self._gold.remove(project, name)
            for key, answer in list(self._gold._answers.items()):
                if key[0] == project and (answer.gold_id in names or answer.task_id in asked):
                    del self._gold._answers[key]
            return len(names)

    def drop_feedback(self, project: str, inferences: Collection[str]) -> int:
        with self._world.lock:
            states = self._feedback._states
            named = {key: (each.feedback.event_id, each.feedback.inference_id) for key, each in states.items()}
            gone = [key for key, names in named.items() if key[0] == project and not set(names).isdisjoint(inferences)]
            for key in gone:
                del states[key]
            return len(gone)


class MemoryObjectEraser(ObjectEraser):
    def __init__(
        self,
        world: World,
        datasets: MemoryDatasetStore,
        payloads: MemoryPayloadStore,
        archive: MemoryCaptureArchive,
    ) -> None:
        self._world, self._datasets, self._payloads, self._archive = world, datasets, payloads, archive

    def segments(self, project: str) -> Iterator[tuple[str, bytes]]:
        prefix = f"memory://{project}/segments/"
        names = {uri.removeprefix(prefix) for uri in self._datasets.objects if uri.startswith(prefix)}
        names |= {segment for name, segment in self._world.redactions if name == project}
        for each in sorted(names):
            whole = self._datasets.objects.get(f"{prefix}{each}")
            yield each, whole if whole is not None else self._datasets.segment(project, each)

    def redact(self, redaction: Redaction, data: bytes) -> None:
        with self._world.lock:
            key = redaction.project, redaction.segment
            objects, before = self._datasets.objects, self._world.redactions.get(key)
            place = f"memory://{redaction.project}/redacted/{redaction.segment}"
            objects[f"{place}/{redaction.sha256}"] = data
            self._world.redactions[key] = redaction
            whole = f"memory://{redaction.project}/segments/{redaction.segment}"
            objects.pop(whole, None)
            self._datasets.written.pop(whole, None)
            objects.pop(copy_uri(redaction.project, redaction.segment), None)
            if before is not None and before.sha256 != redaction.sha256:
                objects.pop(f"{place}/{before.sha256}", None)

    def payload(self, project: str, sample_id: str, uri: str) -> bool:
        place = f"memory://{project}/payloads/{sample_id}"
        self._payloads.payloads[place] = FORGOTTEN_PAYLOAD
        return uri in ("", place)

    def strays(self, project: str) -> list[str]:
        stored = {name for name, _ in self.segments(project)}
        place = copy_uri(project)
        return self._erase(lambda uri, _: uri.startswith(place) and uri.removeprefix(place) not in stored)

    def parts(self, project: str) -> Iterator[tuple[str, bytes]]:
        prefix = f"memory://{project}/groups/parts/"
        found = [(uri, data) for uri, data in self._datasets.objects.items() if uri.startswith(prefix)]
        yield from ((uri.removeprefix(prefix), data) for uri, data in sorted(found))

    def drop_parts(self, project: str, names: Collection[str]) -> list[str]:
        wanted = {f"memory://{project}/groups/parts/{each}" for each in names}
        return self._erase(lambda uri, _: uri in wanted)

    def exports(self, project: str, version_id: str) -> list[str]:
        return self._erase(lambda uri, _: uri.startswith(f"memory://{project}/exports/{version_id}/"))

    def batch(self, project: str, name: str) -> list[str]:
        return self._erase(lambda uri, _: uri.startswith(f"memory://{project}/labeling/{name}/"))

    def answers(self, names: Collection[str]) -> list[str]:
        wanted = words(names)
        return self._erase(lambda uri, data: uri.startswith(f"memory://{ATHENA_ANSWERS}") and bool(wanted.search(data)))

    def quarantined(self, project: str, names: Collection[str]) -> int:
        wanted, gone = words(names), 0
        for file_id, items in self._archive.quarantined.items():
            if self._archive.origins[file_id].project == project:
                kept = [each for each in items if not wanted.search(each.raw)]
                gone += len(items) - len(kept)
                items[:] = kept
        return gone

    def mentions(self, project: str, folder: str, names: Collection[str]) -> list[str]:
        wanted = [each.encode() for each in names]
        place = f"memory://{project}/{folder}"
        return self._erase(
            lambda uri, data: uri.startswith(place) and any(each in uri.encode() + data for each in wanted)
        )

    def _erase(self, wanted: Callable[[str, bytes], bool]) -> list[str]:
        with self._world.lock:
            found = sorted(uri for uri, data in self._datasets.objects.items() if wanted(uri, data))
            for each in found:
                del self._datasets.objects[each]
            return found


class MemoryCaptureRewriter(CaptureRewriter):
    def __init__(self, archive: MemoryCaptureArchive) -> None:
        self._archive = archive

    def lines(self, uri: str) -> Iterator[bytes]:
        if uri not in self._archive.files:
            raise NotFoundError(f"{uri} does not exist")
        yield from io.BytesIO(self._archive.files[uri])

    def rewrite(self, uri: str, keep: Callable[[bytes], bool]) -> int:
        lines = list(self.lines(uri))
        kept = [each for each in lines if keep(each)]
        self._archive.files[uri] = b"".join(kept)
        return len(lines) - len(kept)


class MemoryReceiptBook(ReceiptBook):
    """`files` maps URI to bytes, for tests that spoil one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.files: dict[str, bytes] = {}
        self._jobs: dict[tuple[str, str], Forgetting] = {}
        self._entries: dict[tuple[str, int], ReceiptEntry] = {}

    def save_job(self, job: Forgetting) -> None:
        self._jobs[job.draft.project, job.draft.job_id] = job

    def jobs(self, project: str) -> list[Forgetting]:
        found = [each for (name, _), each in self._jobs.items() if name == project]
        return sorted(found, key=lambda each: (each.draft.at, each.draft.job_id))

    def drop_job(self, project: str, job_id: str) -> None:
        self._jobs.pop((project, job_id), None)

    def issue(self, entry: ReceiptEntry, data: bytes, journal: Journal) -> None:
        self.files[entry.uri] = data
        if (entry.project, entry.number) in self._entries:
            raise ConflictError(f"project {entry.project} has a receipt {entry.number} already")
        self._entries[entry.project, entry.number] = entry
        self._world.write(journal)

    def place(self, project: str, job_id: str) -> str:
        return f"memory://{project}/receipts/{job_id}.json"

    def entries(self, project: str) -> list[ReceiptEntry]:
        return [each for (name, _), each in sorted(self._entries.items()) if name == project]

    def read(self, uri: str) -> bytes:
        if uri not in self.files:
            raise NotFoundError(f"{uri} does not exist")
        return self.files[uri]


class MemoryReceiptSigner(ReceiptSigner):
    """As safe as its key, which lies in memory."""

    def __init__(self, key: bytes = b"a key of tests") -> None:
        self._key = key

    def sign(self, digest: bytes) -> Signature:
        value = hmac.new(self._key, digest, hashlib.sha256).digest()
        return Signature(key="memory:key", algorithm="HMAC_SHA_256", value=base64.b64encode(value).decode())

    def holds(self, digest: bytes, signature: Signature) -> bool:
        return hmac.compare_digest(self.sign(digest).value, signature.value)
