"""Pin the version that a run trains on, and decide every name and argument of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from trueup.dataset.formats.augmented_manifest import lines as manifest_lines
from trueup.dataset.formats.augmented_manifest import payload_manifest
from trueup.dataset.frozen import read_frozen
from trueup.dataset.groups import key_of
from trueup.errors import InputError, NotFoundError
from trueup.model import Champion, DatasetVersion, LabelledSample, Project
from trueup.ports import Clock, DatasetStore, Journal, ModelRegistry, RunStore
from trueup.retraining.plan import Exports, Surroundings, job_name, retraining_plan
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import view_of


@dataclass(frozen=True)
class FreezeVersion:
    """Write the manifests of the run's version and return the plan that the state machine follows.

    With `gate.test` the test is that frozen set, with the labels that the version gives to its samples. Idempotent: the
    same run gives the same files and the same plan. Raises NotFoundError (run, version), InputError (a version without
    training or test samples, or no frozen test set of the name).
    """

    projects: Mapping[str, Project]
    surroundings: Callable[[str], Surroundings]
    datasets: DatasetStore
    runs: RunStore
    registry: ModelRegistry
    clock: Clock

    def __call__(self, project_name: str, run_id: str, execution_arn: str) -> dict[str, Any]:
        project = project_named(self.projects, project_name)
        run = self.runs.get(project.name, run_id)
        version = self.datasets.version(project.name, run.version_id)
        around = self.surroundings(project.name)
        exports = self._export(project, version, around)
        plan = retraining_plan(project, run, version, self._champion(project), exports, around)
        training_job = job_name(project.name, run.run_id)
        launched = msgspec.structs.replace(
            run,
            execution_arn=execution_arn,
            training_job=training_job,
            version_number=version.number,
            hyperparameters=plan["training"]["HyperParameters"],
        )
        self.runs.save(launched, Journal(at=self.clock.now()))
        return plan

    def _champion(self, project: Project) -> Champion | None:
        try:
            return self.registry.champion(project.endpoint_name)
        except NotFoundError:
            return None

    def _tested(self, project: Project, test: list[LabelledSample]) -> list[LabelledSample]:
        """Those of the test split that the gate looks at. What was forgotten is no test any more."""
        name = project.gate.test
        if name is None:
            return test
        records = [each for each in self.datasets.frozen(project.name) if each.name == name]
        if not records:
            raise InputError(
                f"gate.test of {project.name} is {name}, which is no frozen test set of it: trueup dataset freeze "
                f"VERSION --as {name}",
                field="gate.test",
            )
        (frozen,) = read_frozen(records, lambda sha256: self.datasets.part(project.name, sha256))
        held = frozen.holds(np.array([key_of(each.sample_id) for each in test], dtype=np.uint64))
        return [each for each, inside in zip(test, held, strict=True) if inside]

    def _export(self, project: Project, version: DatasetVersion, around: Surroundings) -> Exports:
        splits: dict[str, list[LabelledSample]] = {"train": [], "validation": [], "test": []}
        for each in view_of(self.datasets, project.name, version):
            splits[each.split].append(each)
        splits["test"] = self._tested(project, splits["test"])
        for name in ("train", "test"):
            if not splits[name]:
                raise InputError(f"version {version.number} of {project.name} has no {name} samples: label more first")
        prefix = f"s3://{around.dataset_bucket}/{project.name}/payloads/"

        def put(name: str, data: bytes) -> str:
            return self.datasets.put_export(project.name, version.version_id, name, data)

        def manifest(name: str) -> str:
            return put(f"{name}.manifest", b"".join(manifest_lines(splits[name], project.label_schema, project.name)))

        fitted: list[LabelledSample] = [*splits["train"], *splits["validation"]]
        return Exports(
            train=manifest("train"),
            validation=manifest("validation") if splits["validation"] else None,
            test=manifest("test"),
            payloads=put("payloads.json", payload_manifest(fitted, prefix)),
            test_payloads=put("test-payloads.json", payload_manifest(splits["test"], prefix)),
        )
