"""doctor, and the verbs of the embedded AWS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import FakeDeployed, Terminal, check_golden
from trueup.errors import ConfigurationError, PermissionDeniedError
from trueup.local import service
from trueup.ports import AlarmState, EndpointState, QueueState, StackState
from trueup.usecases.diagnose import Diagnose, MachineFacts


def problems(trueup: Terminal) -> list[tuple[str, str]]:
    said = trueup.json("doctor", code=3)
    assert said["problems"] == len([each for each in said["findings"] if each["verdict"] == "problem"])
    assert all(each["mend"] for each in said["findings"] if each["verdict"] == "problem")
    return [(each["area"], each["check"]) for each in said["findings"] if each["verdict"] == "problem"]


def test_everything_in_order(trueup: Terminal) -> None:
    check_golden("doctor", trueup.json("doctor"))
    said = trueup("doctor")
    assert said.exit_code == 0
    assert "Everything is in order." in said.stdout
    assert len(trueup("doctor", "--all").stdout) > len(said.stdout)


def test_a_poor_machine(trueup: Terminal) -> None:
    trueup.facts = MachineFacts(python=(3, 10, 4), node=None, uv=None, free_bytes=1_000_000_000)
    assert problems(trueup) == [("machine", each) for each in ("python", "node", "uv", "disk")]
    trueup.facts = MachineFacts(python=(3, 14, 0), node=(18, 20, 1), uv="0.9", free_bytes=9_000_000_000)
    assert problems(trueup) == [("machine", "node")]


def test_no_deployment_of_that_stage(trueup: Terminal) -> None:
    trueup.stage = "prod"
    assert problems(trueup) == [("aws", "deployment")]
    said = trueup("doctor").stdout
    assert "→ npx cdk deploy --all" in said


def test_no_region(trueup: Terminal, place: FakeDeployed) -> None:
    def refuse(stage: str) -> Diagnose:
        raise ConfigurationError("no AWS region is set")

    blind = BlindTerminal(place, diagnosing=refuse)
    assert problems(blind) == [("aws", "configuration")]


@dataclass
class BlindTerminal(Terminal):
    diagnosing: Any = None

    def _diagnose(self, stage: str) -> Diagnose:
        return self.diagnosing(stage)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("UPDATE_ROLLBACK_FAILED", "problem"),
        ("ROLLBACK_COMPLETE", "problem"),
        ("UPDATE_ROLLBACK_COMPLETE", "note"),
        ("UPDATE_IN_PROGRESS", "note"),
    ],
)
def test_stacks_that_are_not_settled(trueup: Terminal, place: FakeDeployed, status: str, verdict: str) -> None:
    place.health.stack_states[0] = StackState(name="trueup-dev-data", status=status, reason="no room")
    said = trueup.json("doctor", code=3 if verdict == "problem" else 0)
    (finding,) = [each for each in said["findings"] if each["verdict"] != "ok"]
    assert (finding["check"], finding["verdict"]) == ("stacks", verdict)
    assert "no room" in finding["says"]


def test_everything_that_can_be_wrong(trueup: Terminal, place: FakeDeployed) -> None:
    health = place.health
    health.stack_states.pop()
    health.queues["https://sqs/ingest"] = QueueState(messages=40, consumers={"fn-ingest": "Disabled"})
    health.queues["https://sqs/settle"] = QueueState(messages=4)
    health.queues["https://sqs/commit-dead"] = QueueState(messages=2)
    health.streams.clear()
    health.alarms.append(AlarmState(name="trueup-dev-operations-Stuck", reason="2 > 0"))
    health.endpoints["pets"] = EndpointState(status="InService", config="pets-first")
    place.deployment = replace_projects(place, "pets", "gone")
    assert problems(trueup) == [
        ("aws", "parameters"),
        ("aws", "stacks"),
        ("queues", "ingest"),
        ("queues", "settle"),
        ("queues", "outbox"),
        ("dead letters", "commit"),
        ("alarms", "trueup-dev-operations-Stuck"),
        ("endpoints", "pets"),
    ]
    said = trueup("doctor").stdout
    assert "→ trueup endpoint attach pets" in said
    assert "→ trueup redrive commit --dry-run shows why" in said
    assert "8 things are wrong." in said


def replace_projects(place: FakeDeployed, *names: str) -> Any:
    import msgspec

    return msgspec.structs.replace(place.deployment, projects=names)


@pytest.mark.parametrize(
    "state",
    [
        EndpointState(status="Failed", config="pets-trueup"),
        EndpointState(status="InService", config="pets-first", capture_uri="s3://theirs"),
        EndpointState(status="InService", config="c", capture_uri="s3://captures/pets", capture_status="Stopped"),
    ],
)
def test_endpoints_that_do_not_capture_for_us(trueup: Terminal, place: FakeDeployed, state: EndpointState) -> None:
    place.health.endpoints["pets"] = state
    assert problems(trueup) == [("endpoints", "pets")]


def test_an_endpoint_that_is_not_there(trueup: Terminal, place: FakeDeployed) -> None:
    place.health.endpoints.clear()
    assert problems(trueup) == [("endpoints", "pets")]


def test_requests_without_captures(trueup: Terminal, place: FakeDeployed) -> None:
    place.health.counted["pets"] = 900
    assert problems(trueup) == [("endpoints", "pets")]
    assert "kms:GenerateDataKey" in trueup("doctor").stdout
    place.loop.ingest(place.loop.capture(449))
    assert problems(trueup) == [("endpoints", "pets")]
    assert "fewer than half" in trueup("doctor").stdout
    place.loop.ingest(place.loop.capture(1, "b", first=1000))
    assert trueup.json("doctor")["problems"] == 0


def test_a_few_requests_tell_nothing_of_the_share_that_arrives(trueup: Terminal, place: FakeDeployed) -> None:
    place.health.counted["pets"] = 99
    place.loop.ingest(place.loop.capture(1))
    assert trueup.json("doctor")["problems"] == 0


def test_what_may_not_be_looked_at_is_a_finding_itself(trueup: Terminal, place: FakeDeployed) -> None:
    class Shy(type(place.health)):  # type: ignore[misc]
        def ringing(self, prefix: str) -> list[AlarmState]:
            raise PermissionDeniedError("reading the alarms: AccessDenied")

    shy = Shy()
    shy.__dict__.update(place.health.__dict__)
    place.health = shy
    assert problems(trueup) == [("alarms", "alarms")]


@dataclass(frozen=True)
class FakeRunning:
    port: int = 4566
    stage: str = "dev"

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def workbench_url(self) -> str:
        return "http://127.0.0.1:8080"


class FakeService:
    """The embedded AWS, without its processes."""

    Options = service.Options
    DEFAULT_STAGE = service.DEFAULT_STAGE

    def __init__(self) -> None:
        self.running: FakeRunning | None = None
        self.options: service.Options | None = None
        self.forgotten: list[Path] = []

    def up(self, options: service.Options, say: Any) -> FakeRunning:
        say("deployed with cdk deploy (9.0 s)")
        self.options, self.running = options, FakeRunning(stage=options.stage)
        return self.running

    def down(self, state: Path) -> bool:
        was, self.running = self.running, None
        return was is not None

    def reset(self, state: Path) -> None:
        self.forgotten.append(state)

    def status(self, state: Path) -> FakeRunning | None:
        return self.running

    def aws_environment(self, running: FakeRunning) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": running.endpoint_url, "TRUEUP_STAGE": "my stage"}


@pytest.fixture
def local(place: FakeDeployed) -> Terminal:
    return Terminal(place, embedded=FakeService())


def test_up_says_where_it_is(local: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = local("local", "up")
    assert refused.exit_code == 2
    assert "holds no cdk.json" in refused.stderr
    (tmp_path / "cdk.json").write_text('{"context": {"trueup": {"stage": "demo"}}}')
    result = local("local", "up", "--state", "here")
    assert result.exit_code == 0
    assert local.embedded.options == service.Options(root=tmp_path, state=tmp_path / "here")
    assert local.embedded.running.stage == "demo"
    assert "· deployed with cdk deploy (9.0 s)" in result.stdout
    assert "workbench http://127.0.0.1:8080" in result.stdout
    assert "source here/env" in result.stdout
    assert "here/ministack.log" in result.stdout


@pytest.mark.parametrize(("option", "says"), [("--config", "is no file"), ("--state", "is no directory")])
def test_up_refuses_paths_that_cannot_be_meant(
    local: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cdk.json").write_text("{}")
    (tmp_path / "file").write_text("")
    refused = local("local", "up", option, "gone" if option == "--config" else "file")
    assert (refused.exit_code, says in refused.stderr) == (2, True)
    assert local.embedded.running is None


def test_the_stage_is_that_of_the_configuration(
    local: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cdk.json").write_text("{}")
    (tmp_path / "own.json").write_text('{"stage": "mine"}')
    refused = local("--stage", "other", "local", "up", "--config", "own.json")
    assert refused.exit_code == 2
    assert "the configuration deploys stage 'mine', not 'other'" in refused.stderr
    assert local("local", "up", "--config", "own.json").exit_code == 0
    assert local.embedded.running.stage == "mine"


def test_local_status_and_environment(local: Terminal) -> None:
    assert local.json("local", "status") == {"running": False}
    assert local("local", "status").stdout.startswith("not running")
    assert local("local", "env").exit_code == 4
    local.embedded.running = FakeRunning()
    assert local.json("local", "status") == {
        "running": True,
        "port": 4566,
        "stage": "dev",
        "endpoint_url": "http://127.0.0.1:4566",
        "workbench_url": "http://127.0.0.1:8080",
    }
    assert local.json("local", "env")["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert local("local", "env").stdout.splitlines() == [
        "export AWS_ENDPOINT_URL=http://127.0.0.1:4566",
        "export TRUEUP_STAGE='my stage'",
    ]


def test_down_and_reset(local: Terminal, tmp_path: Path) -> None:
    state = ["--state", str(tmp_path)]
    assert local("local", "down", *state).stdout == "nothing was running\n"
    local.embedded.running = FakeRunning()
    assert local("local", "down", *state).stdout.startswith("stopped")
    asked = local("local", "reset", *state)
    assert (asked.exit_code, local.embedded.forgotten) == (2, [])
    assert local("local", "reset", *state, "--yes").stdout == "forgotten\n"
    assert local.embedded.forgotten == [tmp_path]
    assert local("local", "reset", "--state", str(tmp_path / "none")).stdout == "there is nothing to forget\n"


def test_the_facts_of_this_machine() -> None:
    from trueup.cli.facts import machine_facts

    facts = machine_facts()
    assert facts.python >= (3, 11)
    assert facts.free_bytes > 0
