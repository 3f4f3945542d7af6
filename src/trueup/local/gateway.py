"""The local CloudFront: serves the workbench's bucket, its API and Cognito from one loopback origin.

usage: python -m trueup.local.gateway PORT STAGE, with the AWS variables of the embedded AWS.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlparse

from trueup.adapters.aws.clients import Clients
from trueup.errors import NotFoundError, TrueupError
from trueup.local.processes import follow
from trueup.settings import Deployment
from trueup.wiring.operator import operator

_HOP_HEADERS = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"})


class Origin:
    """What CloudFront's behaviours lead to."""

    def __init__(self, stage: str, endpoint_url: str) -> None:
        self._stage = stage
        self.endpoint = urlparse(endpoint_url)
        self.clients = Clients()

    @cached_property
    def deployment(self) -> Deployment:
        return operator(self._stage, self.clients).deployment

    @property
    def api_host(self) -> str:
        """ministack tells HTTP APIs apart by the Host header, which is that of the API's own address."""
        return urlparse(self.deployment.api_url).netloc

    def page(self, path: str) -> tuple[bytes, str]:
        key = path.lstrip("/") or "index.html"
        answer = self.clients["s3"].get_object(Bucket=self.deployment.workbench_bucket, Key=key)
        data: bytes = answer["Body"].read()
        if key == "config.json":
            data = json.dumps({**json.loads(data), "cognitoEndpoint": "/cognito/"}).encode()
        return data, answer["ContentType"]

    def headers(self, origin: str) -> dict[str, str]:
        """CloudFront's headers; payloads come from the embedded S3, which has another address."""
        policy = self.deployment.workbench_headers.get("content-security-policy", "")
        local = f"http://{self.endpoint.netloc}"
        for directive in ("img-src", "connect-src", "media-src"):
            policy = policy.replace(f"{directive} ", f"{directive} {local} ")
        return {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "x-frame-options": "DENY",
            "x-served-from": origin,
        }


def handler_for(origin: Origin) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class made in place
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.partition("?")[0]
            try:
                if path.startswith("/api/"):
                    self._forward(self.path, body, origin.api_host)
                elif path.startswith("/cognito/"):
                    self._forward("/", body, origin.endpoint.netloc)
                else:
                    self._page(path)
            except (TrueupError, OSError) as error:
                self._send(502, str(error).encode(), {"content-type": "text/plain"})

        def _page(self, path: str) -> None:
            try:
                data, kind = origin.page(path)
            except origin.clients["s3"].exceptions.NoSuchKey:
                self._send(404, b"not found", {"content-type": "text/plain"})
                return
            self._send(200, data, {"content-type": kind, **origin.headers("bucket")})

        def _forward(self, path: str, body: bytes, host: str) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", origin.endpoint.port or 80, timeout=60)
            sent = {key: value for key, value in self.headers.items() if key.lower() not in {"host", *_HOP_HEADERS}}
            try:
                connection.request(self.command, path, body, {**sent, "Host": host})
                response = connection.getresponse()
                data = response.read()
                headers = {key: value for key, value in response.getheaders() if key.lower() not in _HOP_HEADERS}
                self._send(response.status, data, headers)
            finally:
                connection.close()

        def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """ministack's log has the requests."""

    return Handler


def main() -> None:
    port, stage = int(sys.argv[1]), sys.argv[2]
    origin = Origin(stage, os.environ["AWS_ENDPOINT_URL"])
    if "TRUEUP_LOCAL_PARENT" in os.environ:
        follow(int(os.environ["TRUEUP_LOCAL_PARENT"]), lambda: os._exit(0))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler_for(origin))
    except NotFoundError as error:
        sys.exit(str(error))
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
