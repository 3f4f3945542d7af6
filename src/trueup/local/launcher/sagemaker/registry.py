"""Model package groups and model packages, with the events of their approval."""

from __future__ import annotations

import threading
import time
from typing import Any

from trueup.local.launcher.sagemaker.errors import AwsError, in_use
from trueup.local.launcher.sagemaker.store import Store
from trueup.local.launcher.sagemaker.world import World

_GROUP = "model-package-group"
_PACKAGE = "model-package"


class ModelRegistry:
    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store
        self._numbering = threading.Lock()

    def create_group(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ModelPackageGroupName"]
        arn = self._world.arn(_GROUP, name)
        record = {
            "ModelPackageGroupName": name,
            "ModelPackageGroupArn": arn,
            "ModelPackageGroupStatus": "Completed",
            "CreationTime": time.time(),
            "CreatedBy": {},
        }
        if not self._store.add(_GROUP, name, record):
            raise in_use("Model package group", arn)
        return {"ModelPackageGroupArn": arn}

    def describe_group(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ModelPackageGroupName"].rsplit("/", 1)[-1]
        record = self._store.get(_GROUP, name)
        if record is None:
            raise AwsError("ValidationException", f"ModelPackageGroup {self._world.arn(_GROUP, name)} does not exist.")
        return record

    def delete_group(self, request: dict[str, Any]) -> dict[str, Any]:
        name = self.describe_group(request)["ModelPackageGroupName"]
        if self._packages(name):
            raise AwsError("ConflictException", f"Model package group {name} is not empty.")
        self._store.delete(_GROUP, name)
        return {}

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        if "ModelPackageGroupName" not in request:
            raise AwsError("ValidationException", "the SageMaker stand-in keeps packages in groups only")
        with self._numbering:
            return self._create(request)

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self.describe_group(request)["ModelPackageGroupName"]
        token = request.pop("ClientToken", None)
        for each in self._packages(group):
            if token and each.get("ClientToken") == token:
                return {"ModelPackageArn": each["ModelPackageArn"]}
        number = 1 + max((each["ModelPackageVersion"] for each in self._packages(group)), default=0)
        arn = self._world.arn(_PACKAGE, f"{group}/{number}")
        record = {
            **request,
            "ModelPackageGroupName": group,
            "ModelPackageName": group,
            "ModelPackageVersion": number,
            "ModelPackageArn": arn,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
            "CreationTime": time.time(),
            "ClientToken": token,
        }
        self._store.put(_PACKAGE, arn, record)
        self._emit(record)
        return {"ModelPackageArn": arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._store.get(_PACKAGE, request["ModelPackageName"])
        if record is None:
            raise AwsError("ValidationException", f"ModelPackage {request['ModelPackageName']} does not exist.")
        return {key: value for key, value in record.items() if key not in ("ClientToken", "Tags")}

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request.pop("ModelPackageArn")
        self.describe({"ModelPackageName": arn})
        changes = {**request, "LastModifiedTime": time.time()}
        self._emit(self._store.update(_PACKAGE, arn, **changes), tuple(request))
        return {"ModelPackageArn": arn}

    def summaries(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self._packages(request.get("ModelPackageGroupName"))
        if "ModelApprovalStatus" in request:
            found = [each for each in found if each["ModelApprovalStatus"] == request["ModelApprovalStatus"]]
        keys = (
            "ModelPackageGroupName",
            "ModelPackageVersion",
            "ModelPackageArn",
            "CreationTime",
            "ModelPackageStatus",
            "ModelApprovalStatus",
        )
        newest = sorted(found, key=lambda each: each["ModelPackageVersion"], reverse=True)
        newest = newest[: request.get("MaxResults", 100)]
        return {"ModelPackageSummaryList": [{key: each[key] for key in keys} for each in newest]}

    def _packages(self, group: str | None) -> list[dict[str, Any]]:
        found = self._store.all(_PACKAGE)
        return [each for each in found if group is None or each["ModelPackageGroupName"] == group]

    def _emit(self, record: dict[str, Any], updated: tuple[str, ...] = ()) -> None:
        detail: dict[str, Any] = {
            key: record[key]
            for key in (
                "ModelPackageArn",
                "ModelPackageGroupName",
                "ModelPackageName",
                "ModelPackageVersion",
                "ModelPackageStatus",
                "ModelApprovalStatus",
                "CustomerMetadataProperties",
            )
            if key in record
        }
        detail["CreationTime"] = int(record["CreationTime"] * 1000)
        if updated:
            detail["UpdatedModelPackageFields"] = list(updated)
        self._world.emit("SageMaker Model Package State Change", detail, record["ModelPackageArn"])
