"""SageMaker Lineage: artifacts, actions, contexts, and associations between them.

What is there is looked up first: of a URI there is one artifact, and SageMaker may have made it. Making one that
exists is an error whose code the documentation does not tell; it can only come of two who make it at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, message_of, translated
from trueup.errors import ConflictError, NotFoundError, ServiceError
from trueup.lineage.mirror import Association, Entity, limited
from trueup.ports import ModelLineage

_EXISTS = ("already exists", "must be unique")
_FULL = "ResourceLimitExceeded"
_WHAT_TO_DO = "ask AWS for a higher limit of lineage entities, or set lineage.sagemaker to false; then trueup redrive"


class SageMakerLineage(ModelLineage):
    def __init__(self, client: Any) -> None:
        self._client = client
        self._makers = {
            "artifact": self._artifact,
            "action": self._action,
            "context": self._context,
            "job": self._job,
        }

    def mirror(self, entities: Sequence[Entity], associations: Sequence[Association]) -> tuple[str, ...]:
        arns = {each.source: self._makers[each.kind](each) for each in entities}
        for each in associations:
            source, destination = arns.get(each.source), arns.get(each.destination)
            if source and destination:
                self._associate(source, destination, each.bond)
        return tuple(source for source, arn in arns.items() if arn is None)

    def _artifact(self, entity: Entity) -> str:
        found = self._call("list_artifacts", entity, SourceUri=entity.source)["ArtifactSummaries"]
        if not found:
            return self._new_artifact(entity)
        arn = str(found[0]["ArtifactArn"])
        if entity.properties:
            self._describe_artifact(arn, entity)
        return arn

    def _new_artifact(self, entity: Entity) -> str:
        source: dict[str, Any] = {"SourceUri": entity.source}
        if entity.digest:
            source["SourceTypes"] = [{"SourceIdType": "Custom", "Value": entity.digest}]
        made = self._call(
            "create_artifact",
            entity,
            ArtifactName=entity.name,
            ArtifactType=entity.type,
            Source=source,
            Properties=dict(entity.properties),
        )
        return str(made["ArtifactArn"])

    def _describe_artifact(self, arn: str, entity: Entity) -> None:
        """Beside what SageMaker, or somebody else, says of it: an update replaces all properties."""
        there = self._call("describe_artifact", entity, ArtifactArn=arn)
        wanted = limited({**entity.properties, **_others(there, entity)})
        if wanted != there.get("Properties", {}) or there.get("ArtifactName") != entity.name:
            self._call("update_artifact", entity, ArtifactArn=arn, ArtifactName=entity.name, Properties=wanted)

    def _action(self, entity: Entity) -> str:
        there = self._known("describe_action", entity, ActionName=entity.name)
        if there is None:
            made = self._call(
                "create_action",
                entity,
                ActionName=entity.name,
                ActionType=entity.type,
                Source={"SourceUri": entity.source},
                Status=entity.status,
                Properties=dict(entity.properties),
            )
            return str(made["ActionArn"])
        if (there.get("Status"), there.get("Properties", {})) != (entity.status, dict(entity.properties)):
            self._call(
                "update_action",
                entity,
                ActionName=entity.name,
                Status=entity.status,
                Properties=dict(entity.properties),
                PropertiesToRemove=sorted(set(there.get("Properties", {})) - set(entity.properties)),
            )
        return str(there["ActionArn"])

    def _context(self, entity: Entity) -> str:
        found = self._call("list_contexts", entity, SourceUri=entity.source)["ContextSummaries"]
        if found:
            return str(found[0]["ContextArn"])
        made = self._call(
            "create_context",
            entity,
            ContextName=entity.name,
            ContextType=entity.type,
            Source={"SourceUri": entity.source},
            Properties=dict(entity.properties),
        )
        return str(made["ContextArn"])

    def _job(self, entity: Entity) -> str | None:
        """SageMaker's trial component of a job."""
        found = self._call("list_trial_components", entity, SourceArn=entity.source)["TrialComponentSummaries"]
        return str(found[0]["TrialComponentArn"]) if found else None

    def _associate(self, source: str, destination: str, bond: str) -> None:
        """An association has no type that could be changed, so whichever is there stays."""
        what = f"the association of {source} with {destination}"
        with translated(f"looking for {what}"):
            found = self._client.list_associations(SourceArn=source, DestinationArn=destination)
        if found["AssociationSummaries"]:
            return
        with translated(f"making {what}"), _within_limits():
            try:
                self._client.add_association(SourceArn=source, DestinationArn=destination, AssociationType=bond)
            except ClientError as error:
                if not _says_exists(error):
                    raise

    def _known(self, operation: str, entity: Entity, **request: Any) -> dict[str, Any] | None:
        try:
            return self._call(operation, entity, **request)
        except NotFoundError:
            return None

    def _call(self, operation: str, entity: Entity, **request: Any) -> dict[str, Any]:
        with translated(f"mirroring the {entity.kind} of {entity.source} into SageMaker Lineage"), _within_limits():
            try:
                answer: dict[str, Any] = getattr(self._client, operation)(**request)
            except ClientError as error:
                if operation.startswith("create") and _says_exists(error):
                    raise ConflictError(f"somebody else made {entity.name} meanwhile: {message_of(error)}") from error
                raise
        return answer


class _within_limits:  # noqa: N801 - reads as a statement
    """What to do when an account holds as many lineage entities as it may."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ClientError) and code_of(error) == _FULL:
            raise ServiceError(f"{message_of(error)}: {_WHAT_TO_DO}") from error


def _others(there: Mapping[str, Any], entity: Entity) -> dict[str, str]:
    found: Mapping[str, str] = there.get("Properties", {})
    return {key: value for key, value in found.items() if key not in entity.properties}


def _says_exists(error: ClientError) -> bool:
    return any(each in message_of(error).lower() for each in _EXISTS)
