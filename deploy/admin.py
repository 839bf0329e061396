"""What every process shows its operator: `/metrics` for Prometheus and `/healthz`, on a port of its own.

Served from a thread, so that a stuck event loop still answers, and is seen to be stuck.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import prometheus_client

Health = Callable[[], Mapping[str, Any]]
"""Quick and safe to call from another thread.

`{"ok": bool, …}`; other keys, such as `lag`, are shown as they are, and beside them the process's `pid`.
"""

_PROCESS: Final = prometheus_client.Gauge("questlog_process", "This process, by its role", ["role"])


def name_process(role: str) -> None:
    """Show in the metrics which role this process has: edge, gateway, api or a worker's."""
    _PROCESS.labels(role).set(1)


def serve_admin(host: str, port: int, health: Health) -> None:
    """Serve until the process ends. Port 0 turns it off. Raises OSError where the port is taken."""
    if not port:
        return
    server = ThreadingHTTPServer((host, port), _handler(health))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(3600.0,), name="admin", daemon=True).start()


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, prometheus_client.generate_latest(), prometheus_client.CONTENT_TYPE_LATEST)
            elif self.path == "/healthz":
                state = {"pid": os.getpid(), **health()}
                self._answer(200 if state.get("ok") else 503, json.dumps(state).encode(), "application/json")
            else:
                self._answer(404, b"not found\n", "text/plain")

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Scrapes aren't worth a line each."""

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler
