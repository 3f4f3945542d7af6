"""A person's data is forgotten: taken away wherever it lies, for good, with a receipt that says what was.

The order keeps what is taken away from coming back. Tombstones first: from then on no task, payload or version takes a
sample in, and a commit that looked before them loses its head. Then everything that holds the samples, and the receipt
last. Each step may be repeated, and is noted when it is done: a deletion that was cut short goes on where it was.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from trueup.annotation.imported import answers_id_of
from trueup.annotation.tasks import task_id_of
from trueup.capture.records import read_line
from trueup.dataset.groups import key_of, keys_of
from trueup.dataset.receipts import digest_of, encode_receipt, is_about, read_receipt, subject_hash
from trueup.dataset.redaction import FORGOTTEN, is_redacted, needs_redaction, redacted
from trueup.dataset.segments import decode, encode, labelled
from trueup.dataset.segments.cache import SEGMENTS
from trueup.dataset.view import View
from trueup.errors import CaptureError, ConflictError, InputError, NotFoundError, PermissionDeniedError
from trueup.events import SamplesForgotten
from trueup.model import (
    Capture,
    Forgetting,
    Places,
    Project,
    Receipt,
    ReceiptEntry,
    Redaction,
    Removal,
    SignedReceipt,
)
from trueup.ports import (
    BatchStore,
    CaptureRewriter,
    Clock,
    DatasetStore,
    ForgettingStore,
    Journal,
    KnowledgeStore,
    LabelingJob,
    ObjectEraser,
    ReceiptBook,
    ReceiptSigner,
)
from trueup.usecases.find_project import project_named
from trueup.usecases.forget_indexes import ForgetIndexes
from trueup.usecases.making_versions import MakeVersion, Proposal
from trueup.usecases.resolve_subject import Found, ResolveSubject, Wish, is_by

# Folders of a project with files in which samples, or tasks about them, stand by name.
_FILES = ("evaluation/", "labeling/", "reports/")
_ROUNDS = 5
_RACES = 8


@dataclass(frozen=True)
class ForgetSamples:
    """`found` shows what a wish would take away; calling it does so, and returns the receipt.

    Raises NotFoundError (nothing of it is there), InputError (a reason that names the subject), and what the ports
    raise: then the same call again goes on.
    """

    projects: Mapping[str, Project]
    resolve: ResolveSubject
    datasets: DatasetStore
    forgetting: ForgettingStore
    objects: ObjectEraser
    captures: CaptureRewriter
    knowledge: KnowledgeStore
    batches: BatchStore
    receipts: ReceiptBook
    signer: ReceiptSigner
    clock: Clock
    salt: Callable[[], str] = lambda: secrets.token_hex(16)

    def found(self, wish: Wish) -> Found:
        return self.resolve(project_named(self.projects, wish.project), wish)

    def begun(self, wish: Wish) -> Forgetting | None:
        """The deletion of the same wish that was cut short."""
        jobs = self.receipts.jobs(wish.project)
        return next((each for each in jobs if is_about(each.draft, _names(wish))), None)

    def __call__(self, wish: Wish, *, by: str, reason: str = "", rewrite: bool = False) -> SignedReceipt:
        project = project_named(self.projects, wish.project)
        _check(wish, reason)
        begun = self.begun(wish)
        job = _with_captures(begun, rewrite) if begun else self._begin(project, wish, by, reason, rewrite)
        for _ in range(_ROUNDS):
            job = self._steps(project, wish, job)
            more = self.resolve.samples(project, wish, job.draft.samples)
            if not more:
                return self._issue(project, job)
            job = self._save(_again(job, more))
        raise ConflictError(f"more of it came in {_ROUNDS} times: run the same command again")

    def _begin(self, project: Project, wish: Wish, by: str, reason: str, rewrite: bool) -> Forgetting:
        """Everything that will be harder to tell once it is taken away is written down first."""
        found = self.resolve(project, wish)
        salt, now = self.salt(), self.clock.now()
        kind: Literal["subject", "sample"] = "subject" if wish.subject else "sample"
        hashed = subject_hash(salt, kind, _names(wish))
        draft = Receipt(
            project=project.name,
            number=0,
            job_id=hashed[:32],
            at=now,
            began_at=now,
            by=by,
            reason=reason,
            kind=kind,
            salt=salt,
            subject_sha256=hashed,
            samples=found.samples,
            versions=found.versions,
            consequences=found.consequences,
            captures=found.captures,
        )
        return self._save(Forgetting(draft=draft, rewrite=rewrite, events=found.events))

    def _steps(self, project: Project, wish: Wish, job: Forgetting) -> Forgetting:
        steps: Sequence[tuple[str, Callable[[], Forgetting]]] = (
            ("bury", lambda: self._bury(job)),
            ("payloads", lambda: self._payloads(project, job)),
            ("table", lambda: self._table(job)),
            ("feedback", lambda: self._feedback(wish, job)),
            ("versions", lambda: self._versions(project, job)),
            ("segments", lambda: self._segments(project, job)),
            ("indexes", lambda: self._indexes(project, wish, job)),
            ("files", lambda: self._files(project, wish, job)),
            ("knowledge", lambda: self._knowledge(job)),
            ("captures", lambda: self._captures(wish, job)),
        )
        for name, step in steps:
            if name not in job.done:
                after = step()
                job = self._save(replace(after, done=(*after.done, name)))
        return job

    def _save(self, job: Forgetting) -> Forgetting:
        self.receipts.save_job(job)
        return job

    def _bury(self, job: Forgetting) -> Forgetting:
        draft = job.draft
        self.forgetting.bury(draft.project, draft.samples, draft.job_id, draft.at)
        return job

    def _payloads(self, project: Project, job: Forgetting) -> Forgetting:
        """Lines tell where payloads lie, some of which may lie elsewhere than in the dataset bucket; and what indexes
        hold of them, which nothing tells any more when they are redacted."""
        uris, keys = self._told(project, job.draft.samples)
        left = [
            f"the payload {uri} is not in the dataset bucket: delete it where it is"
            for sample_id in job.draft.samples
            for uri in [uris.get(sample_id, "")]
            if not self.objects.payload(project.name, sample_id, uri)
        ]
        known = replace(job, keys=tuple(sorted({*job.keys, *keys})))
        return _noted(known, Counter(payloads=len(job.draft.samples)), by_hand=left)

    def _told(self, project: Project, sample_ids: Collection[str]) -> tuple[dict[str, str], set[int]]:
        wanted = frozenset(sample_ids)
        uris, keys = dict[str, str](), set[int]()
        for _, data in self.objects.segments(project.name):
            lines = [each for each in labelled(decode(data)) if each.sample_id in wanted]
            uris |= {each.sample_id: each.payload_uri for each in lines if each.payload_uri}
            keys |= keys_of(lines)
        return uris, keys

    def _table(self, job: Forgetting) -> Forgetting:
        project, samples = job.draft.project, job.draft.samples
        asked = [*(task_id_of(project, each) for each in samples), *self.forgetting.gold_tasks(project, samples)]
        counts: Counter[str] = Counter(gold=self.forgetting.drop_gold(project, samples))
        batches, sources = set[str](), set[str]()
        for task_id in (*asked, *(answers_id_of(project, each) for each in samples)):
            scrubbed = self.forgetting.scrub(project, task_id)
            batches |= set(scrubbed.batches)
            sources |= set(scrubbed.sources)
            counts.update(
                tasks=scrubbed.tasks,
                answers=scrubbed.answers,
                labels=scrubbed.consensus,
                rulings=scrubbed.rulings,
                feedback=scrubbed.feedback,
            )
        known = replace(job, tasks=tuple(asked), batches=tuple(sorted({*job.batches, *batches})))
        left = [*self._elsewhere(project, known.batches), *map(_imported_from, sorted(sources))]
        return _noted(known, counts, by_hand=left)

    def _elsewhere(self, project: str, batches: Sequence[str]) -> list[str]:
        """What labeling services still show, which only a person deletes there."""
        found = ((each, self.batches.batch(project, each)) for each in batches)
        return [
            f"batch {name} of {job.backend if job else 'a labeling service'} held the input: delete its task there"
            + (f", and what it writes to labeling/{name}/ until it has ended" if job and _writes(job) else "")
            for name, job in found
        ]

    def _feedback(self, wish: Wish, job: Forgetting) -> Forgetting:
        names = {*job.events, *([wish.subject] if wish.subject else [])}
        dropped = self.forgetting.drop_feedback(job.draft.project, names) if names else 0
        return _noted(job, Counter(feedback=dropped))

    def _versions(self, project: Project, job: Forgetting) -> Forgetting:
        """Which versions hold them is asked after the tombstones: none is made any more that does."""
        held = self.resolve.versions(project, job.draft.samples)
        reason = f"forgotten by deletion {job.draft.job_id[:12]}"
        for branch in sorted(self.datasets.heads(project.name)):
            self._succeed(project, job.draft, branch, reason)
        made = [each.version_id for each in self.datasets.versions(project.name) if each.reason == reason]
        return _noted(replace(job, draft=replace(job.draft, versions=held)), Counter(), successors=made[::-1])

    def _succeed(self, project: Project, draft: Receipt, branch: str, reason: str) -> None:

        def propose(view: View) -> Proposal:
            held = view.lookup(draft.samples)
            return Proposal(changes=[Removal(sample_id=each, why=FORGOTTEN) for each in sorted(held)])

        make = MakeVersion(datasets=self.datasets, clock=self.clock)
        make(project, propose, reason, by=draft.by, branch=branch)

    def _segments(self, project: Project, job: Forgetting) -> Forgetting:
        """Every one that holds a line of them, also those that lost a race and that no version lists. One that was
        redacted and not noted before a crash is noted now."""
        wanted, done, stored = frozenset(job.draft.samples), dict(job.draft.segments), set[str]()
        for name, data in self.objects.segments(project.name):
            stored.add(name)
            lines = decode(data)
            if needs_redaction(data, wanted):
                done[name] = self._redact(project, job, name, encode(redacted(lines, wanted)))
            elif any(is_redacted(each) and each.sample_id in wanted for each in lines):
                done[name] = hashlib.sha256(data).hexdigest()
        redacted_job = replace(job, draft=replace(job.draft, segments=dict(sorted(done.items()))))
        return _noted(redacted_job, Counter(), removed=self._beyond(project.name, stored))

    def _beyond(self, project: str, stored: Collection[str]) -> list[str]:
        """What was made of versions whose content was collected: nothing tells any more whether they held a sample."""
        found = ((each, {segment.sha256 for segment in each.segments}) for each in self.datasets.versions(project))
        lost = [version.version_id for version, names in found if not names.issubset(stored)]
        return [*self.objects.strays(project), *(uri for each in lost for uri in self.objects.exports(project, each))]

    def _redact(self, project: Project, job: Forgetting, name: str, data: bytes) -> str:
        before = self.datasets.redaction(project.name, name)
        jobs = before.jobs if before else ()
        redaction = Redaction(
            project=project.name,
            segment=name,
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            lines=sum(map(is_redacted, decode(data))),
            jobs=tuple(dict.fromkeys((*jobs, job.draft.job_id))),
            at=job.draft.at,
        )
        self.objects.redact(redaction, data)
        SEGMENTS.drop(name)
        return redaction.sha256

    def _indexes(self, project: Project, wish: Wish, job: Forgetting) -> Forgetting:
        forget = ForgetIndexes(self.datasets, self.forgetting, self.objects)
        keys = {*job.keys, *([key_of(wish.subject)] if wish.subject else [])}
        dropped = forget(project.name, job.draft.samples, keys)
        return _noted(job, Counter(frozen=dropped.frozen), removed=dropped.removed)

    def _files(self, project: Project, wish: Wish, job: Forgetting) -> Forgetting:
        """Of a batch of a labeling service some files name its objects by their places alone, and all of them go."""
        draft = job.draft
        names = {*draft.samples, *job.tasks}
        gone = [uri for each in draft.versions for uri in self.objects.exports(project.name, each.version_id)]
        gone += [uri for each in job.batches for uri in self.objects.batch(project.name, each)]
        if names:
            gone += [uri for each in _FILES for uri in self.objects.mentions(project.name, each, names)]
        gone += self.objects.answers({*names, *_names(wish)})
        return _noted(job, Counter(), removed=gone)

    def _knowledge(self, job: Forgetting) -> Forgetting:
        """Where inputs lie is known of all of them together, so that it is learned anew."""
        before, gone = self.knowledge.knowledge(job.draft.project), frozenset(job.draft.samples)
        judged = tuple(each for each in before.judged if each.sample_id not in gone)
        self.knowledge.learn(replace(before, project=job.draft.project, judged=judged, places=Places()))
        return job

    def _captures(self, wish: Wish, job: Forgetting) -> Forgetting:
        if not job.rewrite:
            mend = "the same command with --since and --captures takes them out"
            left = [f"captures in {uri} are still there: {mend}" for uri in job.draft.captures]
            return _noted(job, Counter(), by_hand=left)
        done, left, lines = [], [], 0
        for uri in job.draft.captures:
            try:
                gone = self._rewrite(uri, wish, frozenset(job.events))
            except NotFoundError:
                continue
            except (CaptureError, PermissionDeniedError) as error:
                left.append(f"captures in {uri} are still there: {error}")
                continue
            lines += gone
            done += [uri] if gone else []
        names = {*job.events, *([wish.subject] if wish.subject else [])}
        lines += self.objects.quarantined(job.draft.project, names) if names else 0
        return _noted(job, Counter(capture_lines=lines), captures_rewritten=done, by_hand=left)

    def _rewrite(self, uri: str, wish: Wish, events: frozenset[str]) -> int:
        """Halves of an event may be two lines, of which one says whose it is."""
        theirs = {event for line in self.captures.lines(uri) if (event := _event(line, wish.subject))}

        def keep(line: bytes) -> bool:
            found = read_line(1, 0, line.strip())
            return not isinstance(found, Capture) or found.event_id not in events | theirs

        for _ in range(_RACES):
            try:
                return self.captures.rewrite(uri, keep)
            except ConflictError:
                continue
        return self.captures.rewrite(uri, keep)

    def _issue(self, project: Project, job: Forgetting) -> SignedReceipt:
        for _ in range(_RACES):
            signed = self._signed(project, job)
            if signed is not None:
                self.receipts.drop_job(project.name, job.draft.job_id)
                return signed
        raise ConflictError(
            f"other receipts of {project.name} were issued {_RACES} times meanwhile: run the same command again"
        )

    def _signed(self, project: Project, job: Forgetting) -> SignedReceipt | None:
        """None where another receipt took the place at the chain's end."""
        entries = self.receipts.entries(project.name)
        place = self.receipts.place(project.name, job.draft.job_id)
        if any(each.job_id == job.draft.job_id for each in entries):
            return read_receipt(self.receipts.read(place))
        receipt = replace(
            job.draft,
            number=len(entries) + 1,
            previous=entries[-1].sha256 if entries else "",
            at=self.clock.now(),
            consequences=self.resolve.consequences(project, job.draft.versions),
        )
        signed = SignedReceipt(receipt=receipt, signature=self.signer.sign(digest_of(receipt)))
        data = encode_receipt(signed)
        entry = ReceiptEntry(
            project=receipt.project,
            number=receipt.number,
            job_id=receipt.job_id,
            at=receipt.at,
            sha256=hashlib.sha256(data).hexdigest(),
            previous=receipt.previous,
            uri=place,
        )
        try:
            self.receipts.issue(entry, data, Journal(at=receipt.at, events=(_told(entry, receipt),)))
        except ConflictError:
            return None
        return signed


def _imported_from(source: str) -> str:
    return f"it was imported from {source}: delete it there"


def _told(entry: ReceiptEntry, receipt: Receipt) -> SamplesForgotten:
    return SamplesForgotten(
        project=receipt.project,
        receipt=receipt.number,
        by=receipt.by,
        samples=len(receipt.samples),
        versions=len(receipt.versions),
        uri=entry.uri,
    )


def _names(wish: Wish) -> tuple[str, ...]:
    return (wish.subject,) if wish.subject else wish.sample_ids


def _check(wish: Wish, reason: str) -> None:
    if bool(wish.subject) == bool(wish.sample_ids):
        raise InputError("say --subject or --sample, and not both", field="--subject")
    if wish.subject and wish.subject in reason:
        raise InputError(
            "the reason names the subject, and the receipt is kept: say it without the name", field="--reason"
        )


def _with_captures(job: Forgetting, rewrite: bool) -> Forgetting:
    """One that was cut short, where captures are to be rewritten that were not before."""
    if job.rewrite or not rewrite:
        return job
    left = tuple(each for each in job.draft.by_hand if "--captures" not in each)
    done = tuple(each for each in job.done if each != "captures")
    return replace(job, rewrite=True, done=done, draft=replace(job.draft, by_hand=left))


def _again(job: Forgetting, more: Sequence[str]) -> Forgetting:
    samples = tuple(sorted({*job.draft.samples, *more}))
    return replace(job, draft=replace(job.draft, samples=samples), done=())


def _noted(job: Forgetting, counts: Counter[str], **more: Sequence[str]) -> Forgetting:
    """With what a step did beside what was noted of the others."""
    draft = job.draft
    lists = {name: tuple(dict.fromkeys((*getattr(draft, name), *found))) for name, found in more.items()}
    totals = {**draft.counts, **{name: max(number, draft.counts.get(name, 0)) for name, number in counts.items()}}
    shown = {name: totals[name] for name in sorted(totals) if totals[name]}
    return replace(job, draft=replace(draft, counts=shown, **lists))


def _writes(job: LabelingJob) -> bool:
    """Ground Truth goes on with a job that nobody stops."""
    return job.backend == "ground_truth" and job.status == "in_progress"


def _event(line: bytes, subject: str) -> str:
    found = read_line(1, 0, line.strip())
    return found.event_id if isinstance(found, Capture) and is_by(found, subject) else ""
