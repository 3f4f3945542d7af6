"""Training and processing jobs: real scripts under the /opt/ml contract, and every way they end."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.local_world import ROLE, InMemoryWorld, archive, stand_in, until
from trueup.local.launcher.sagemaker.errors import AwsError
from trueup.local.launcher.sagemaker.service import SageMaker
from trueup.local.launcher.sagemaker.store import Store

ENDED = ("Completed", "Failed", "Stopped")
LOOK_AROUND = """
import json, os, pathlib, sys
seen = {
    "arguments": sys.argv[1:],
    "train": sorted(p.name for p in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir()),
    "environment": {k: v for k, v in os.environ.items() if k.startswith("SM_") or k == "COLOUR"},
    "config": {p.name: json.loads(p.read_text()) for p in pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"]).iterdir()},
}
print("accuracy=0.5"); print("accuracy=0.75")
pathlib.Path(os.environ["SM_MODEL_DIR"], "seen.json").write_text(json.dumps(seen))
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "notes.txt").write_text("notes")
"""
FAIL = """
import os, pathlib
pathlib.Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("the data are bad")
raise SystemExit(3)
"""
WAIT = """
import os, pathlib, time
pathlib.Path(os.environ["SM_MODEL_DIR"], "half.txt").write_text("half")
time.sleep(60)
"""


def request(name: str = "train", **changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
        },
        "HyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": '"s3://bucket/code.tar.gz"',
            "depth": "3",
            "kind": '"forest"',
        },
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/data/train"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 30},
        **changes,
    }


def train(sagemaker: SageMaker, world: InMemoryWorld, script: str, **changes: Any) -> dict[str, Any]:
    """Run a training job to its end; returns its description."""
    world.objects["s3://bucket/code.tar.gz"] = archive({"train.py": script})
    world.objects.setdefault("s3://bucket/data/train/a.csv", b"1,2")
    sagemaker.call("CreateTrainingJob", request(**changes))
    return ended(sagemaker)


def ended(sagemaker: SageMaker, name: str = "train") -> dict[str, Any]:
    found: dict[str, Any] = until(lambda: over(sagemaker, name))
    return found


def over(sagemaker: SageMaker, name: str) -> dict[str, Any] | None:
    found = sagemaker.call("DescribeTrainingJob", {"TrainingJobName": name})
    return found if found["TrainingJobStatus"] in ENDED else None


@pytest.mark.slow
def test_a_script_sees_what_sagemaker_shows_it(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    world.objects["s3://bucket/data/train/deep/b.csv"] = b"3,4"
    world.objects["s3://bucket/data/train/"] = b""
    job = train(sagemaker, world, LOOK_AROUND, Environment={"COLOUR": "blue"})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == "s3://bucket/models/train/output/model.tar.gz"
    seen = json.loads(member(world.objects[uri], "seen.json"))
    assert seen["arguments"] == ["--depth", "3", "--kind", "forest"]
    assert seen["train"] == ["a.csv", "deep"]
    assert seen["environment"]["SM_HP_DEPTH"] == "3"
    assert seen["environment"]["SM_HP_KIND"] == "forest"
    assert json.loads(seen["environment"]["SM_HPS"]) == {"depth": 3, "kind": "forest"}
    assert json.loads(seen["environment"]["SM_CHANNELS"]) == ["train"]
    assert seen["environment"]["COLOUR"] == "blue"
    assert seen["config"]["hyperparameters.json"] == request()["HyperParameters"]
    assert seen["config"]["inputdataconfig.json"]["train"]["TrainingInputMode"] == "File"
    assert seen["config"]["resourceconfig.json"]["hosts"] == ["algo-1"]
    assert member(world.objects["s3://bucket/models/train/output/output.tar.gz"], "notes.txt") == b"notes"
    assert [(each["MetricName"], each["Value"]) for each in job["FinalMetricDataList"]] == [("accuracy", 0.75)]


@pytest.mark.slow
def test_a_job_tells_where_it_is(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    job = train(sagemaker, world, "pass")
    steps = ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert [each["Status"] for each in job["SecondaryStatusTransitions"]] == steps
    assert all("EndTime" in each for each in job["SecondaryStatusTransitions"][:-1])
    until(lambda: world.told("SageMaker Training Job State Change", "SecondaryStatus") == steps)
    assert world.told("SageMaker Training Job State Change", "TrainingJobStatus") == ["InProgress", "Completed"]
    (listed,) = sagemaker.call("ListTrainingJobs", {"StatusEquals": "Completed"})["TrainingJobSummaries"]
    assert listed["TrainingJobName"] == "train"
    assert sagemaker.call("ListTrainingJobs", {"NameContains": "other"})["TrainingJobSummaries"] == []


@pytest.mark.slow
def test_the_failure_file_is_the_reason(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    job = train(sagemaker, world, FAIL)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 3")
    assert "the data are bad" in job["FailureReason"]
    reasons = "SageMaker Training Job State Change", "FailureReason"
    until(lambda: world.told(*reasons)[-1:] == [job["FailureReason"]])
    assert job["ModelArtifacts"]["S3ModelArtifacts"] not in world.objects


@pytest.mark.slow
def test_without_one_the_log_is(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    assert "ZeroDivisionError" in train(sagemaker, world, "1 / 0")["FailureReason"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"HyperParameters": {}}, "sagemaker_submit_directory"),
        ({"HyperParameters": {**request()["HyperParameters"], "sagemaker_submit_directory": "s3://bucket/no"}}, "no"),
        ({"HyperParameters": {**request()["HyperParameters"], "sagemaker_submit_directory": "s3://bucket/bad"}}, "not"),
        (
            {
                "InputDataConfig": [
                    {
                        "ChannelName": "train",
                        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/none"}},
                    }
                ]
            },
            "No S3 objects found under S3 URL 's3://bucket/none'",
        ),
        (
            {
                "InputDataConfig": [
                    {
                        "ChannelName": "train",
                        "DataSource": {
                            "FileSystemDataSource": {
                                "FileSystemId": "fs-0123456789a",
                                "FileSystemAccessMode": "ro",
                                "FileSystemType": "EFS",
                                "DirectoryPath": "/",
                            }
                        },
                    }
                ]
            },
            "S3DataSource",
        ),
        (
            {
                "AlgorithmSpecification": {
                    "TrainingInputMode": "File",
                    "TrainingImage": "image",
                    "MetricDefinitions": [{"Name": "a", "Regex": "("}],
                }
            },
            "unterminated",
        ),
    ],
)
def test_whatever_goes_wrong_ends_the_job_with_a_reason(
    sagemaker: SageMaker, world: InMemoryWorld, changes: dict[str, Any], said: str
) -> None:
    world.objects["s3://bucket/bad"] = b"no archive"
    job = train(sagemaker, world, "pass", **changes)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert said in job["FailureReason"]


@pytest.mark.slow
def test_a_stopped_job_keeps_the_model_that_it_had(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    world.objects["s3://bucket/code.tar.gz"] = archive({"train.py": WAIT})
    world.objects["s3://bucket/data/train/a.csv"] = b"1"
    sagemaker.call("CreateTrainingJob", request())
    until(lambda: (world.settings.state / "sagemaker" / "training" / "train" / "model" / "half.txt").is_file())
    sagemaker.call("StopTrainingJob", {"TrainingJobName": "train"})
    job = ended(sagemaker)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert member(world.objects[job["ModelArtifacts"]["S3ModelArtifacts"]], "half.txt") == b"half"
    with pytest.raises(AwsError, match="in status Stopped"):
        sagemaker.call("StopTrainingJob", {"TrainingJobName": "train"})


@pytest.mark.slow
def test_a_job_is_stopped_at_its_time_limit(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    job = train(sagemaker, world, WAIT, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


@pytest.mark.slow
def test_names_are_unique_and_instances_are_limited(tmp_path: Path) -> None:
    world = InMemoryWorld(tmp_path, training_instances=1)
    sagemaker = stand_in(world)
    train(sagemaker, world, "pass")
    with pytest.raises(AwsError) as taken:
        sagemaker.call("CreateTrainingJob", request())
    assert taken.value.code == "ResourceInUse"
    world.objects["s3://bucket/code.tar.gz"] = archive({"train.py": WAIT})
    sagemaker.call("CreateTrainingJob", request("second"))
    with pytest.raises(AwsError) as over_quota:
        sagemaker.call("CreateTrainingJob", request("third"))
    assert over_quota.value.code == "ResourceLimitExceeded"
    assert "'ml.m5.large for training job usage' is 1 Instances, with current utilization of 1" in (
        over_quota.value.message
    )
    sagemaker.close()


def test_a_job_that_a_restart_cut_short_has_failed(tmp_path: Path) -> None:
    store = Store(tmp_path / "sagemaker.json")
    store.put("training-job", "train", {**request(), "TrainingJobStatus": "InProgress", "CreationTime": 1.0})
    sagemaker = stand_in(InMemoryWorld(tmp_path))
    found = Store(tmp_path / "sagemaker.json").get("training-job", "train") or {}
    assert found["TrainingJobStatus"] == "Failed"
    assert "restarted" in found["FailureReason"]
    sagemaker.close()


@pytest.mark.slow
def test_a_processing_job_maps_its_folders(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    script = "import sys; a, b = sys.argv[1:]; open(b + '/out.txt', 'w').write(open(a + '/in.txt').read() * 2)"
    world.objects["s3://bucket/in/in.txt"] = b"x"
    folder = "/opt/ml/processing"
    sagemaker.call("CreateProcessingJob", processing([script, f"{folder}/in", f"{folder}/out"]))
    job = until(lambda: processed(sagemaker))
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert world.objects["s3://bucket/out/out.txt"] == b"xx"
    until(lambda: world.told("SageMaker Processing Job State Change", "ProcessingJobStatus") == ["Completed"])


@pytest.mark.slow
def test_a_processing_job_fails_with_its_log(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    world.objects["s3://bucket/in/in.txt"] = b"x"
    sagemaker.call("CreateProcessingJob", processing(["raise ValueError('no')"]))
    job = until(lambda: processed(sagemaker))
    assert job["ProcessingJobStatus"] == "Failed"
    assert "ValueError: no" in job["FailureReason"]


def processing(words: list[str]) -> dict[str, Any]:
    folder = "/opt/ml/processing"
    source = {"S3Uri": "s3://bucket/in", "LocalPath": f"{folder}/in", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    target = {"S3Uri": "s3://bucket/out", "LocalPath": f"{folder}/out", "S3UploadMode": "EndOfJob"}
    return {
        "ProcessingJobName": "judge",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["python3", "-c", *words]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        "ProcessingInputs": [{"InputName": "in", "S3Input": source}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": target}]},
    }


def processed(sagemaker: SageMaker) -> dict[str, Any] | None:
    found = sagemaker.call("DescribeProcessingJob", {"ProcessingJobName": "judge"})
    return found if found["ProcessingJobStatus"] in ENDED else None


def member(packed: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(packed)) as bundle:
        found = bundle.extractfile(name)
        assert found is not None
        return found.read()
