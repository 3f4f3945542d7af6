"""Lineage: artifacts, actions, contexts, trial components, and associations between them.

Of jobs, model packages and endpoints the stand-in makes them by itself, as SageMaker does (Developer Guide, "Amazon
SageMaker AI-Created Tracking Entities"): by the URIs that they name, of which each has one artifact.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any

from trueup.local.launcher.sagemaker.errors import AwsError
from trueup.local.launcher.sagemaker.store import Record, Store
from trueup.local.launcher.sagemaker.world import World

_ARTIFACT, _ACTION, _CONTEXT = "artifact", "action", "context"
_COMPONENT, _BOND = "experiment-trial-component", "association"
_NOUNS = {_ARTIFACT: "Artifact", _ACTION: "Action", _CONTEXT: "Context", _COMPONENT: "TrialComponent"}
_JOBS = {"training-job": "SageMakerTrainingJob", "processing-job": "SageMakerProcessingJob"}
_MOST = 100


class Lineage:
    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store
        # Whether something is there is asked before it is made.
        self._making = threading.RLock()

    def notice(self, operation: str, request: Record, answer: Record) -> None:
        """What SageMaker makes of its own accord when something else was made."""
        with self._making:
            if operation == "CreateTrainingJob":
                sources = [each["DataSource"] for each in request.get("InputDataConfig", [])]
                inputs = [each["S3DataSource"]["S3Uri"] for each in sources if "S3DataSource" in each]
                output = f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}"
                self._job(answer["TrainingJobArn"], "training-job", inputs, output)
            if operation == "CreateProcessingJob":
                inputs = [each["S3Input"]["S3Uri"] for each in request.get("ProcessingInputs", []) if "S3Input" in each]
                outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
                written = outputs[0]["S3Output"]["S3Uri"] if outputs else ""
                self._job(answer["ProcessingJobArn"], "processing-job", inputs, written)
            if operation == "CreateModelPackage":
                self._artifact_of(answer["ModelPackageArn"], "Model")
            if operation == "CreateEndpoint":
                self._context_of(answer["EndpointArn"], "Endpoint")

    # ------------------------------------------------------------ artifacts

    def create_artifact(self, request: Record) -> Record:
        with self._making:
            uri = request["Source"]["SourceUri"]
            if any(each["Source"]["SourceUri"] == uri for each in self._store.all(_ARTIFACT)):
                raise AwsError("ValidationException", f"Artifact with source uri {uri} already exists.")
            return {"ArtifactArn": self._new_artifact(request)}

    def describe_artifact(self, request: Record) -> Record:
        return self._found(_ARTIFACT, request["ArtifactArn"])

    def update_artifact(self, request: Record) -> Record:
        arn = request["ArtifactArn"]
        there = self._found(_ARTIFACT, arn)
        self._store.update(_ARTIFACT, arn, **_changed(there, request, "ArtifactName"))
        return {"ArtifactArn": arn}

    def artifacts(self, request: Record) -> Record:
        return {"ArtifactSummaries": self._summaries(_ARTIFACT, request)}

    # ------------------------------------------------------------ actions and contexts

    def create_action(self, request: Record) -> Record:
        return {"ActionArn": self._named(_ACTION, request)}

    def describe_action(self, request: Record) -> Record:
        return self._found(_ACTION, self._arn(_ACTION, request["ActionName"]))

    def update_action(self, request: Record) -> Record:
        arn = self._arn(_ACTION, request["ActionName"])
        there = self._found(_ACTION, arn)
        self._store.update(_ACTION, arn, **_changed(there, request, "Status", "Description"))
        return {"ActionArn": arn}

    def create_context(self, request: Record) -> Record:
        return {"ContextArn": self._named(_CONTEXT, request)}

    def describe_context(self, request: Record) -> Record:
        return self._found(_CONTEXT, self._arn(_CONTEXT, request["ContextName"]))

    def contexts(self, request: Record) -> Record:
        return {"ContextSummaries": self._summaries(_CONTEXT, request)}

    def components(self, request: Record) -> Record:
        """Trial components, of one job where it is named."""
        source = request.get("SourceArn")
        found = [
            each
            for each in self._store.all(_COMPONENT)
            if source is None or each["TrialComponentSource"]["SourceArn"] == source
        ]
        return {"TrialComponentSummaries": found[: request.get("MaxResults", _MOST)]}

    # ------------------------------------------------------------ associations

    def associate(self, request: Record) -> Record:
        source, destination = request["SourceArn"], request["DestinationArn"]
        if all(_COMPONENT in each for each in (source, destination)):
            raise AwsError("ValidationException", "An association between two experiment entities is not allowed.")
        with self._making:
            for each in (source, destination):
                self._found(each.split(":")[5].split("/")[0], each)
            if not self._bond(source, destination, request.get("AssociationType", "AssociatedWith")):
                raise AwsError("ValidationException", f"Association of {source} and {destination} already exists.")
        return {"SourceArn": source, "DestinationArn": destination}

    def associations(self, request: Record) -> Record:
        wanted = ("SourceArn", "DestinationArn", "AssociationType")
        found = [
            each
            for each in self._store.all(_BOND)
            if all(each[name] == request[name] for name in wanted if name in request)
        ]
        return {"AssociationSummaries": found[: request.get("MaxResults", _MOST)]}

    def query(self, request: Record) -> Record:
        """From one entity along the associations, breadth first."""
        starts = request.get("StartArns", [])
        ways = {"Ascendants": (False,), "Descendants": (True,)}.get(request.get("Direction", "Both"), (False, True))
        edges: dict[tuple[str, str], Record] = {}
        seen: list[str] = []
        for forward in ways:
            self._walk(starts, forward, request.get("MaxDepth", 10), edges, seen)
        vertices = [self._vertex(each) for each in seen][: request.get("MaxResults", 50)]
        answer: Record = {"Vertices": vertices}
        if request.get("IncludeEdges", True):
            answer["Edges"] = list(edges.values())
        return answer

    def _walk(
        self, starts: list[str], forward: bool, depth: int, edges: dict[tuple[str, str], Record], seen: list[str]
    ) -> None:
        here, there = ("SourceArn", "DestinationArn") if forward else ("DestinationArn", "SourceArn")
        bonds, level, passed = self._store.all(_BOND), set(starts), set(starts)
        for _ in range(depth):
            steps = [each for each in bonds if each[here] in level]
            for each in steps:
                names = ("SourceArn", "DestinationArn", "AssociationType")
                edges[each["SourceArn"], each["DestinationArn"]] = {name: each[name] for name in names}
            level = {each[there] for each in steps} - passed
            passed |= level
            seen += sorted(level - set(seen))

    def _vertex(self, arn: str) -> Record:
        kind = arn.split(":")[5].split("/")[0]
        found = self._store.get(kind, arn) or {}
        return {"Arn": arn, "Type": found.get(f"{_NOUNS[kind]}Type", "")[:40], "LineageType": _NOUNS[kind]}

    # ------------------------------------------------------------ what all are made of

    def _job(self, arn: str, kind: str, inputs: list[str], output: str) -> None:
        name = f"{arn.rpartition('/')[2]}-aws-{kind}"
        component = self._arn(_COMPONENT, name.lower())
        record = {
            "TrialComponentName": name,
            "TrialComponentArn": component,
            "TrialComponentSource": {"SourceArn": arn, "SourceType": _JOBS[kind]},
            "CreationTime": time.time(),
        }
        self._store.put(_COMPONENT, component, record)
        for uri in inputs:
            self._bond(self._artifact_of(uri, "DataSet"), component, "ContributedTo")
        if output:
            self._bond(component, self._artifact_of(output, "Model"), "Produced")

    def _artifact_of(self, uri: str, kind: str) -> str:
        for each in self._store.all(_ARTIFACT):
            if each["Source"]["SourceUri"] == uri:
                return str(each["ArtifactArn"])
        return self._new_artifact({"Source": {"SourceUri": uri}, "ArtifactType": kind})

    def _context_of(self, uri: str, kind: str) -> None:
        digest = hashlib.sha256(uri.encode()).hexdigest()[:8]
        name = f"{uri.rpartition('/')[2]}-{digest}-aws-endpoint"
        if self._store.get(_CONTEXT, self._arn(_CONTEXT, name)) is None:
            self._named(_CONTEXT, {"ContextName": name, "ContextType": kind, "Source": {"SourceUri": uri}})

    def _new_artifact(self, request: Record) -> str:
        arn = self._arn(_ARTIFACT, hashlib.sha256(request["Source"]["SourceUri"].encode()).hexdigest()[:32])
        self._store.put(_ARTIFACT, arn, _made(request, ArtifactArn=arn))
        return arn

    def _named(self, kind: str, request: Record) -> str:
        noun = _NOUNS[kind]
        name = request[f"{noun}Name"]
        arn = self._arn(kind, name)
        if not self._store.add(kind, arn, _made(request, **{f"{noun}Arn": arn})):
            raise AwsError(
                "ValidationException",
                f"{noun} names must be unique within an AWS account and region. {noun} with name ({name}) already "
                "exists.",
            )
        return arn

    def _bond(self, source: str, destination: str, bond: str) -> bool:
        record = {
            "SourceArn": source,
            "DestinationArn": destination,
            "AssociationType": bond,
            "SourceType": str(self._vertex(source)["Type"]),
            "DestinationType": str(self._vertex(destination)["Type"]),
            "CreationTime": time.time(),
        }
        return self._store.add(_BOND, f"{source} {destination}", record)

    def _arn(self, kind: str, name: str) -> str:
        return name if name.startswith("arn:") else self._world.arn(kind, name.lower())

    def _found(self, kind: str, arn: str) -> Record:
        found = self._store.get(kind, arn)
        if found is None:
            raise AwsError("ResourceNotFound", f"{_NOUNS.get(kind, kind)} {arn} does not exist.")
        return found

    def _summaries(self, kind: str, request: Record) -> list[Record]:
        noun = _NOUNS[kind]
        fields = (f"{noun}Arn", f"{noun}Name", f"{noun}Type", "Source", "CreationTime", "LastModifiedTime")
        found = [each for each in self._store.all(kind) if _wanted(each, noun, request)]
        return [{key: each[key] for key in fields if key in each} for each in found][: request.get("MaxResults", _MOST)]


def _wanted(record: Record, noun: str, request: Record) -> bool:
    uri, kind = request.get("SourceUri"), request.get(f"{noun}Type")
    return uri in (None, record["Source"]["SourceUri"]) and kind in (None, record.get(f"{noun}Type"))


def _made(request: Record, **more: Any) -> Record:
    kept = {key: value for key, value in request.items() if key != "Tags"}
    return {**kept, **more, "CreationTime": time.time(), "LastModifiedTime": time.time()}


def _changed(there: Record, request: Record, *names: str) -> Record:
    """An update replaces all properties, and takes out those that it names."""
    changes: Record = {name: request[name] for name in names if name in request}
    properties: Record = request["Properties"] if "Properties" in request else there.get("Properties", {})
    gone = set(request.get("PropertiesToRemove", ()))
    changes["Properties"] = {key: value for key, value in properties.items() if key not in gone}
    return {**changes, "LastModifiedTime": time.time()}
