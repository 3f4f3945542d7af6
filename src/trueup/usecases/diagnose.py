"""What is wrong with a deployment or the machine, and how to mend it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from trueup.errors import NotFoundError, TrueupError
from trueup.model import Record
from trueup.ports import CaptureLedger, Clock, EndpointState, Health, StackState
from trueup.settings import DeployedProject, Deployment

STACKS = ("data", "ingest", "annotation", "dataset", "retraining", "operations")
_PYTHON = (3, 11)
_NODE = 20
_FREE_BYTES = 2_000_000_000
_WINDOW = timedelta(hours=6)
# Fewer requests tell nothing of a share.
_ENOUGH = 100
# Data Capture buffers, ingest takes seconds: younger traffic may rightly not have arrived.
_DELIVERY = timedelta(minutes=30)
_SETTLED_STACK = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})


class Verdict(enum.StrEnum):
    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Finding(Record, frozen=True, kw_only=True):
    """One thing looked at. `mend` says what to do, empty when there is nothing."""

    area: str
    check: str
    verdict: Verdict
    says: str
    mend: str = ""


class MachineFacts(Record, frozen=True, kw_only=True):
    """What the machine offers: versions as (major, minor, …), empty or None when missing."""

    python: tuple[int, ...]
    node: tuple[int, ...] | None
    uv: str | None
    free_bytes: int


@dataclass(frozen=True)
class Place:
    """A deployment that was found, with what its captures are counted in."""

    deployment: Deployment
    deployed: Mapping[str, DeployedProject]
    ledger: CaptureLedger
    clock: Clock


@dataclass(frozen=True)
class Diagnose:
    """Look at everything, never stop at the first trouble: what cannot be looked at becomes a finding itself.

    `find` finds the deployment; it raises NotFoundError when there is none.
    """

    health: Health
    find: Callable[[], Place]

    def __call__(self, facts: MachineFacts) -> list[Finding]:
        return [*machine(facts), *self._aws()]

    def _aws(self) -> Iterable[Finding]:
        try:
            yield _ok("aws", "credentials", self.health.identity())
        except TrueupError as error:
            mend = "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_REGION; for the embedded AWS: source .trueup/local/env"
            yield _problem("aws", "credentials", str(error), mend)
            return
        try:
            place = self.find()
        except NotFoundError as error:
            yield _problem("aws", "deployment", str(error), "npx cdk deploy --all, or name another stage with --stage")
            return
        except TrueupError as error:
            yield _problem("aws", "deployment", str(error), "allow ssm:GetParameter on /trueup/*")
            return
        yield _ok("aws", "deployment", f"stage {place.deployment.stage} in {place.deployment.region}")
        yield from _Rounds(self.health, place)()


@dataclass(frozen=True)
class _Rounds:
    """One walk through a deployment."""

    health: Health
    place: Place

    def __call__(self) -> Iterable[Finding]:
        yield from self._parameters()
        yield from _guarded("aws", "stacks", self._stacks)
        for name, url in sorted(self.place.deployment.queues.items()):
            yield from _guarded("queues", name, partial(self._queue, name, url))
        yield from _guarded("queues", "outbox", self._outbox)
        for name, url in sorted(self._dead().items()):
            yield from _guarded("dead letters", name, partial(self._dead_letters, name, url))
        yield from _guarded("alarms", "alarms", self._alarms)
        for each in sorted(self.place.deployed.values(), key=lambda each: each.name):
            yield from _guarded("endpoints", each.name, partial(self._endpoint, each))

    def _parameters(self) -> Iterable[Finding]:
        missing = sorted(set(self.place.deployment.projects) - set(self.place.deployed))
        if missing:
            names = ", ".join(missing)
            yield _problem("aws", "parameters", f"no parameter for {names}", "npx cdk deploy --all writes them")
        else:
            yield _ok("aws", "parameters", f"readable for {len(self.place.deployed)} projects")

    def _stacks(self) -> Iterable[Finding]:
        prefix = f"trueup-{self.place.deployment.stage}-"
        found = {each.name.removeprefix(prefix): each for each in self.health.stacks(prefix)}
        broken = [each for each in found.values() if each.status not in _SETTLED_STACK]
        missing = [each for each in STACKS if each not in found]
        yield from (_unsettled(each) for each in broken)
        if missing:
            yield _problem("aws", "stacks", f"missing: {', '.join(missing)}", "npx cdk deploy --all")
        if not broken and not missing:
            yield _ok("aws", "stacks", f"all {len(STACKS)} in place")

    def _dead(self) -> dict[str, str]:
        annotation = {f"annotation-{name}": each.annotation_dlq_url for name, each in self.place.deployed.items()}
        for name, each in self.place.deployed.items():
            annotation |= {f"annotation-{name}-{queue}": url for queue, url in each.dlqs.items()}
        return {**self.place.deployment.dlqs, **annotation}

    def _queue(self, name: str, url: str) -> Iterable[Finding]:
        """A work queue, which a function must poll; people poll the annotation queues."""
        state = self.health.queue(url)
        yield _consumed("queues", name, state.consumers, f"{state.messages} messages")

    def _outbox(self) -> Iterable[Finding]:
        consumers = self.health.stream_consumers(self.place.deployment.table)
        yield _consumed("queues", "outbox", consumers, "the table's stream")

    def _dead_letters(self, name: str, url: str) -> Iterable[Finding]:
        waiting = self.health.queue(url).messages
        if waiting:
            noun = "message" if waiting == 1 else "messages"
            mend = f"trueup redrive {name} --dry-run shows why; once mended, trueup redrive {name}"
            yield _problem("dead letters", name, f"{waiting} {noun} could not be processed", mend)
        else:
            yield _ok("dead letters", name, "empty")

    def _alarms(self) -> Iterable[Finding]:
        ringing = self.health.ringing(f"trueup-{self.place.deployment.stage}-")
        for each in ringing:
            mend = f"look at the dashboard {self.place.deployment.dashboard}"
            yield _problem("alarms", each.name, each.reason or "in ALARM", mend)
        if not ringing:
            yield _ok("alarms", "alarms", "none rings")

    def _endpoint(self, project: DeployedProject) -> Iterable[Finding]:
        try:
            state = self.health.endpoint(project.endpoint_name)
        except NotFoundError as error:
            mend = f"create it, or correct endpoint_name of {project.name} in cdk.json and deploy"
            yield _problem("endpoints", project.name, str(error), mend)
            return
        yield _served(project, state)
        if state.capture_uri == project.capture_uri:
            yield self._arriving(project, state.sampling)

    def _arriving(self, project: DeployedProject, sampling: int) -> Finding:
        """Captures of the last hours against the endpoint's own count of requests."""
        now = self.place.clock.now()
        since, until = now - _WINDOW, now - _DELIVERY
        receipts = self.place.ledger.receipts(project.name, since)
        captures = sum(each.lines for each in receipts if each.file.endpoint == project.endpoint_name)
        invocations = self.health.invocations(project.endpoint_name, since, until)
        hours = round(_WINDOW.total_seconds() / 3600)
        late = round(_DELIVERY.total_seconds() / 60)
        says = f"{captures} captures in {hours} hours, {invocations} requests counted until {late} minutes ago"
        expected = invocations * sampling / 100
        if expected >= _ENOUGH and captures and captures < expected / 2:
            mend = (
                f"{expected:.0f} are expected at {sampling} %: look at the endpoint's disk (DiskUtilization), which "
                "stops data capture when it is full"
            )
            return _problem("endpoints", project.name, f"{says}: fewer than half arrive", mend)
        if invocations and not captures:
            mend = (
                "let the role of the endpoint's model s3:PutObject to "
                f"{project.capture_uri} and kms:GenerateDataKey with {self.place.deployment.key_arn}"
            )
            return _problem("endpoints", project.name, f"{says}: none arrives", mend)
        return _ok("endpoints", project.name, says)


def machine(facts: MachineFacts) -> list[Finding]:
    """Whether this machine can deploy and run the embedded AWS."""
    free = f"{facts.free_bytes / 1e9:.1f} GB free"
    return [
        _weighed("machine", "python", facts.python >= _PYTHON, _dotted(facts.python), "install Python 3.11 or newer"),
        _weighed(
            "machine",
            "node",
            facts.node is not None and facts.node >= (_NODE,),
            _dotted(facts.node) if facts.node else "not installed",
            f"install Node.js {_NODE} or newer: the CDK needs it",
        ),
        _weighed(
            "machine",
            "uv",
            facts.uv is not None,
            facts.uv or "not installed",
            "uv sync --all-groups: it packs the functions",
        ),
        _weighed("machine", "disk", facts.free_bytes >= _FREE_BYTES, free, "free 2 GB for packages and state"),
    ]


def _unsettled(stack: StackState) -> Finding:
    says = f"{stack.name} is {stack.status}" + (f": {stack.reason}" if stack.reason else "")
    if stack.status.endswith("_IN_PROGRESS"):
        return _note("aws", "stacks", says, "wait for the deployment to end")
    if stack.status == "UPDATE_ROLLBACK_COMPLETE":
        return _note("aws", "stacks", says, f"its last update failed and was undone: npx cdk deploy {stack.name}")
    return _problem("aws", "stacks", says, f"mend its cause, then npx cdk deploy {stack.name}")


def _served(project: DeployedProject, state: EndpointState) -> Finding:
    name = f"endpoint {project.endpoint_name}"
    attach = f"trueup endpoint attach {project.endpoint_name}"
    if state.status != "InService":
        return _problem("endpoints", project.name, f"{name} is {state.status}", "see it in the SageMaker console")
    if state.capture_uri is None:
        return _problem("endpoints", project.name, f"{name} captures nothing", attach)
    if state.capture_uri != project.capture_uri:
        return _problem("endpoints", project.name, f"{name} captures to {state.capture_uri}, not to us", attach)
    if state.capture_status == "Stopped":
        return _problem("endpoints", project.name, f"{name}'s capture is stopped", attach)
    return _ok("endpoints", project.name, f"{name} captures {state.sampling} % of its requests")


def _consumed(area: str, name: str, consumers: Mapping[str, str], says: str) -> Finding:
    off = {function: state for function, state in consumers.items() if state not in ("Enabled", "Enabling", "Updating")}
    if not consumers:
        return _problem(area, name, f"{says}, and no function reads it", "npx cdk deploy --all restores the mapping")
    if off:
        function, state = next(iter(off.items()))
        mend = f"enable the event-source mapping of {function} (aws lambda update-event-source-mapping --enabled)"
        return _problem(area, name, f"{says}, but {function} is {state}", mend)
    return _ok(area, name, says)


def _guarded(area: str, check: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(look())
    except TrueupError as error:
        return [_problem(area, check, str(error), "let your role read it, or try again")]


def _weighed(area: str, check: str, holds: bool, says: str, mend: str) -> Finding:
    return _ok(area, check, says) if holds else _problem(area, check, says, mend)


def _ok(area: str, check: str, says: str) -> Finding:
    return Finding(area=area, check=check, verdict=Verdict.OK, says=says)


def _problem(area: str, check: str, says: str, mend: str) -> Finding:
    return Finding(area=area, check=check, verdict=Verdict.PROBLEM, says=says, mend=mend)


def _note(area: str, check: str, says: str, mend: str) -> Finding:
    return Finding(area=area, check=check, verdict=Verdict.NOTE, says=says, mend=mend)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(each) for each in version)
