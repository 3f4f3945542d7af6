"""Feedback meets the captures that it speaks of, whichever came first.

Captures that nobody asked about leave no trace but their files, so that feedback is looked for in these: new feedback
in all files of the time in which its inference was made, old feedback in the files that came since the last search.
Files are only scanned for ids (trueup.capture.seeking). Every step may be repeated: what is joined is joined once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from trueup.capture.records import parse_key
from trueup.capture.seeking import Sought, seek
from trueup.errors import CaptureError, NotFoundError
from trueup.model import Capture, CaptureFile, FeedbackSearch, FeedbackState, FeedbackStatus, Project, Record
from trueup.ports import CaptureArchive, CaptureLedger, CaptureListing, Clock, FeedbackStore, Journal
from trueup.usecases.answer_feedback import AnswerFeedback
from trueup.usecases.find_project import project_named

# What a search takes on at most: the newest.
MOST_PENDING = 50_000
_HOUR = timedelta(hours=1)
# A feedback that came just before a search began may have been invisible to it, since the index lags behind.
_LAG = timedelta(minutes=1)
# An ingest is noted when it ends and lasts up to five minutes, and the index lags behind: the receipts of files that
# were written just before a search began may come after it.
_MARGIN = timedelta(minutes=15)
_Window = tuple[datetime, datetime]


class JoinReport(Record, frozen=True, kw_only=True):
    """What a search did: files that it read, feedback by what became of it (agreed, asked, labelled, known, refused,
    expired), how much still waits, and whether it got to its end."""

    files: int = 0
    outcomes: Mapping[str, int] = {}
    pending: int = 0
    complete: bool = True


@dataclass(frozen=True)
class JoinFeedback:
    """One search for what is pending in a project. It stops after `seconds` and goes on with the next call.

    Raises NotFoundError (no such project).
    """

    projects: Mapping[str, Project]
    feedback: FeedbackStore
    listing: CaptureListing
    archive: CaptureArchive
    ledger: CaptureLedger
    answer: AnswerFeedback
    clock: Clock

    def __call__(self, project_name: str, seconds: float) -> JoinReport:
        project = project_named(self.projects, project_name)
        pending = self.feedback.by_status(project.name, FeedbackStatus.PENDING, MOST_PENDING)
        now = self.clock.now()
        return _Search(self, project, now, now + timedelta(seconds=seconds))(pending)


@dataclass
class _Search:
    world: JoinFeedback
    project: Project
    now: datetime
    deadline: datetime
    waiting: dict[str, FeedbackState] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    files: int = 0

    def __call__(self, pending: Sequence[FeedbackState]) -> JoinReport:
        name = self.project.name
        before = self.world.feedback.search(name)
        search = replace(before, began=before.began or self.now)
        self.waiting = {each.feedback.feedback_id: each for each in pending if not self._expired(each)}
        ended = FeedbackSearch(project=name, searched_to=search.began)
        for place, file, wanted in self._places(search):
            if not self._read(file, wanted):
                ended = search
                break
            search = replace(search, reached=max(search.reached, place))
        self.world.feedback.save_search(ended)
        return self._report(complete=ended.began is None)

    def _expired(self, state: FeedbackState) -> bool:
        """Whether its time is up, which is noted then."""
        days = self.project.feedback.keep_days
        if state.feedback.received_at + timedelta(days=days) >= self.now:
            return False
        why = state.reason or f"no capture of it came within {days} days"
        late = replace(state, status=FeedbackStatus.EXPIRED, reason=why, at=self.now)
        self.world.feedback.save(late, Journal(at=self.now))
        self.outcomes[late.status] += 1
        return True

    def _places(self, search: FeedbackSearch) -> Iterator[tuple[str, CaptureFile, Sequence[FeedbackState]]]:
        """The files to read, each with the feedback to look for in it: first those that were found before and waited
        for the budget, then the others in the order of hours, from where a search was that ran out of time."""
        yield from (("", each, states) for each, states in self._unpaid())
        done = search.searched_to
        pending = list(self.waiting.values())
        fresh = [each for each in pending if done is None or each.feedback.received_at >= done - _LAG]
        old = [each for each in pending if done is not None and each.feedback.received_at < done - _LAG]
        windows = [(each, self._window(each)) for each in fresh]
        since = done - _MARGIN if done and old else self.now
        came = [each.file for each in self.world.ledger.receipts(self.project.name, since)] if old else []
        late = {each.uri for each in came}
        files = {each.uri: each for each in (*self._listed([each for _, each in windows]), *came)}
        for place, file in sorted((f"{each.hour} {each.uri}", each) for each in files.values()):
            if place > search.reached:
                wanted = [each for each, window in windows if _within(file, window)]
                yield place, file, [*wanted, *(old if file.uri in late else ())]

    def _unpaid(self) -> Iterator[tuple[CaptureFile, list[FeedbackState]]]:
        budget = self.project.selection.budget
        left = self.world.ledger.left(self.project.name, self.now, budget)
        if any(each == 0 for each in left.values()):
            return
        for uri, states in _grouped((each.capture_uri, each) for each in self.waiting.values()).items():
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            yield parse_key(bucket, key), states

    def _listed(self, windows: Sequence[_Window]) -> Iterator[CaptureFile]:
        for start, end in _joined(windows):
            yield from self.world.listing.files(self.project.name, start, end)

    def _window(self, state: FeedbackState) -> _Window:
        """When the capture may have been made. SageMaker names its hour, which may be a few minutes off that of the
        inference."""
        feedback = state.feedback
        if feedback.inferred_at is not None:
            return feedback.inferred_at - _HOUR, feedback.inferred_at + _HOUR
        return feedback.received_at - timedelta(hours=self.project.feedback.lookback_hours), self.now

    def _read(self, file: CaptureFile, wanted: Sequence[FeedbackState]) -> bool:
        """False when the time is up. A broken file is the ingest's to tell of, and one that is gone holds nothing."""
        waiting = [each for each in wanted if each.feedback.feedback_id in self.waiting]
        if self._late():
            return False
        if not waiting:
            return True
        self.files += 1
        try:
            return self._join(file, waiting)
        except (CaptureError, NotFoundError):
            return True

    def _join(self, file: CaptureFile, wanted: Sequence[FeedbackState]) -> bool:
        events = _grouped((each.feedback.event_id, each) for each in wanted)
        inferences = _grouped((each.feedback.inference_id, each) for each in wanted)
        sought = Sought(event_ids=events.keys(), inference_ids=inferences.keys())
        for capture in seek(lambda: self.world.archive.blocks(file), sought):
            for each in (*events.get(capture.event_id, ()), *inferences.get(capture.inference_id or "", ())):
                if self._late():
                    return False
                self._answer(file, capture, each)
        return True

    def _answer(self, file: CaptureFile, capture: Capture, state: FeedbackState) -> None:
        """An inference id that stands for several captures means the first that is found."""
        if state.feedback.feedback_id not in self.waiting:
            return
        done = self.world.answer(self.project, state, file, capture)
        if done.status is not FeedbackStatus.PENDING:
            del self.waiting[state.feedback.feedback_id]
            self.outcomes[done.outcome or done.status] += 1

    def _late(self) -> bool:
        return self.world.clock.now() >= self.deadline

    def _report(self, complete: bool) -> JoinReport:
        return JoinReport(files=self.files, outcomes=dict(self.outcomes), pending=len(self.waiting), complete=complete)


def _grouped(pairs: Iterable[tuple[str | None, FeedbackState]]) -> dict[str, list[FeedbackState]]:
    found: dict[str, list[FeedbackState]] = {}
    for name, state in pairs:
        if name is not None:
            found.setdefault(name, []).append(state)
    return found


def _joined(windows: Sequence[_Window]) -> Iterator[_Window]:
    """The same time without overlaps."""
    start = end = None
    for first, last in sorted(windows):
        if start is None or end is None or first > end:
            if start is not None and end is not None:
                yield start, end
            start, end = first, last
        else:
            end = max(end, last)
    if start is not None and end is not None:
        yield start, end


def _within(file: CaptureFile, window: _Window) -> bool:
    first, last = (f"{each.astimezone(UTC):%Y/%m/%d/%H}" for each in window)
    return first <= file.hour <= last
