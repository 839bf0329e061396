"""The demo's sender against a small HTTP server of the test's own."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from deploy.lab.demo.game.payloads import Request
from deploy.lab.demo.game.play import read_demo
from deploy.lab.demo.game.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: ClassVar[list[tuple[int, dict[str, str], bytes]]] = []
    seen: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status, headers, answer = self.answers.pop(0) if self.answers else (200, {}, b"{}")
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Handler.answers, Handler.seen = [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def sender(server: ThreadingHTTPServer, messages: list[str]) -> Sender:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    return Sender(url, {"public_token": "pub", "pl_ik": "pl_ik_1", "pl_mgmt": "m"}, messages.append)


def test_each_surface_gets_its_credential(server: ThreadingHTTPServer) -> None:
    posted = sender(server, [])
    posted.put(Request("/api/events", "application/msgpack", "public_token", b"\x80", 1))
    posted.put(Request("/api/telemetry", "application/json", "pl_ik", b"{}", 2))
    posted.put(Request("/api/webhooks/discord", "application/json", "pl_mgmt", b"{}", 0))
    posted.close(5)
    (_, s4, _), (_, s1, _), (path, discord, _) = Handler.seen
    assert (path, "authorization" in discord) == ("/api/webhooks/discord?key=m", False)
    assert s4["x-public-token"] == "pub"
    assert s1["authorization"] == "Bearer pl_ik_1"
    assert posted.delivered.events == 3


def test_a_full_bucket_is_waited_out_and_tried_again(server: ThreadingHTTPServer) -> None:
    Handler.answers = [
        (429, {"retry-after": "0.05"}, b"{}"),
        (429, {}, b'{"error": "Rate limit exceeded", "retryAfterMs": 50, "scope": "ip"}'),
        (503, {"Retry-After": "0"}, b"{}"),
    ]
    posted = sender(server, [])
    posted.put(Request("/api/events", "application/msgpack", "public_token", b"\x80", 1))
    posted.close(5)
    assert [body for _, _, body in Handler.seen] == [b"\x80"] * 4
    assert posted.delivered.waited == 3
    assert posted.delivered.requests == 1


def test_a_refusal_is_shown_once_and_dropped(server: ThreadingHTTPServer) -> None:
    Handler.answers = [(400, {}, b'{"error": "invalid_payload"}')] * 2
    messages: list[str] = []
    posted = sender(server, messages)
    for _ in range(2):
        posted.put(Request("/api/events", "application/msgpack", "public_token", b"\x80", 1))
    posted.close(5)
    assert posted.delivered.refused == 2
    assert len(messages) == 1


def test_while_nobody_answers_nothing_is_lost_until_it_is_closed(server: ThreadingHTTPServer) -> None:
    port = server.server_address[1]
    messages: list[str] = []
    absent = Sender("http://127.0.0.1:1", {"public_token": "pub"}, messages.append)
    absent.put(Request("/api/events", "application/msgpack", "public_token", b"\x80", 1))
    absent.close(0.2)
    assert absent.delivered.given_up == 1
    assert "no answer" in messages[0]
    assert port != 1


def test_a_file_that_is_no_demo_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    path.write_text('{"games": []}')
    with pytest.raises(ValueError, match=r"demo\.json"):
        read_demo(path)
