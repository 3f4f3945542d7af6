"""Bring the embedded AWS up, down, and back to nothing.

The state directory holds everything: ministack's state and objects, the stand-in's jobs and models, logs, the
process record. `up` on an existing directory resumes what was there.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from trueup.errors import ConflictError, ServiceError
from trueup.local.assembly import fingerprint, is_current, remember
from trueup.local.environment import Say, cdk_command, ministack_python
from trueup.local.processes import alive, runs

ACCOUNT = "000000000000"
REGION = "us-east-1"
DEFAULT_STAGE = "dev"
_LAUNCHER = "trueup.local.launcher"
_GATEWAY = "trueup.local.gateway"
# What may lie in a state directory before the first start.
_BEFORE_THE_LOG = frozenset({"lock", "deployment.json"})
_START_SECONDS = 90
_STOP_SECONDS = 30
_AFRESH = "If the state is at fault and not the app: trueup local reset forgets it."


@dataclass(frozen=True)
class Running:
    """A running embedded AWS: process ids and ports, kept in <state>/running.json."""

    ministack_pid: int
    gateway_pid: int
    port: int
    gateway_port: int
    stage: str

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def workbench_url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"


@dataclass(frozen=True)
class Options:
    """`config` is a deployment's configuration file for infra/app.py (None: cdk.json's own). `attached` makes
    everything end with the calling process. `auth` lets ministack enforce IAM policies."""

    root: Path
    state: Path
    config: Path | None = None
    attached: bool = False
    auth: bool = False
    capture_seconds: float = 2.0

    @property
    def stage(self) -> str:
        """The stage that the configuration deploys; what is wrong in it is for the synthesis to say."""
        try:
            document = json.loads((self.config or self.root / "cdk.json").read_bytes())
            found = document if self.config else document["context"]["trueup"]
            return str(found.get("stage", DEFAULT_STAGE))
        except (OSError, ValueError, KeyError, AttributeError):
            return DEFAULT_STAGE


def aws_environment(running: Running) -> dict[str, str]:
    """The ordinary AWS variables that lead every AWS tool to the embedded AWS."""
    return {
        "AWS_ENDPOINT_URL": running.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "TRUEUP_STAGE": running.stage,
        "TRUEUP_WORKBENCH_URL": running.workbench_url,
    }


def status(state: Path) -> Running | None:
    """What runs, or None."""
    path = state / "running.json"
    if not path.is_file():
        return None
    running = Running(**json.loads(path.read_text()))
    return running if runs(running.ministack_pid, _LAUNCHER) else None


def up(options: Options, say: Say) -> Running:
    """Start, deploy, and serve the workbench. Raises ConflictError when it runs already, ServiceError."""
    options.state.mkdir(parents=True, exist_ok=True)
    with _lock(options.state):
        if status(options.state) is not None:
            raise ConflictError(f"the embedded AWS of {options.state} runs already: trueup local down")
        _forget_what_never_stood(options.state)
        python = ministack_python(options.state, say)
        cdk = cdk_command(options.root, say)
        port, gateway_port = _ports(options.state)
        started = time.monotonic()
        ministack = _start_ministack(options, python, port)
        try:
            _await_health(ministack, port, options.state)
            say(f"ministack is up on 127.0.0.1:{port} ({time.monotonic() - started:.1f} s)")
            running = Running(ministack.pid, 0, port, gateway_port, options.stage)
            # Before it is deployed already: should this process be killed now, `down` still finds the other.
            _write_running(options.state, running)
            deploy(options, running, cdk, say)
            _checkpoint(running)
            gateway = _start_gateway(options, running)
        except BaseException:
            _end(ministack.pid, _LAUNCHER)
            (options.state / "running.json").unlink(missing_ok=True)
            raise
        running = replace(running, gateway_pid=gateway.pid)
        _write_running(options.state, running)
        _write_env(options.state, running)
    return running


def deploy(options: Options, running: Running, cdk: list[str], say: Say) -> None:
    """Bootstrap and deploy the very app that `cdk deploy` deploys to AWS."""
    environment = {**os.environ, **aws_environment(running), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"}
    environment |= {"CDK_DEFAULT_ACCOUNT": ACCOUNT, "CDK_DEFAULT_REGION": REGION}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    assembly = options.state / "cdk.out"
    context = ["-c", "trueup:wheels=host", "-c", "trueup:nag=false"]
    if options.config is not None:
        context += ["-c", f"trueup:config={options.config}", "-c", "trueup:allow-data-loss=true"]
    command = [*cdk, "synth", "--quiet", "--app", f"{sys.executable} -m infra.app", "--output", str(assembly), *context]
    _synthesize(options, command, environment, say)
    started = time.monotonic()
    target = f"aws://{ACCOUNT}/{REGION}"
    _cdk(options, [*cdk, "bootstrap", target, "--app", str(assembly)], environment, "bootstrap")
    flags = ["--all", "--require-approval", "never", "--concurrency", "4"]
    _cdk(options, [*cdk, "deploy", *flags, "--app", str(assembly)], environment, "deploy")
    say(f"deployed with cdk deploy ({time.monotonic() - started:.1f} s)")


def _synthesize(options: Options, command: list[str], environment: Mapping[str, str], say: Say) -> None:
    folder, made_of = options.state / "cdk.out", fingerprint(options.root, options.config, command)
    if is_current(folder, made_of):
        say("nothing of the app has changed: no new synthesis")
        return
    started = time.monotonic()
    _cdk(options, command, environment, "synth")
    remember(folder, made_of)
    say(f"synthesized ({time.monotonic() - started:.1f} s)")


def down(state: Path) -> bool:
    """Stop what runs; state stays. False when nothing ran."""
    with _lock(state):
        running = status(state)
        if running is not None:
            _end(running.gateway_pid, _GATEWAY)
            _end(running.ministack_pid, _LAUNCHER)
        (state / "running.json").unlink(missing_ok=True)
    return running is not None


def reset(state: Path) -> None:
    """Stop what runs and forget everything. Raises ConflictError for a directory that holds something else."""
    if state.is_dir():
        _refuse_foreign(state)
        down(state)
        shutil.rmtree(state, ignore_errors=True)


def _refuse_foreign(state: Path) -> None:
    """What was never started here has no log of it; a mistyped path must not cost anybody their files."""
    held = {each.name for each in state.iterdir()} - _BEFORE_THE_LOG
    if held and not (state / "ministack.log").is_file():
        raise ConflictError(f"{state} holds no embedded AWS but other files ({min(held)}, …): nothing was deleted")


def _forget_what_never_stood(state: Path) -> None:
    """A first deployment that was cut short leaves half of its stacks, which nothing can resume."""
    if (state / "env").exists():
        return
    for name in ("ministack", "s3", "sagemaker"):
        shutil.rmtree(state / name, ignore_errors=True)
    (state / "sagemaker.json").unlink(missing_ok=True)


def _checkpoint(running: Running) -> None:
    """What was deployed is on disk before anybody relies on it."""
    headers = {"X-Amz-Target": "TrueupLocal.Checkpoint"}
    request = urllib.request.Request(running.endpoint_url, b"{}", headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310
        return


@contextmanager
def bare(state: Path, say: Say) -> Iterator[str]:
    """The embedded AWS with nothing deployed, for as long as it is wanted; its endpoint URL."""
    state.mkdir(parents=True, exist_ok=True)
    python, port = ministack_python(state, say), _free_port()
    process = _start_ministack(Options(root=state, state=state, attached=True), python, port)
    try:
        _await_health(process, port, state)
        yield f"http://127.0.0.1:{port}"
    finally:
        _end(process.pid, _LAUNCHER)


def _start_ministack(options: Options, python: Path, port: int) -> subprocess.Popen[bytes]:
    source = Path(__file__).resolve().parents[2]
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
        "PYTHONPATH": str(source),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(options.state / "ministack"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(options.state / "s3"),
        "TMPDIR": str(_fresh(options.state / "tmp")),
        "AUTH": "true" if options.auth else "false",
        "LOG_LEVEL": "INFO",
        "TRUEUP_LOCAL_STATE": str(options.state),
        "TRUEUP_LOCAL_PYTHON": sys.executable,
        "TRUEUP_LOCAL_CAPTURE_SECONDS": str(options.capture_seconds),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if options.attached:
        environment["TRUEUP_LOCAL_PARENT"] = str(os.getpid())
    with (options.state / "ministack.log").open("ab") as log:
        return subprocess.Popen(
            [str(python), "-m", _LAUNCHER],
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=options.state,
        )


def _start_gateway(options: Options, running: Running) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **aws_environment(running), "TRUEUP_LOCAL_PARENT": str(running.ministack_pid)}
    with (options.state / "gateway.log").open("ab") as log:
        gateway = subprocess.Popen(
            [sys.executable, "-m", _GATEWAY, str(running.gateway_port), options.stage],
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    _await_url(f"http://127.0.0.1:{running.gateway_port}/config.json", gateway, options.state / "gateway.log")
    return gateway


def _await_health(process: subprocess.Popen[bytes], port: int, state: Path) -> None:
    _await_url(f"http://127.0.0.1:{port}/_ministack/health", process, state / "ministack.log")


def _await_url(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ServiceError(f"{url} did not come up; the end of {log}:\n{log.read_text(errors='replace')[-1500:]}")


def _cdk(options: Options, command: list[str], environment: Mapping[str, str], what: str) -> None:
    log = options.state / f"cdk-{what}.log"
    with log.open("wb") as out:
        code = subprocess.run(
            command, cwd=options.root, env=environment, stdout=out, stderr=out, check=False
        ).returncode
    if code != 0:
        said = log.read_text(errors="replace")[-2500:].strip()
        raise ServiceError(f"cdk {what} failed; the end of {log}:\n{said}\n{_AFRESH}")


def _end(pid: int, module: str) -> None:
    """Ask the process group of one of our processes to end, and insist."""
    for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, 5)):
        if not runs(pid, module):
            return
        try:
            os.killpg(pid, number)
        except (ProcessLookupError, PermissionError):
            return
        deadline = time.monotonic() + seconds
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ports(state: Path) -> tuple[int, int]:
    """Those that the state had, so that shells which were told of them find it again. ministack keeps queues by their
    addresses, in which its port stands: under another one no function would be given a message. Raises ConflictError
    when somebody else has that port."""
    told = (state / "env").read_text() if (state / "env").exists() else ""
    port, gateway_port = (_port_in(told, name) for name in ("AWS_ENDPOINT_URL", "TRUEUP_WORKBENCH_URL"))
    if port is not None and not _is_free(port):
        raise ConflictError(
            f"port {port}, by which the queues of {state} go, is taken: end what listens there, or trueup local reset"
        )
    kept = gateway_port if gateway_port is not None and _is_free(gateway_port) else None
    return port or _free_port(), kept or _free_port()


def _port_in(environment: str, name: str) -> int | None:
    found = re.search(rf"^export {name}=http://127\.0\.0\.1:(\d+)$", environment, re.MULTILINE)
    return int(found[1]) if found else None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # What just ended leaves connections behind that do not stand in a listener's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _write_running(state: Path, running: Running) -> None:
    (state / "running.json").write_text(json.dumps(asdict(running)))


def _write_env(state: Path, running: Running) -> None:
    lines = [f"export {key}={value}\n" for key, value in aws_environment(running).items()]
    (state / "env").write_text("".join(lines))


@contextmanager
def _lock(state: Path) -> Iterator[None]:
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(f"another command works on {state}") from error
        yield
