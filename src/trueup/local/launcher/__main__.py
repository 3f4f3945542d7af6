"""Start ministack with the stand-in and the patches. Settings come from TRUEUP_LOCAL_* variables."""

from __future__ import annotations

import atexit
import os
import resource
import signal
import sys
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
from trueup.local.processes import follow


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


def allow_many_files() -> None:
    """Every waiting long poll and every warm function holds descriptors: take as many as we may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    allow_many_files()
    world = World(settings(), patches.emit_aws_event, patches.count_for_aws)
    store = Store(world.settings.state / "sagemaker.json")
    patches.report_lambda_errors_by_class()
    patches.count_loopback_as_tls()
    patches.name_sqs_permissions_as_aws()
    patches.keep_long_queues_quick()
    patches.name_bedrock_permissions_as_aws()
    patches.tell_the_partition_key()
    patches.accept_alarms_on_expressions()
    sagemaker = SageMaker(world, store)
    patches.serve_sagemaker(sagemaker)
    patches.let_workflows_call_sagemaker(sagemaker)
    patches.hold_workflows_to_their_role(sagemaker)
    patches.provision_missing_types(sagemaker, BucketDeployments(world).handlers())
    atexit.register(sagemaker.close)
    patches.keep_large_bytes_beside_the_state()
    patches.write_checkpoints(float(os.environ.get("TRUEUP_LOCAL_CHECKPOINT_SECONDS", "20")))
    if "TRUEUP_LOCAL_PARENT" in os.environ:
        follow(int(os.environ["TRUEUP_LOCAL_PARENT"]), lambda: os.kill(os.getpid(), signal.SIGTERM))
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
