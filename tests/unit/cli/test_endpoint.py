"""endpoint attach and detach."""

from __future__ import annotations

from tests.unit.cli.conftest import FakeDeployed, Terminal, check_golden


def test_a_dry_run_prints_the_difference_and_touches_nothing(trueup: Terminal, place: FakeDeployed) -> None:
    check_golden("endpoint-attach", trueup.json("endpoint", "attach", "pets", "--dry-run"))
    said = trueup("endpoint", "attach", "pets", "--dry-run").stdout
    assert "+ DataCaptureConfig.DestinationS3Uri: s3://captures/pets\n" in said
    assert "- EndpointConfigName: pets-first\n" in said
    assert "  ProductionVariants[0].ModelName: pets-first\n" in said
    assert place.endpoints.serving["pets"] == "pets-first"
    assert list(place.endpoints.configs) == ["pets-first"]


def test_attach_keeps_everything_and_detach_puts_it_back(trueup: Terminal, place: FakeDeployed) -> None:
    before = place.endpoints.configs["pets-first"]
    result = trueup("endpoint", "attach", "pets", "--sampling", "25", "--yes")
    assert result.exit_code == 0
    now = place.endpoints.configs[place.endpoints.serving["pets"]]
    assert now["ProductionVariants"] == before["ProductionVariants"]
    assert now["KmsKeyId"] == before["KmsKeyId"]
    assert now["DataCaptureConfig"]["InitialSamplingPercentage"] == 25
    assert {"Key": "cost-centre", "Value": "42"} in now["Tags"]
    assert "s3:PutObject on s3://captures/pets/*" in result.stdout
    assert trueup("endpoint", "detach", "pets", "-y").exit_code == 0
    assert place.endpoints.serving["pets"] == "pets-first"


def test_attaching_twice_is_attaching_once(trueup: Terminal, place: FakeDeployed) -> None:
    trueup("endpoint", "attach", "pets", "--yes")
    first = place.endpoints.serving["pets"]
    again = trueup("endpoint", "attach", "pets", "--yes")
    assert again.exit_code == 0
    assert "nothing to change" in again.stdout
    assert place.endpoints.serving["pets"] == first


def test_another_sampling_rate_still_remembers_the_beginning(trueup: Terminal, place: FakeDeployed) -> None:
    trueup("endpoint", "attach", "pets", "--yes")
    trueup("endpoint", "attach", "pets", "--sampling", "10", "--yes")
    trueup("endpoint", "detach", "pets", "--yes")
    assert place.endpoints.serving["pets"] == "pets-first"


def test_detaching_after_a_promotion_keeps_the_new_model(trueup: Terminal, place: FakeDeployed) -> None:
    trueup("endpoint", "attach", "pets", "--yes")
    attached = place.endpoints.configs[place.endpoints.serving["pets"]]
    place.endpoints.configs["promoted"] = {
        **attached,
        "EndpointConfigName": "promoted",
        "EndpointConfigArn": "arn:memory:endpoint-config/promoted",
        "ProductionVariants": [{**attached["ProductionVariants"][0], "ModelName": "pets-better"}],
        "Tags": [{"Key": "trueup:run", "Value": "v1-abc"}],
    }
    place.endpoints.serving["pets"] = "promoted"
    assert trueup("endpoint", "attach", "pets", "--sampling", "20", "--yes").exit_code == 0
    assert trueup("endpoint", "detach", "pets", "--yes").exit_code == 0
    now = place.endpoints.configs[place.endpoints.serving["pets"]]
    assert now["ProductionVariants"][0]["ModelName"] == "pets-better"
    assert "DataCaptureConfig" not in now


def test_nobody_is_there_to_ask(trueup: Terminal, place: FakeDeployed) -> None:
    result = trueup("endpoint", "attach", "pets")
    assert result.exit_code == 2
    assert "add --yes" in result.stderr
    assert place.endpoints.serving["pets"] == "pets-first"


def test_what_was_never_attached_is_not_detached(trueup: Terminal) -> None:
    assert trueup("endpoint", "detach", "pets", "--yes").exit_code == 5


def test_somebody_elses_capture_is_left_alone(trueup: Terminal, place: FakeDeployed) -> None:
    place.endpoints.configs["pets-first"]["DataCaptureConfig"] = {
        "EnableCapture": True,
        "DestinationS3Uri": "s3://theirs/captures",
    }
    result = trueup("endpoint", "attach", "pets", "--yes")
    assert result.exit_code == 5
    assert "s3://theirs/captures" in result.stderr


def test_endpoints_that_capture_nothing_are_refused(trueup: Terminal, place: FakeDeployed) -> None:
    place.endpoints.configs["pets-first"]["ProductionVariants"][0]["ServerlessConfig"] = {"MaxConcurrency": 1}
    result = trueup("endpoint", "attach", "pets", "--yes")
    assert result.exit_code == 2
    assert "serverless" in result.stderr


def test_an_endpoint_of_no_project(trueup: Terminal) -> None:
    assert trueup("endpoint", "attach", "unknown", "--dry-run").exit_code == 4
    assert trueup("endpoint", "attach", "unknown", "--project", "pets", "--dry-run").exit_code == 2
    assert trueup("endpoint", "attach", "pets", "--project", "nobody", "--dry-run").exit_code == 4
