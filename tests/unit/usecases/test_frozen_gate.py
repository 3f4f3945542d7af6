"""The gate looks at the frozen test set that the configuration names."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.worlds import Loop, project
from trueup.dataset.guards import FORGOTTEN
from trueup.errors import InputError
from trueup.model import CommitPolicy, GatePolicy, Payload, Project, Removal, RetrainingRun, RunStatus
from trueup.ports import Journal
from trueup.retraining.plan import Surroundings
from trueup.usecases.freeze_test import FreezeTest
from trueup.usecases.freeze_version import FreezeVersion
from trueup.usecases.import_labels import ImportedLabel, ImportLabels
from trueup.usecases.making_versions import MakeVersion, Proposal, view_of

AROUND = Surroundings(
    dataset_bucket="b", key_arn="k", role_arn="r", code_uri="s3://b/code", image_uri="i", model_package_group="g"
)


def grown(test: str | None) -> Loop:
    """Thirty samples, whose test split is frozen, and thirty that came later."""
    config: Project = replace(project(), gate=GatePolicy(test=test), commit=CommitPolicy(test_share=0.4))
    loop = Loop(config)
    for first in (0, 30):
        labels = [
            ImportedLabel(payload=Payload(data=f"text {each}".encode(), content_type="text/plain"), label="cat")
            for each in range(first, first + 30)
        ]
        ImportLabels(loop.projects, loop.payloads, loop.datasets, loop.clock, loop.tasks)("pets", labels, "import")
        if not first:
            FreezeTest(loop.projects, loop.datasets, loop.clock)("pets", "1", "frozen-2026-11")
    return loop


def looked_at(loop: Loop) -> set[str]:
    """The samples that a run of head is tested on."""
    head = loop.datasets.head("pets")
    assert head is not None
    now = loop.clock.now()
    run = RetrainingRun(
        project="pets",
        run_id=f"v{head.number}",
        status=RunStatus.RUNNING,
        version_id=head.version_id,
        rule="count",
        reason="test",
        started_at=now,
    )
    loop.runs.begin(run, Journal(at=now))
    freeze = FreezeVersion(loop.projects, lambda _: AROUND, loop.datasets, loop.runs, loop.registry, loop.clock)
    freeze("pets", run.run_id, "arn")
    manifest = loop.datasets.objects[f"memory://pets/exports/{head.version_id}/test.manifest"].decode()
    return {each.sample_id for each in view_of(loop.datasets, "pets", head) if each.sample_id in manifest}


def split_of_test(loop: Loop, version: str) -> set[str]:
    held = view_of(loop.datasets, "pets", loop.datasets.version("pets", version))
    return {each.sample_id for each in held if each.split == "test"}


def test_models_of_all_months_are_tested_on_the_frozen_set() -> None:
    loop = grown("frozen-2026-11")
    assert looked_at(loop) == split_of_test(loop, "1") < split_of_test(loop, "2")


def test_without_one_the_version_s_own_test_counts() -> None:
    loop = grown(None)
    assert looked_at(loop) == split_of_test(loop, "2")


def test_what_was_forgotten_is_no_test_any_more() -> None:
    loop = grown("frozen-2026-11")
    gone, *rest = sorted(split_of_test(loop, "1"))
    make = MakeVersion(loop.datasets, loop.clock)
    make(loop.config, lambda _: Proposal(changes=[Removal(sample_id=gone, why=FORGOTTEN)]), "forgotten")
    assert looked_at(loop) == set(rest)


def test_a_set_that_was_never_frozen_is_said() -> None:
    with pytest.raises(InputError, match=r"gate\.test of pets is frozen-2027, which is no frozen test set of it"):
        looked_at(grown("frozen-2027"))
