"""As much of S3, DynamoDB and SQS as one call of a function needs, on this machine's own interface: it keeps what is
put into the table, answers at once, and checks nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Item = Mapping[str, Any]


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Loopback

    def do_GET(self) -> None:
        self._say(self.server.objects.get(self.path.partition("?")[0], b""), "application/octet-stream")

    def do_PUT(self) -> None:
        self._body()
        self._say(b"", "text/plain")

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        answer = getattr(self, f"_{operation}", self._nothing)(json.loads(self._body() or b"{}"))
        self._say(json.dumps(answer).encode(), "application/x-amz-json-1.0")

    def _nothing(self, _request: Item) -> Item:
        return {}

    def _GetItem(self, request: Item) -> Item:  # noqa: N802 - the operation's name
        found = self.server.items.get(_key(request["Key"]))
        return {"Item": found} if found else {}

    def _BatchGetItem(self, request: Item) -> Item:  # noqa: N802
        ((table, wanted),) = request["RequestItems"].items()
        found = [self.server.items[_key(each)] for each in wanted["Keys"] if _key(each) in self.server.items]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def _TransactWriteItems(self, request: Item) -> Item:  # noqa: N802
        for action in request["TransactItems"]:
            item = action.get("Put", {}).get("Item")
            if item:
                self.server.items[_key(item)] = item
        return {}

    def _Query(self, _request: Item) -> Item:  # noqa: N802
        return {"Items": [], "Count": 0}

    def _SendMessageBatch(self, request: Item) -> Item:  # noqa: N802
        sent = [{"Id": each["Id"], "MessageId": each["Id"], "MD5OfMessageBody": ""} for each in request["Entries"]]
        return {"Successful": sent, "Failed": []}

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _say(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class Loopback(ThreadingHTTPServer):
    """`objects` maps /bucket/key to bytes."""

    daemon_threads = True

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.objects = objects
        self.items: dict[tuple[str, str], Item] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


@contextmanager
def loopback(objects: Mapping[str, bytes]) -> Iterator[Loopback]:
    server = Loopback(objects)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
