"""A language model for tests: it names the first class whose name stands in the text, by the chat API that the emulated
Bedrock forwards to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Parrot(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"choices": [{"message": _answer(request)}], "usage": _USAGE}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


_USAGE = {"prompt_tokens": 12, "completion_tokens": 3}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    text = request["messages"][-1]["content"]
    (tool,) = request["tools"]
    names = tool["function"]["parameters"]["properties"]["label"]["enum"]
    label = next((each for each in names if each in text), None)
    if label is None:
        return {"role": "assistant", "content": "I cannot tell."}
    call = {"name": tool["function"]["name"], "arguments": json.dumps({"label": label})}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": call}]}


@contextmanager
def parrot() -> Iterator[str]:
    """The address at which it listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Parrot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
