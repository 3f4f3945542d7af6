"""Label Studio: what people and passes do to each other at a real server, and what it takes and refuses."""

from __future__ import annotations

import threading
import urllib.request
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from tests.contract.shops import MemoryFiles, StudioToken, studio_backend
from tests.integration.test_ground_truth import pets, tasks
from tests.studio.people import Person, Studio
from tests.studio.pictures import REGION, Pictures
from tests.worlds import NOW
from trueup.adapters.aws.labeling_files import S3LabelingFiles
from trueup.adapters.backends.label_studio import LabelStudio
from trueup.adapters.backends.label_studio_api import LabelStudioApi
from trueup.adapters.backends.label_studio_home import Inbox
from trueup.adapters.memory import FixedClock
from trueup.errors import ConfigurationError, NotFoundError, PermissionDeniedError, RetryableError, ServiceError
from trueup.model import Annotation, LabelClass, Project, Task
from trueup.ports import BackendWakeups, HintToken
from trueup.usecases.receive_hint import HEADER, ReceiveHint

pytestmark = pytest.mark.studio

FIRST, SECOND = "trueup-pets-first", "trueup-pets-second"
EVERYTHING = {"selectedItems": {"all": True, "excluded": []}}
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
)


@dataclass
class Desk:
    """One place of the server, and what lies there."""

    studio: Studio
    place: str = field(default_factory=lambda: f"studio/{uuid.uuid4()}")

    def backend(self, **more: Any) -> LabelStudio:
        return studio_backend(self.studio, self.place, **more)

    @property
    def project(self) -> int:
        return self.studio.project(self.place)

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = self.studio.call("GET", f"/api/projects/{self.project}/")
        return found

    def person(self, name: str) -> Person:
        return self.studio.person(name)

    def lying(self, task: Task) -> list[dict[str, Any]]:
        found = self.studio.tasks(self.project)
        return [each for each in found if each["data"]["trueup_task"] == task.task_id]

    def only(self, task: Task) -> dict[str, Any]:
        (found,) = self.lying(task)
        return found

    def copy(self, *whole: Task) -> None:
        """Import them once more, as a pass does that does not know of another one."""
        data = [{"data": self.only(each)["data"]} for each in whole]
        self.studio.call("POST", f"/api/projects/{self.project}/import", data)

    def empty(self) -> None:
        """Delete all answers, as the Data Manager does."""
        self.studio.call("POST", f"/api/dm/actions?id=delete_tasks_annotations&project={self.project}", EVERYTHING)

    def next(self, name: str) -> int | None:
        found = self.person(name).next(self.project)
        return None if found is None else int(found["id"])

    def hooks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.studio.call("GET", f"/api/webhooks/?project={self.project}")
        return found

    def storages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.studio.call("GET", f"/api/storages/s3?project={self.project}")
        return found


@pytest.fixture
def desk(studio: Studio) -> Desk:
    return Desk(studio)


def asking(**changes: Any) -> Project:
    """With another label schema."""
    return replace(pets(), label_schema=replace(pets().label_schema, **changes))


def address(name: str) -> str:
    return f"{name}@example.com"


def said(answers: Sequence[Annotation]) -> set[tuple[str, str]]:
    return {(each.annotator.partition("@")[0], each.label) for each in answers}


@dataclass(frozen=True)
class Fixed(HintToken):
    text: str

    def value(self) -> str:
        return self.text


# ---------------------------------------------------------------- how many people are asked


def test_a_widened_task_is_asked_about_in_its_old_place(desk: Desk) -> None:
    backend, (task,) = desk.backend(), tasks(1)
    backend.start(FIRST, [task])
    number = desk.only(task)["id"]
    for name, label in (("ada", "cat"), ("ben", "dog")):
        assert desk.next(name) == number
        desk.person(name).answer(number, label)
    assert (backend.status(FIRST), desk.next("cleo")) == ("completed", None)
    wider = replace(task, overlap=3, answered_by=(address("ada"), address("ben")))
    backend.start(SECOND, [wider])
    assert (desk.only(task)["id"], desk.only(task)["overlap"]) == (number, 3)
    assert (backend.status(SECOND), backend.returned(SECOND, [task.task_id])) == ("in_progress", frozenset())
    with pytest.raises(NotFoundError):
        backend.status(FIRST)
    assert (desk.next("ada"), desk.next("ben"), desk.next("cleo")) == (None, None, number)
    desk.person("cleo").answer(number, "cat")
    assert (backend.status(SECOND), backend.returned(SECOND, [task.task_id])) == ("completed", {task.task_id})
    assert said(backend.answers(SECOND)) == {("ada", "cat"), ("ben", "dog"), ("cleo", "cat")}


@pytest.mark.parametrize(("elsewhere", "wanted"), [(0, 3), (1, 2), (2, 1), (3, 1)])
def test_people_of_another_backend_are_counted(desk: Desk, elsewhere: int, wanted: int) -> None:
    (task,) = tasks(1, overlap=3, answered_by=("eve", "fay", "gil")[:elsewhere])
    desk.backend().start(FIRST, [task])
    assert desk.only(task)["overlap"] == wanted


def test_people_of_both_are_counted(desk: Desk) -> None:
    backend, (task,) = desk.backend(), tasks(1)
    backend.start(FIRST, [task])
    desk.person("ada").answer(desk.only(task)["id"], "cat")
    backend.start(SECOND, [replace(task, overlap=4, answered_by=("eve", address("ada")))])
    assert (desk.only(task)["overlap"], desk.only(task)["is_labeled"]) == (3, False)


def test_an_answer_that_cannot_be_used_is_asked_for_again(desk: Desk) -> None:
    backend, (task,) = desk.backend(), tasks(1)
    backend.start(FIRST, [task])
    number = desk.only(task)["id"]
    desk.person("ada").answer(number, "", result=[])
    desk.person("ben").answer(number, "cat")
    assert backend.status(FIRST) == "completed"
    backend.start(SECOND, [replace(task, answered_by=(address("ben"),))])
    assert (desk.next("ada"), desk.next("ben"), desk.next("cleo")) == (None, None, number)


def test_who_had_it_open_may_answer_what_was_called_back(desk: Desk) -> None:
    backend, (task,) = desk.backend(), tasks(1)
    backend.start(FIRST, [task])
    number = desk.only(task)["id"]
    assert desk.next("ada") == number
    backend.withdraw(FIRST, [task.task_id])
    desk.person("ada").answer(number, "cat")
    assert (backend.status(FIRST), desk.next("ben")) == ("completed", None)
    (changed,) = backend.changes(None).tasks
    assert said(changed.answers) == {("ada", "cat")}


def test_an_answer_that_came_while_more_were_asked_for_ends_it(desk: Desk) -> None:
    backend, (task,) = desk.backend(), tasks(1)
    backend.start(FIRST, [task])
    number = desk.only(task)["id"]
    for name in ("ada", "ben"):
        desk.person(name).answer(number, "cat")
    desk.studio.call("PATCH", f"/api/tasks/{number}/", {"is_labeled": False})
    assert (backend.status(FIRST), backend.returned(FIRST, [task.task_id])) == ("completed", {task.task_id})


# ---------------------------------------------------------------- nothing is there twice


@pytest.mark.parametrize("count", [1, 2, 5])
def test_two_passes_at_once_make_one_of_each(desk: Desk, count: int) -> None:
    inbox = Inbox("http://127.0.0.1:9/pets/hints", HEADER, Fixed("one"))
    both(*(partial(desk.backend(inbox=inbox).start, FIRST, tasks(count)) for _ in range(2)))
    for backend in (desk.backend(inbox=inbox), desk.backend(inbox=inbox)):
        backend.start(FIRST, tasks(count))
        assert backend.status(FIRST) == "in_progress"
    assert len(desk.studio.tasks(desk.project)) == count
    assert all(len(desk.lying(each)) == 1 for each in tasks(count))
    assert len(desk.hooks()) == 1


def both(*acts: Callable[[], None]) -> None:
    """At once."""
    meeting = threading.Barrier(len(acts))

    def run(act: Callable[[], None]) -> None:
        meeting.wait()
        act()

    with ThreadPoolExecutor(len(acts)) as pool:
        for each in [pool.submit(run, act) for act in acts]:
            each.result()


@pytest.mark.parametrize("lost", range(1, 5))
def test_what_was_done_though_the_server_failed_is_not_done_twice(desk: Desk, lost: int) -> None:
    """Of all that is made there, once: the answer to one request is an error after it was done."""
    inbox = Inbox("http://127.0.0.1:9/pets/hints", HEADER, Fixed("one"))
    with losing(desk.studio, lost) as (url, made):
        api = LabelStudioApi(url, StudioToken(desk.studio.token), sleep=lambda _: None)
        backend = LabelStudio(pets(), api, MemoryFiles(), place=desk.place, inbox=inbox)
        backend.start(FIRST, tasks(2))
    assert len(made) >= 3
    assert [len(desk.lying(each)) for each in tasks(2)] == [1, 1]
    assert (len(desk.hooks()), len(desk.studio.tasks(desk.project))) == (1, 2)


@contextmanager
def losing(studio: Studio, lost: int) -> Iterator[tuple[str, list[str]]]:
    """A way to the server that answers 502 to one POST, after it was done; and what was asked to be made."""
    made: list[str] = []

    class Way(Quiet):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            request = urllib.request.Request(studio.url + self.path, method=self.command, data=body, headers=headers)
            with urllib.request.urlopen(request) as answer:
                status, text = answer.status, answer.read()
            if self.command == "POST":
                made.append(self.path)
                status = 502 if len(made) == lost else status
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names of the standard library

    with serving(Way) as url:
        yield url, made


def test_an_empty_copy_of_the_project_is_given_up(desk: Desk) -> None:
    backend = desk.backend()
    backend.start(FIRST, tasks())
    first = desk.settings
    for number in range(2):
        copy = {"title": first["title"], "description": first["description"], "label_config": first["label_config"]}
        made = desk.studio.call("POST", "/api/projects/", copy)["id"]
        if number:
            desk.studio.call("POST", f"/api/projects/{made}/import", [{"data": {"text": "somebody's own"}}])
    backend.start(FIRST, tasks())
    found = desk.studio.call("GET", "/api/projects/?page_size=100")["results"]
    assert sorted(each["id"] for each in found if desk.place in each["description"]) == [first["id"], made]
    assert len(desk.studio.tasks(first["id"])) == 2


def test_a_copy_that_nobody_answered_is_removed(desk: Desk) -> None:
    backend, whole = desk.backend(), tasks()
    backend.start(FIRST, whole)
    desk.copy(*whole)
    assert len(desk.studio.tasks(desk.project)) == 4
    backend.start(FIRST, whole)
    assert len(desk.studio.tasks(desk.project)) == 2
    desk.copy(whole[0])
    backend.start(SECOND, whole)
    assert len(desk.lying(whole[0])) == 1


def test_a_copy_with_an_answer_stays_and_is_read(desk: Desk) -> None:
    backend, (task,) = desk.backend(), tasks(1)
    backend.start(FIRST, [task])
    desk.copy(task)
    first, second = desk.lying(task)
    desk.person("ada").answer(first["id"], "cat")
    seen = backend.changes(None)
    given = desk.person("ben").answer(second["id"], "dog")
    backend.start(FIRST, [task])
    assert len(desk.lying(task)) == 2
    assert said(backend.answers(FIRST)) == {("ada", "cat"), ("ben", "dog")}
    desk.person("ben").change(given, "fox")
    (changed,) = backend.changes(seen.until).tasks
    assert said(changed.answers) == {("ada", "cat"), ("ben", "fox")}


def test_who_answers_both_copies_means_the_later_one(desk: Desk) -> None:
    backend, (task,) = desk.backend(), tasks(1)
    backend.start(FIRST, [task])
    desk.copy(task)
    first, second = desk.lying(task)
    desk.person("ada").answer(second["id"], "cat")
    desk.person("ada").answer(first["id"], "dog")
    (changed,) = backend.changes(None).tasks
    assert said(changed.answers) == {("ada", "dog")}


def test_a_copy_does_not_keep_a_batch_going(desk: Desk) -> None:
    backend, (task,) = desk.backend(), tasks(1)
    backend.start(FIRST, [task])
    desk.copy(task)
    number = desk.lying(task)[0]["id"]
    for name in ("ada", "ben"):
        desk.person(name).answer(number, "cat")
    assert (backend.status(FIRST), backend.returned(FIRST, [task.task_id])) == ("completed", {task.task_id})


def test_a_batch_of_more_than_a_page(desk: Desk) -> None:
    backend, whole = desk.backend(), tasks(120)
    backend.start(FIRST, whole)
    ids = [each.task_id for each in whole]
    assert backend.returned(FIRST, ids) == frozenset()
    desk.copy(*whole[:3])
    backend.start(FIRST, whole)
    there = desk.studio.tasks(desk.project)
    assert sorted(each["data"]["trueup_task"] for each in there) == sorted(ids)
    for name in ("ada", "ben"):
        desk.person(name).answer(there[-1]["id"], "cat")
    assert backend.returned(FIRST, ids) == {there[-1]["data"]["trueup_task"]}
    assert len(backend.answers(FIRST)) == 2
    assert len(backend.changes(None).tasks) == 120


def test_a_start_that_was_cut_short_is_made_whole(desk: Desk) -> None:
    backend, whole = desk.backend(), tasks(3)
    ids = [each.task_id for each in whole]
    backend.start(FIRST, whole[:2])
    assert (backend.status(FIRST), backend.returned(FIRST, ids)) == ("in_progress", {ids[2]})
    backend.start(FIRST, whole)
    assert all(len(desk.lying(each)) == 1 for each in whole)
    assert backend.returned(FIRST, ids) == frozenset()


# ---------------------------------------------------------------- what people remove there


def test_a_task_that_somebody_deleted_comes_back_and_is_made_again(desk: Desk) -> None:
    backend, whole = desk.backend(), tasks()
    ids = [each.task_id for each in whole]
    backend.start(FIRST, whole)
    number = desk.only(whole[0])["id"]
    desk.studio.call("DELETE", f"/api/tasks/{number}/")
    assert (backend.returned(FIRST, ids), backend.status(FIRST)) == ({ids[0]}, "in_progress")
    assert backend.failures(FIRST) == {}
    backend.start(SECOND, whole[:1])
    assert desk.only(whole[0])["id"] != number
    assert backend.returned(SECOND, ids[:1]) == frozenset()


def test_a_project_that_somebody_deleted_is_made_anew(desk: Desk) -> None:
    backend, whole = desk.backend(), tasks()
    backend.start(FIRST, whole)
    desk.person("ada").answer(desk.only(whole[0])["id"], "cat")
    seen = backend.changes(None)
    desk.studio.call("DELETE", f"/api/projects/{desk.project}/")
    assert backend.changes(seen.until).tasks == ()
    assert backend.changes(seen.until).until == seen.until
    for ask in (backend.status, desk.backend().status):
        with pytest.raises(NotFoundError):
            ask(FIRST)
    assert backend.answers(FIRST) == []
    backend.withdraw(FIRST, [each.task_id for each in whole])
    backend.start(FIRST, whole)
    assert len(desk.studio.tasks(desk.project)) == 2
    assert backend.status(FIRST) == "in_progress"


def test_answers_that_were_deleted_in_bulk_are_told(desk: Desk) -> None:
    backend, whole = desk.backend(), tasks()
    backend.start(FIRST, whole)
    for each in whole:
        desk.person("ada").answer(desk.only(each)["id"], "cat")
    seen = backend.changes(None)
    assert [len(each.answers) for each in seen.tasks] == [1, 1]
    desk.empty()
    found = backend.changes(seen.until)
    assert {each.task_id: each.answers for each in found.tasks} == {each.task_id: () for each in whole}
    assert seen.until is not None
    assert all(each.at > seen.until for each in found.tasks)


# ---------------------------------------------------------------- what people see


def test_a_prediction_is_there_to_start_from(desk: Desk) -> None:
    guessed, bare = tasks()
    assert guessed.prediction is not None
    bare = replace(bare, prediction=None)
    desk.backend().start(FIRST, [guessed, bare])
    (prediction,) = desk.only(guessed)["predictions"]
    assert prediction["model_version"] == pets().endpoint_name
    assert [each["value"] for each in prediction["result"]] == [{"choices": [guessed.prediction.label]}]
    assert desk.only(bare)["predictions"] == []
    # The label stream shows those of the project's version.
    assert desk.settings["model_version"] == pets().endpoint_name
    assert desk.settings["show_collab_predictions"]


def test_a_label_schema_that_changes_before_there_are_answers_is_shown(desk: Desk) -> None:
    desk.backend().start(FIRST, tasks())
    birds = tuple(LabelClass(name=each) for each in ("owl", "tit"))
    desk.backend(config=asking(classes=birds)).start(FIRST, tasks())
    assert "owl" in desk.settings["label_config"]
    assert "fox" not in desk.settings["label_config"]


def test_a_label_schema_that_answers_speak_against_is_refused(desk: Desk) -> None:
    desk.backend().start(FIRST, tasks())
    desk.person("ada").answer(desk.only(tasks()[0])["id"], "fox")
    ratings = asking(kind="rating", classes=(), none_of_these=False)
    with pytest.raises(ConfigurationError, match="refuses the label schema of pets") as refused:
        desk.backend(config=ratings).start(SECOND, tasks())
    assert refused.value.field == "label_schema"
    assert "incompatible with provided labeling schema" in str(refused.value)
    assert "fox" in desk.settings["label_config"]


class WatchedApi(LabelStudioApi):
    changed = 0

    def change_project(self, project: int, fields: Mapping[str, Any]) -> None:
        self.changed += 1
        super().change_project(project, fields)


def test_guidelines_that_change_are_shown(desk: Desk) -> None:
    desk.backend().start(FIRST, tasks())
    assert not desk.settings["show_instruction"]
    told = asking(guidelines='Is a < b & "c"?\nSay so.')
    api = WatchedApi(desk.studio.url, StudioToken(desk.studio.token))
    for _ in range(2):
        LabelStudio(told, api, MemoryFiles(), place=desk.place).start(FIRST, tasks())
    assert desk.settings["show_instruction"]
    assert desk.settings["expert_instruction"] == 'Is a &lt; b &amp; "c"?<br>Say so.'
    assert api.changed == 1


# ---------------------------------------------------------------- what cannot be shown, and answers that are none


class Shelf(MemoryFiles):
    """Payloads by the number at the end of their URI."""

    def __init__(self, *payloads: bytes) -> None:
        super().__init__()
        self._payloads = payloads

    def payload(self, uri: str) -> bytes:
        place = int(uri.rpartition("/")[2])
        if place >= len(self._payloads):
            raise NotFoundError(f"there is no {uri}")
        return self._payloads[place]


def test_what_cannot_be_shown_is_told_and_the_rest_is_there(desk: Desk) -> None:
    backend, whole = desk.backend(files=Shelf(b"it purrs", b"\xff\xfe", b" \n")), tasks(4)
    ids = [each.task_id for each in whole]
    backend.start(FIRST, whole)
    assert [each["data"]["text"] for each in desk.studio.tasks(desk.project)] == ["it purrs"]
    told = backend.failures(FIRST)
    assert told.keys() == set(ids[1:])
    for task_id, why in zip(ids[1:], ("not UTF-8", "is empty", "there is no"), strict=True):
        assert why in told[task_id]
    assert (backend.status(FIRST), backend.returned(FIRST, ids)) == ("in_progress", set(ids[1:]))


class SpoilingApi(LabelStudioApi):
    """Sends tasks with the texts in `of` so that the server refuses them."""

    of: Collection[str] = ()

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> dict[int, str]:
        bad = [{"data": "none"} if each["data"]["text"] in self.of else each for each in tasks]
        return super().add_tasks(project, bad)


def test_what_the_server_refuses_keeps_nothing_else_out(desk: Desk) -> None:
    api, whole = SpoilingApi(desk.studio.url, StudioToken(desk.studio.token)), tasks(3)
    backend = LabelStudio(pets(), api, Shelf(b"one", b"two", b"three"), place=desk.place)
    api.of = ("one", "two", "three")
    with pytest.raises(ServiceError, match="answered 400"):
        backend.start(FIRST, whole)
    api.of = ("two",)
    backend.start(FIRST, whole)
    assert {each["data"]["text"] for each in desk.studio.tasks(desk.project)} == {"one", "three"}
    assert backend.failures(FIRST).keys() == {whole[1].task_id}
    assert "answered 400" in backend.failures(FIRST)[whole[1].task_id]


def test_large_tasks_go_in_several_requests(desk: Desk) -> None:
    backend, whole = desk.backend(files=MemoryFiles(b"x" * 400_000)), tasks(3)
    backend.start(FIRST, whole)
    assert all(len(desk.lying(each)) == 1 for each in whole)


def test_a_batch_of_nothing_that_can_be_shown_has_failed(desk: Desk) -> None:
    backend, whole = desk.backend(files=Shelf(b"", b"\xff")), tasks()
    backend.start(FIRST, whole)
    assert backend.status(FIRST) == "failed"
    assert backend.failures(FIRST).keys() == {each.task_id for each in whole}
    assert backend.answers(FIRST) == []


def test_an_answer_that_means_nothing_is_told_and_left_out(desk: Desk) -> None:
    backend, (task, other) = desk.backend(), tasks()
    backend.start(FIRST, [task, other])
    number = desk.only(task)["id"]
    desk.person("ada").answer(number, "", result=[])
    desk.person("ben").answer(number, "cat")
    desk.person("ada").answer(desk.only(other)["id"], "horse")
    assert said(backend.answers(FIRST)) == {("ben", "cat")}
    told = backend.failures(FIRST)
    assert told.keys() == {task.task_id, other.task_id}
    assert "has none of the classes" in told[task.task_id]
    assert "horse" in told[other.task_id]
    (changed,) = [each for each in backend.changes(None).tasks if each.task_id == task.task_id]
    assert said(changed.answers) == {("ben", "cat")}


# ---------------------------------------------------------------- hints


class Wakeups(BackendWakeups):
    def __init__(self) -> None:
        self.woken: list[str] = []

    def wake(self, project: str, at: datetime) -> None:
        self.woken.append(project)


@dataclass
class Gate:
    """Where hints arrive, and what they were answered."""

    url: str = ""
    wakeups: Wakeups = field(default_factory=Wakeups)
    answered: list[int] = field(default_factory=list)
    some: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> set[int]:
        """What those were answered that came since it was asked last."""
        assert self.some.wait(5), "no hint came"
        self.some.clear()
        found, self.answered = self.answered, []
        return set(found)


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


@contextmanager
def gate(token: str) -> Iterator[Gate]:
    found = Gate()
    receive = ReceiveHint({"pets": Fixed(token)}, found.wakeups, FixedClock(NOW))

    class Receiver(Quiet):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            try:
                receive(self.path.split("/")[1], self.headers.get(HEADER, ""))
                status = 202
            except PermissionDeniedError:
                status = 401
            self.send_response(status)
            self.end_headers()
            found.answered.append(status)
            found.some.set()

    with serving(Receiver) as url:
        found.url = f"{url}/pets/hints"
        yield found


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_what_happens_there_is_hinted_at(desk: Desk) -> None:
    (task,) = tasks(1)
    with gate("right") as hints:
        desk.backend(inbox=Inbox(hints.url, HEADER, Fixed("right"))).start(FIRST, [task])
        number, ada = desk.only(task)["id"], desk.person("ada")
        given = ada.answer(number, "cat")
        assert hints.wait() == {202}
        acts: dict[str, Callable[[], Any]] = {
            "changed": lambda: ada.change(given, "dog"),
            "deleted": lambda: ada.delete(given),
            "skipped": lambda: ada.skip(number),
            "deleted in bulk": desk.empty,
            "the task deleted": lambda: desk.studio.call("DELETE", f"/api/tasks/{number}/"),
        }
        for name, act in acts.items():
            act()
            assert hints.wait() == {202}, name
    assert set(hints.wakeups.woken) == {"pets"}


def test_a_hint_with_another_token_wakes_nobody(desk: Desk) -> None:
    (task,) = tasks(1)
    with gate("right") as hints:
        desk.backend(inbox=Inbox(hints.url, HEADER, Fixed("wrong"))).start(FIRST, [task])
        desk.person("ada").answer(desk.only(task)["id"], "cat")
        assert hints.wait() == {401}
        assert hints.wakeups.woken == []


def test_a_webhook_is_kept_as_it_should_be(desk: Desk) -> None:
    def start(token: str, url: str = "http://127.0.0.1:9/pets/hints") -> dict[str, Any]:
        desk.backend(inbox=Inbox(url, HEADER, Fixed(token))).start(FIRST, tasks(1))
        (found,) = desk.hooks()
        return found

    first = start("one")
    assert (first["headers"], first["send_payload"]) == ({HEADER: "one"}, False)
    second = start("two")
    assert (second["id"], second["headers"]) == (first["id"], {HEADER: "two"})
    assert set(second["actions"]) == set(first["actions"])
    moved = start("two", "http://127.0.0.1:9/elsewhere/pets/hints")
    assert (moved["id"], moved["url"]) == (first["id"], "http://127.0.0.1:9/elsewhere/pets/hints")
    desk.studio.call("PATCH", f"/api/webhooks/{first['id']}/", {"is_active": False, "actions": ["TASKS_DELETED"]})
    mended = start("two")
    assert (mended["is_active"], set(mended["actions"])) == (True, set(first["actions"]))


def test_a_webhook_of_somebody_else_is_left_alone(desk: Desk) -> None:
    desk.backend().start(FIRST, tasks(1))
    theirs = {"project": desk.project, "url": "http://127.0.0.1:9/theirs", "headers": {"X-Theirs": "1"}}
    number = desk.studio.call("POST", "/api/webhooks/", theirs)["id"]
    for token in ("one", "two"):
        desk.backend(inbox=Inbox("http://127.0.0.1:9/ours", HEADER, Fixed(token))).start(FIRST, tasks(1))
    assert sorted(each["url"].rpartition("/")[2] for each in desk.hooks()) == ["ours", "theirs"]
    (found,) = [each for each in desk.hooks() if each["id"] == number]
    assert found["headers"] == {"X-Theirs": "1"}


# ---------------------------------------------------------------- pictures


def files_of(picture_store: Pictures, bucket: str) -> S3LabelingFiles:
    client = picture_store.client()
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    return S3LabelingFiles(client, bucket, REGION)


def picture_tasks(bucket: str) -> list[Task]:
    found = enumerate(tasks())
    return [replace(each, payload_uri=f"s3://{bucket}/pets/payloads/{place}.png") for place, each in found]


def test_a_picture_is_shown_out_of_our_bucket(desk: Desk, picture_store: Pictures) -> None:
    files = files_of(picture_store, "trueup-pictures")
    for place in range(2):
        files.put(f"pets/payloads/{place}.png", PIXEL)
    for name in (FIRST, SECOND):
        desk.backend(config=pets("image"), files=files).start(name, picture_tasks(files.bucket))
    (storage,) = desk.storages()
    assert (storage["bucket"], storage["prefix"]) == (files.bucket, "pets/payloads")
    ada = desk.person("ada")
    shown = ada.next(desk.project)
    assert shown is not None
    assert ada.fetch(shown["data"]["image"]) == PIXEL
    ada.answer(shown["id"], "cat")
    assert said(desk.backend(config=pets("image"), files=files).answers(SECOND)) == {("ada", "cat")}


def test_two_passes_at_once_connect_a_bucket_once(desk: Desk, picture_store: Pictures) -> None:
    files = files_of(picture_store, "trueup-pictures-twice")
    files.put("pets/payloads/0.png", PIXEL)
    here = [desk.backend(config=pets("image"), files=files) for _ in range(2)]
    both(*(partial(each.start, FIRST, picture_tasks(files.bucket)) for each in here))
    assert len(desk.storages()) == 1


def test_a_bucket_that_the_server_cannot_read_is_told(desk: Desk, picture_store: Pictures) -> None:
    files = S3LabelingFiles(picture_store.client(), "trueup-nowhere", REGION)
    with pytest.raises(ConfigurationError, match="cannot read the bucket trueup-nowhere: give its server") as refused:
        desk.backend(config=pets("image"), files=files).start(FIRST, picture_tasks(files.bucket))
    assert refused.value.field == "label_studio"
    assert "may read pets/payloads/ there" in str(refused.value)


def test_a_server_that_fails_at_our_bucket_is_told(desk: Desk, picture_store: Pictures) -> None:
    """As one without any AWS identity does: with 500. Here it is a region that is none."""
    files = files_of(picture_store, "trueup-astray")
    files.region = "no region"
    with pytest.raises(ConfigurationError, match="answered 500"):
        desk.backend(config=pets("image"), files=files).start(FIRST, picture_tasks(files.bucket))


# ---------------------------------------------------------------- tokens, and a server that is not there


@dataclass
class Rotating:
    """A secret as adapters/aws/secrets.py keeps it: `stored` is what the service holds."""

    stored: str
    name: str = "trueup/label-studio"
    read: list[str] = field(default_factory=list)

    def value(self, *, fresh: bool = False) -> str:
        if fresh or not self.read:
            self.read.append(self.stored)
        return self.read[-1]


def test_a_personal_access_token_is_used(desk: Desk) -> None:
    tess = desk.person("tess").token
    refresh = desk.studio.call("POST", "/api/token/", token=tess)["token"]
    secret = Rotating(refresh)
    backend = LabelStudio(pets(), LabelStudioApi(desk.studio.url, secret), MemoryFiles(), place=desk.place)
    backend.start(FIRST, tasks())
    assert (backend.status(FIRST), secret.read) == ("in_progress", [refresh])
    desk.studio.call("POST", "/api/token/blacklist/", {"refresh": refresh}, tess)
    with pytest.raises(PermissionDeniedError, match="into the secret trueup/label-studio"):
        list(LabelStudioApi(desk.studio.url, Rotating(refresh)).projects())


def test_an_access_token_that_expired_is_got_anew(desk: Desk) -> None:
    rotating = Rotating(desk.studio.call("POST", "/api/token/", token=desk.person("theo").token)["token"])
    api = LabelStudioApi(desk.studio.url, rotating)
    list(api.projects())
    api._authorization = "Bearer a.b.c"
    list(api.projects())
    assert len(rotating.read) == 2


@pytest.mark.parametrize("token", ["0" * 40, "a.b.c"])
def test_a_wrong_token_is_told_with_its_secret(desk: Desk, token: str) -> None:
    api = LabelStudioApi(desk.studio.url, Rotating(token))
    with pytest.raises(PermissionDeniedError, match="into the secret trueup/label-studio"):
        list(api.projects())


def test_a_rotated_secret_is_picked_up(desk: Desk) -> None:
    secret = Rotating("0" * 40)
    api = LabelStudioApi(desk.studio.url, secret)
    with pytest.raises(PermissionDeniedError):
        list(api.projects())
    secret.stored = desk.studio.token
    for _ in range(2):
        list(api.projects())
    assert secret.read == ["0" * 40, "0" * 40, desk.studio.token]


def test_a_secret_that_is_missing_says_nothing_of_the_batch(desk: Desk) -> None:
    class Missing:
        name = "trueup/label-studio"

        def value(self, *, fresh: bool = False) -> str:
            raise NotFoundError("reading the secret trueup/label-studio: it is not there")

    backend = LabelStudio(pets(), LabelStudioApi(desk.studio.url, Missing()), MemoryFiles(), place=desk.place)
    with pytest.raises(ConfigurationError, match=r"secret trueup/label-studio.*store a Label Studio token"):
        backend.status(FIRST)


def test_another_address_says_nothing_of_the_batch(desk: Desk) -> None:
    api = LabelStudioApi(f"{desk.studio.url}/elsewhere", StudioToken(desk.studio.token))
    backend = LabelStudio(pets(), api, MemoryFiles(), place=desk.place)
    with pytest.raises(ServiceError, match="configure the address of a Label Studio"):
        backend.status(FIRST)


def test_a_server_that_is_down_is_tried_again_later() -> None:
    with pytest.raises(RetryableError, match=r"127\.0\.0\.1:9 does not answer"):
        list(LabelStudioApi("http://127.0.0.1:9", StudioToken("t")).projects())


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        ("", RetryableError, "does not answer"),
        ("nonsense\r\n\r\n", RetryableError, "does not answer"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", RetryableError, "does not answer"),
        ("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nwait", RetryableError, "503.*wait"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", ServiceError, "not as documented"),
    ],
)
def test_what_a_broken_server_says_is_told(answer: str, error: type[Exception], told: str) -> None:
    class Broken(Quiet):
        def do_GET(self) -> None:
            self.wfile.write(answer.encode())
            self.close_connection = True

    with serving(Broken) as url, pytest.raises(error, match=told):
        list(LabelStudioApi(url, StudioToken("t"), sleep=lambda _: None).projects())


class Struggling(Quiet):
    """Fails three times in turn, and has a page of HTML to say so."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append(self.command)
        self.send_response(200 if len(self.asked) % 4 == 0 else 500)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"[]" if len(self.asked) % 4 == 0 else b"<!doctype html><title>Server Error</title>")

    do_PATCH = do_DELETE = do_POST = do_GET  # noqa: N815 - names of the standard library


def test_what_makes_nothing_is_asked_again_where_the_server_fails() -> None:
    waited: list[float] = []
    Struggling.asked.clear()
    with serving(Struggling) as url:
        api = LabelStudioApi(url, StudioToken("t"), sleep=waited.append)
        assert api.webhooks(1) == []
        api.change_task(1, {"overlap": 2})
        api.delete_task(1)
        with pytest.raises(RetryableError, match=r"500 to POST /api/webhooks/: a page of HTML$"):
            api.make_webhook({})
    assert Struggling.asked == ["GET"] * 4 + ["PATCH"] * 4 + ["DELETE"] * 4 + ["POST"]
    assert len(waited) == 9
    assert 0.5 <= waited[0] <= 1


def test_a_refreshed_token_that_is_none_is_told() -> None:
    class Page(Quiet):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

    with serving(Page) as url, pytest.raises(ServiceError, match="refresh is not as documented"):
        list(LabelStudioApi(url, StudioToken("a.b.c")).projects())


def test_a_token_does_not_follow_to_another_server() -> None:
    arrived: list[str | None] = []

    class Other(Quiet):
        def do_GET(self) -> None:
            arrived.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.end_headers()

    with serving(Other) as other:

        class Detour(Quiet):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", other)
                self.end_headers()

        with serving(Detour) as url, pytest.raises(ServiceError, match=f"configure the address {other}"):
            list(LabelStudioApi(url, StudioToken("t")).projects())
    assert arrived == []
