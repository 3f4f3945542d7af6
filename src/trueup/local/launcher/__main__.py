"""Start ministack with the stand-in and the patches. Settings come from TRUEUP_LOCAL_* variables."""

from __future__ import annotations

import atexit
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

# Lambda workers inherit the environment: with our source path in it they would import the repository instead
# of what their package holds.
os.environ.pop("PYTHONPATH", None)

from ministack import app

from trueup.local.launcher import patches
from trueup.local.launcher.bucket_deployment import BucketDeployments
from trueup.local.launcher.sagemaker.service import SageMaker
from trueup.local.launcher.sagemaker.store import Store
from trueup.local.launcher.sagemaker.world import Settings, World


def settings() -> Settings:
    environ = os.environ
    return Settings(
        endpoint_url=f"http://127.0.0.1:{environ['GATEWAY_PORT']}",
        region=environ.get("MINISTACK_REGION", "us-east-1"),
        state=Path(environ["TRUEUP_LOCAL_STATE"]),
        python=environ["TRUEUP_LOCAL_PYTHON"],
        serving_script=Path(__file__).resolve().parent.parent / "serving.py",
        capture_seconds=float(environ.get("TRUEUP_LOCAL_CAPTURE_SECONDS", "2")),
        wait_scale=float(environ.get("TRUEUP_LOCAL_WAIT_SCALE", "0.01")),
    )


def follow_parent(pid: int) -> None:
    """End with the process that asked for us, however it ends."""
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        time.sleep(0.5)


def allow_many_files() -> None:
    """Every waiting long poll and every warm function holds descriptors: take as many as we may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    allow_many_files()
    world = World(settings(), patches.emit_aws_event)
    store = Store(world.settings.state / "sagemaker.json")
    patches.report_lambda_errors_by_class()
    patches.count_loopback_as_tls()
    sagemaker = SageMaker(world, store)
    patches.serve_sagemaker(sagemaker)
    patches.let_workflows_call_sagemaker(sagemaker)
    patches.provision_missing_types(sagemaker, BucketDeployments(world).handlers())
    atexit.register(sagemaker.close)
    parent = os.environ.get("TRUEUP_LOCAL_PARENT")
    if parent:
        threading.Thread(target=follow_parent, args=(int(parent),), daemon=True).start()
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
