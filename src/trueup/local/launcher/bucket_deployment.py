"""CDK's BucketDeployment: unpacks assets into a bucket, as its own function (which needs the AWS CLI) would."""

from __future__ import annotations

import mimetypes
import zipfile
from io import BytesIO
from typing import Any

from trueup.local.launcher.sagemaker.world import World


class BucketDeployments:
    """Resource handlers for Custom::CDKBucketDeployment."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handlers(self) -> dict[str, Any]:
        return {"create": self.create, "update": self.update, "delete": lambda *_: None}

    def create(self, logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        self._deploy(properties)
        return f"{stack}-{logical_id}", {"DestinationBucketArn": f"arn:aws:s3:::{properties['DestinationBucketName']}"}

    def update(
        self, physical_id: str, _old: dict[str, Any], properties: dict[str, Any], *_: Any
    ) -> tuple[str, dict[str, Any]]:
        self._deploy(properties)
        return physical_id, {"DestinationBucketArn": f"arn:aws:s3:::{properties['DestinationBucketName']}"}

    def _deploy(self, properties: dict[str, Any]) -> None:
        sources = zip(properties["SourceBucketNames"], properties["SourceObjectKeys"], strict=True)
        markers = properties.get("SourceMarkers") or [{}] * len(properties["SourceObjectKeys"])
        prefix = properties.get("DestinationBucketKeyPrefix", "").strip("/")
        s3 = self._world.client("s3")
        for (bucket, key), replacements in zip(sources, markers, strict=True):
            data = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            for name, content in _files(data, properties, key):
                filled = _replace(content, replacements or {})
                kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
                target = f"{prefix}/{name}" if prefix else name
                s3.put_object(Bucket=properties["DestinationBucketName"], Key=target, Body=filled, ContentType=kind)


def _files(data: bytes, properties: dict[str, Any], key: str) -> list[tuple[str, bytes]]:
    if str(properties.get("Extract", "true")).lower() == "false":
        return [(key.rsplit("/", 1)[-1], data)]
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return [(each.filename, archive.read(each)) for each in archive.infolist() if not each.is_dir()]


def _replace(content: bytes, markers: dict[str, Any]) -> bytes:
    """Markers stand for values that CloudFormation knows only when it deploys."""
    for marker, value in markers.items():
        content = content.replace(marker.encode(), str(value).encode())
    return content
