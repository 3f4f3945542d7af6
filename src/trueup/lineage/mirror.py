"""A retraining in SageMaker Lineage's words: artifacts, actions, contexts, and associations between them.

SageMaker makes lineage entities of its jobs, model packages and endpoints by itself, by the URIs that these name, and
there is one artifact of a URI. So a version's artifact is that of the manifest which its training job reads: what we
tell of it and what SageMaker tells of the job meet there. An account holds 6,000 artifacts, 3,000 actions and 6,000
associations that were not made by SageMaker: versions that nobody trained on are not mirrored.

What is told follows from a run as it is now. Told again, or late, it is the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from trueup.labels.naming import counted
from trueup.lineage.facts import VersionFacts
from trueup.lineage.whereabouts import Whereabouts
from trueup.model import Record, RetrainingRun, RunStatus

# SageMaker's limits: names of 120 characters, 30 properties, of which a value has up to 2,500 (of artifacts 4,096).
_LONGEST_NAME, MOST_PROPERTIES, LONGEST_VALUE = 120, 30, 2500

Kind = Literal["artifact", "action", "context", "job"]
Bond = Literal["ContributedTo", "AssociatedWith", "DerivedFrom", "Produced", "SameAs"]
_STATUS = {
    RunStatus.RUNNING: "InProgress",
    RunStatus.AWAITING_APPROVAL: "InProgress",
    RunStatus.PROMOTING: "InProgress",
    RunStatus.PROMOTED: "Completed",
    RunStatus.REJECTED: "Stopped",
    RunStatus.ROLLED_BACK: "Failed",
    RunStatus.FAILED: "Failed",
}


class Entity(Record, frozen=True, kw_only=True):
    """What is to be there. `source` is the URI or ARN that it stands for, by which it is known; `type` is as SageMaker
    names those of its own. `digest` names the content. Entities without properties are left as they are where they are
    there already; a `job` is SageMaker's alone, and never made."""

    kind: Kind
    source: str
    name: str = ""
    type: str = ""
    digest: str = ""
    status: str = ""
    properties: Mapping[str, str] = {}


class Association(Record, frozen=True, kw_only=True):
    """From one entity to another, by their sources."""

    source: str
    destination: str
    bond: Bond


class Mirror(Record, frozen=True, kw_only=True):
    entities: tuple[Entity, ...]
    associations: tuple[Association, ...]


def mirrored(
    place: Whereabouts, run: RetrainingRun, facts: VersionFacts, trained_before: VersionFacts | None
) -> Mirror:
    """All that is known of a run, the version that it trains on, and the one that the run before it trained on."""
    found = _Told(place)
    version = found.version(facts)
    found.project(version)
    if trained_before is not None and trained_before.number < facts.number:
        found.bond(found.version(trained_before), version, "DerivedFrom")
    found.labeling(facts, version, trained_before)
    action = found.run(run, facts)
    found.bond(version, action, "ContributedTo")
    if run.training_job:
        found.bond(version, found.job(run.training_job), "ContributedTo")
    if run.model_package_arn:
        package = found.add(
            Entity(kind="artifact", source=run.model_package_arn, name=_name(place, run, "model"), type="Model")
        )
        found.bond(action, package, "Produced")
        if run.status is RunStatus.PROMOTED:
            found.bond(package, found.endpoint(), "ContributedTo")
    return Mirror(entities=tuple(found.entities.values()), associations=tuple(found.associations))


def limited(properties: Mapping[str, str]) -> dict[str, str]:
    """As many as SageMaker takes, in their order, cut where they are too long; empty ones are left out."""
    kept = [(key, value) for key, value in properties.items() if value][:MOST_PROPERTIES]
    return {key: value if len(value) <= LONGEST_VALUE else f"{value[: LONGEST_VALUE - 1]}…" for key, value in kept}


class _Told:
    """Entities by their sources, and the associations between them, as they are told."""

    def __init__(self, place: Whereabouts) -> None:
        self._place = place
        self.entities: dict[str, Entity] = {}
        self.associations: list[Association] = []

    def add(self, entity: Entity) -> str:
        self.entities[entity.source] = entity
        return entity.source

    def bond(self, source: str, destination: str, bond: Bond) -> None:
        self.associations.append(Association(source=source, destination=destination, bond=bond))

    def version(self, facts: VersionFacts) -> str:
        place = self._place
        return self.add(
            Entity(
                kind="artifact",
                source=place.manifest(facts.version_id),
                name=_named(place, facts.name),
                type="DataSet",
                digest=f"sha256:{facts.root}",
                properties=limited(_version_properties(place, facts)),
            )
        )

    def project(self, version: str) -> None:
        place = self._place
        properties = limited({"project": place.name, "stage": place.stage, "endpoint": place.project.endpoint_name})
        name = f"trueup-{place.stage}-{place.name}"
        context = self.add(Entity(kind="context", source=place.uri, name=name, type="Project", properties=properties))
        self.bond(version, context, "AssociatedWith")

    def labeling(self, facts: VersionFacts, version: str, before: VersionFacts | None) -> None:
        """What people did between the version that was trained on before and this one."""
        place = self._place
        since = {"since_version": before.name, "new_samples": str(facts.samples - before.samples)} if before else {}
        properties = {
            "version": facts.name,
            **since,
            "samples": str(facts.samples),
            "mean_agreement": f"{facts.agreement:g}",
            "reason": facts.reason,
            "committed_at": facts.created_at.isoformat(),
        }
        action = self.add(
            Entity(
                kind="action",
                source=f"{place.uri}/versions/{facts.version_id}",
                name=_named(place, f"labels-{facts.name}"),
                type="Labeling",
                status="Completed",
                properties=limited(properties),
            )
        )
        self.bond(action, version, "Produced")

    def run(self, run: RetrainingRun, facts: VersionFacts) -> str:
        properties = {
            "project": run.project,
            "run": run.run_id,
            "version": facts.name,
            "rule": run.rule,
            "reason": run.reason,
            "status": run.status.value,
            "outcome": run.outcome,
            "execution": run.execution_arn or "",
            "training_job": run.training_job or "",
            "endpoint_config": run.endpoint_config or "",
            "ended_at": run.ended_at.isoformat() if run.ended_at else "",
            **{name: f"{value:g}" for name, value in sorted(run.metrics.items())},
        }
        return self.add(
            Entity(
                kind="action",
                source=f"{self._place.uri}/runs/{run.run_id}",
                name=_name(self._place, run),
                type="Retraining",
                status=_STATUS[run.status],
                properties=limited(properties),
            )
        )

    def job(self, name: str) -> str:
        return self.add(Entity(kind="job", source=f"{self._place.sagemaker}:training-job/{name}"))

    def package(self, run: RetrainingRun, arn: str) -> str:
        return self.add(Entity(kind="artifact", source=arn, name=_name(self._place, run, "model"), type="Model"))

    def endpoint(self) -> str:
        place = self._place
        return self.add(Entity(kind="context", source=place.endpoint, name=_named(place, "endpoint"), type="Endpoint"))


def _version_properties(place: Whereabouts, facts: VersionFacts) -> dict[str, str]:
    return {
        "project": place.name,
        "version": facts.version_id,
        "number": str(facts.number),
        "content": facts.root,
        "label_schema": facts.schema_version,
        "samples": str(facts.samples),
        "labels": counted(facts.labels, LONGEST_VALUE),
        "splits": counted(facts.splits, LONGEST_VALUE),
        "mean_agreement": f"{facts.agreement:g}",
        "committed_at": facts.created_at.isoformat(),
        "parent": facts.parent or "",
    }


def _name(place: Whereabouts, run: RetrainingRun, what: str = "run") -> str:
    return _named(place, f"{what}-{run.run_id}")


def _named(place: Whereabouts, what: str) -> str:
    """A name of letters, digits and single inner hyphens."""
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", f"trueup-{place.stage}-{place.name}-{what}")
    return plain[:_LONGEST_NAME].strip("-")
