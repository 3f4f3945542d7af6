"""Where the pictures lie that a Label Studio server shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REGION = "eu-central-1"
KEY, SECRET = "studio", "studio-secret"


@dataclass(frozen=True)
class Pictures:
    """An S3 at an address of this machine."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to read there."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": "",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }

    def client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(s3={"addressing_style": "path"}),
        )
