"""Serves one model archive as SageMaker's scikit-learn container would. Standard library only; run as a script.

usage: serving.py MODEL_DIR PROGRAM. Loads MODEL_DIR/code/PROGRAM (model_fn, input_fn, predict_fn, output_fn; the
defaults of sagemaker-inference where one is missing), prints its port, answers GET /ping and POST /invocations.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any


def load(folder: Path, program: str) -> tuple[ModuleType, Any]:
    path = folder / "code" / program
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("inference", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{path} is not in the model archive")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, module.model_fn(str(folder))


def answer(module: ModuleType, model: Any, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
    data = module.input_fn(body, content_type)
    said = module.predict_fn(data, model) if hasattr(module, "predict_fn") else model.predict(data)
    written = module.output_fn(said, accept)
    payload, kind = written if isinstance(written, tuple) else (written, accept)
    return (payload.encode() if isinstance(payload, str) else payload), kind


def handler_for(module: ModuleType, model: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(200, b"", "application/json")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            accept = self.headers.get("Accept", "application/json")
            try:
                wanted = "application/json" if accept == "*/*" else accept
                payload, kind = answer(module, model, body, self.headers.get("Content-Type", ""), wanted)
                self._send(200, payload, kind)
            except (ValueError, TypeError, KeyError) as error:
                self._send(400, str(error).encode(), "text/plain")
            except Exception:
                traceback.print_exc()
                self._send(500, traceback.format_exc(limit=1).encode(), "text/plain")

        def log_message(self, *_: Any) -> None:
            """Quiet: the capture is the log."""

        def _send(self, status: int, payload: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

    return Handler


def main() -> None:
    folder, program = Path(sys.argv[1]), sys.argv[2]
    module, model = load(folder, program)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(module, model))
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
