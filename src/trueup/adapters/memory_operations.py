"""The shipped fakes of what operating a deployment needs: dead letters, replays, health, an operator's objects."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import BinaryIO

import msgspec

from trueup.adapters.local_sources import place_on_disk
from trueup.dataset.sources import Source, within
from trueup.errors import InputError, NotFoundError, TrueupError
from trueup.model import Payload
from trueup.ports import (
    AlarmState,
    DeadLetter,
    DeadLetters,
    Drained,
    EndpointState,
    FailureNote,
    FailureNotes,
    Health,
    LabelingOutput,
    LabelPlace,
    LabelSources,
    Move,
    ObjectReader,
    QueueState,
    Replays,
    StackState,
)


class MemoryFailureNotes(FailureNotes):
    def __init__(self) -> None:
        self._notes: dict[str, FailureNote] = {}

    def keep(self, note: FailureNote) -> None:
        self._notes[note.name] = note

    def find(self, names: Sequence[str]) -> Mapping[str, FailureNote]:
        return {each: self._notes[each] for each in names if each in self._notes}


class MemoryDeadLetters(DeadLetters):
    """Messages by queue; `put` fills one, `moved` records what went where."""

    def __init__(self, notes: FailureNotes | None = None) -> None:
        self._notes = notes or MemoryFailureNotes()
        self._letters: dict[str, list[DeadLetter]] = {}
        self.moved: list[tuple[str, str, str]] = []

    def put(self, queue: str, letters: Sequence[DeadLetter]) -> None:
        self._letters.setdefault(queue, []).extend(letters)

    def count(self, queue: str) -> int:
        return len(self._letters.get(queue, []))

    def peek(self, queue: str, limit: int) -> list[DeadLetter]:
        return [self._with_note(each) for each in self._letters.get(queue, [])[:limit]]

    def _with_note(self, letter: DeadLetter) -> DeadLetter:
        note = self._notes.find([letter.message_id]).get(letter.message_id)
        return msgspec.structs.replace(letter, reason=f"{note.function}: {note.reason}") if note else letter

    def move(self, queue: str, to: str) -> Move:
        letters = self._letters.pop(queue, [])
        self.moved += [(each.message_id, queue, to) for each in letters]
        self.put(to, letters)
        return Move(messages=len(letters), how="task")

    def drain(self, queue: str, work: Callable[[DeadLetter], None]) -> Drained:
        letters = self._letters.get(queue, [])
        done, kept = [], []
        for each in list(letters):
            try:
                work(self._with_note(each))
            except TrueupError as error:
                kept.append(msgspec.structs.replace(each, reason=str(error)))
                continue
            letters.remove(each)
            done.append(each)
        return Drained(done=len(done), kept=tuple(kept))


class MemoryReplays(Replays):
    """`replayed` are the ids of the letters; those in `refuse` fail again."""

    def __init__(self) -> None:
        self.replayed: list[str] = []
        self.refuse: dict[str, TrueupError] = {}

    def replay(self, letter: DeadLetter) -> None:
        if letter.message_id in self.refuse:
            raise self.refuse[letter.message_id]
        self.replayed.append(letter.message_id)


class MemoryObjects(ObjectReader):
    def __init__(self, objects: Mapping[str, Payload] | None = None) -> None:
        self.objects = dict(objects or {})

    def get(self, uri: str) -> Payload:
        if uri not in self.objects:
            raise NotFoundError(f"{uri} does not exist")
        return self.objects[uri]

    def under(self, uri: str) -> Iterator[str]:
        if not uri.startswith("s3://"):
            raise InputError(f"{uri} is not an s3:// URI", field="uri")
        return iter(sorted(each for each in self.objects if each.startswith(uri)))


class MemoryFiles(Source):
    """Files by name; `elsewhere` has objects by their s3:// URIs."""

    def __init__(
        self, files: Mapping[str, bytes], elsewhere: ObjectReader | None = None, place: str = "memory"
    ) -> None:
        self.files = dict(files)
        self._elsewhere = elsewhere or MemoryObjects()
        self._place = place

    @property
    def place(self) -> str:
        return self._place

    def names(self, under: str = "") -> Iterator[str]:
        return iter(sorted(each for each in self.files if each.startswith(under)))

    def open(self, name: str) -> BinaryIO:
        if name.startswith("s3://"):
            return io.BytesIO(self._elsewhere.get(name).data)
        if within(name) not in self.files:
            raise NotFoundError(f"{name} is not there")
        return io.BytesIO(self.files[within(name)])


class MemoryLabelSources(LabelSources):
    """Objects by URI, this machine's own files, and jobs by name."""

    def __init__(self, objects: MemoryObjects, jobs: Mapping[str, LabelingOutput] | None = None) -> None:
        self._objects = objects
        self.jobs = dict(jobs or {})

    def at(self, place: str) -> LabelPlace:
        if not place.startswith("s3://"):
            return place_on_disk(place, lambda uri: io.BytesIO(self._objects.get(uri).data))
        found = {each: self._objects.get(each).data for each in self._objects.under(place)}
        if not found:
            raise NotFoundError(f"{place} is not there")
        if place in found:
            folder, _, file = place.rpartition("/")
            there = {each: self._objects.get(each).data for each in self._objects.under(f"{folder}/")}
            return LabelPlace(source=self._files(there, f"{folder}/"), file=file)
        home = f"{place.rstrip('/')}/"
        return LabelPlace(source=self._files(found, home))

    def _files(self, found: Mapping[str, bytes], home: str) -> MemoryFiles:
        files = {each.removeprefix(home): data for each, data in found.items() if each.startswith(home)}
        return MemoryFiles(files, self._objects, home)

    def job(self, name: str) -> LabelingOutput:
        if name not in self.jobs:
            raise NotFoundError(f"there is no labeling job {name}")
        return self.jobs[name]


class MemoryHealth(Health):
    """Answers what a test put in; a queue that was not put in does not exist."""

    def __init__(self) -> None:
        self.caller = "arn:aws:iam::111122223333:user/operator"
        self.stack_states: list[StackState] = []
        self.queues: dict[str, QueueState] = {}
        self.streams: dict[str, dict[str, str]] = {}
        self.alarms: list[AlarmState] = []
        self.endpoints: dict[str, EndpointState] = {}
        self.counted: dict[str, int] = {}

    def identity(self) -> str:
        return self.caller

    def stacks(self, prefix: str) -> list[StackState]:
        found = [each for each in self.stack_states if each.name.startswith(prefix)]
        return sorted(found, key=lambda each: each.name)

    def queue(self, url: str) -> QueueState:
        if url not in self.queues:
            raise NotFoundError(f"there is no queue {url}")
        return self.queues[url]

    def stream_consumers(self, table: str) -> Mapping[str, str]:
        if table not in self.streams:
            raise NotFoundError(f"there is no table {table}")
        return self.streams[table]

    def ringing(self, prefix: str) -> list[AlarmState]:
        return sorted((each for each in self.alarms if each.name.startswith(prefix)), key=lambda each: each.name)

    def endpoint(self, name: str) -> EndpointState:
        if name not in self.endpoints:
            raise NotFoundError(f"there is no endpoint {name}")
        return self.endpoints[name]

    def invocations(self, endpoint: str, since: datetime, until: datetime) -> int:  # noqa: ARG002 - a test's figure
        return self.counted.get(endpoint, 0)
