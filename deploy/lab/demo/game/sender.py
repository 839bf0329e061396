"""Delivers the demo's requests in order, one at a time, as a patient client does.

429 and 503 are waited out and tried again (after a 503 S4 items may then count twice, as the contract says;
S1 events carry `seq` and don't). Anything else that is refused is counted, shown once and dropped.
"""

from __future__ import annotations

import http.client
import json
import queue
import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.lab.demo.game.payloads import Request

WAITING_MAX: Final = 256
TIMEOUT_SECONDS: Final = 15
BACKOFF_SECONDS_MAX: Final = 15.0


class Delivered(msgspec.Struct):
    """Counts of what became of the requests."""

    requests: int = 0
    events: int = 0
    waited: int = 0
    refused: int = 0
    given_up: int = 0
    moves: int = 0
    """Calls that the live-ops surface answered with success."""


class Sender:
    """A background thread with a bounded queue. `put` blocks while the queue is full: the bots wait."""

    def __init__(self, base_url: str, keys: dict[str, str], tell: Callable[[str], None]) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname or "localhost", parts.port or 80
        self._keys = keys
        self._tell = tell
        self._told: set[str] = set()
        self._queue: queue.Queue[Request | None] = queue.Queue(WAITING_MAX)
        self._stop = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self.delivered = Delivered()
        self._thread = threading.Thread(target=self._work, name="demo-sender", daemon=True)
        self._thread.start()

    def put(self, request: Request) -> None:
        """Hand over a request; returns at once while there is room. After `close` it is dropped."""
        while not self._stop.is_set():
            try:
                self._queue.put(request, timeout=0.5)
            except queue.Full:
                continue
            return

    def drain(self, stop: threading.Event) -> None:
        """Wait until everything handed over has been answered or dropped, or until `stop` is set."""
        while self._queue.unfinished_tasks and not stop.wait(0.1):
            pass

    def close(self, patience_seconds: float) -> None:
        """Deliver what is waiting for at most `patience_seconds`, then stop; the rest counts as given up."""
        self._queue.put(None)
        self._thread.join(patience_seconds)
        self._stop.set()
        self._thread.join(TIMEOUT_SECONDS + 1)

    def _work(self) -> None:
        while True:
            request = self._queue.get()
            try:
                if request is None:
                    break
                if self._stop.is_set():
                    self.delivered.given_up += 1
                else:
                    self._deliver(request)
            finally:
                self._queue.task_done()
        if self._connection is not None:
            self._connection.close()

    def _deliver(self, request: Request) -> None:
        backoff = 0.5
        while not self._stop.is_set():
            try:
                status, wait, body = self._post(request)
            except (OSError, http.client.HTTPException) as error:
                self._connection = None
                self._say(f"no answer from {self._host}:{self._port} ({error}); trying again")
                self.delivered.waited += 1
                self._stop.wait(backoff)
                backoff = min(backoff * 2, BACKOFF_SECONDS_MAX)
                continue
            if status in (429, 503):
                self.delivered.waited += 1
                self._stop.wait(wait if wait is not None else backoff)
                backoff = min(backoff * 2, BACKOFF_SECONDS_MAX)
                continue
            if 200 <= status < 300:
                self.delivered.requests += 1
                self.delivered.events += request.events
            else:
                self.delivered.refused += 1
                self._say(f"{request.path} answered {status}: {body[:300].decode(errors='replace')}")
            return
        self.delivered.given_up += 1

    def _post(self, request: Request) -> tuple[int, float | None, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        secret = self._keys[request.token]
        headers, path = {"content-type": request.content_type}, request.path
        match request.token:
            case "public_token":
                headers["x-public-token"] = secret
            case "pl_mgmt":  # Discord's webhooks have it in their URL alone
                path = f"{path}?{urlencode({'key': secret})}"
            case _:
                headers["authorization"] = f"Bearer {secret}"
        self._connection.request("POST", path, request.body, headers)
        response = self._connection.getresponse()
        body = response.read()
        return response.status, _wait_seconds(response.headers.get("retry-after"), body), body

    def _say(self, message: str) -> None:
        if message not in self._told and len(self._told) < 20:
            self._told.add(message)
            self._tell(message)


def _wait_seconds(header: str | None, body: bytes) -> float | None:
    """How long the server asks to wait: `Retry-After` in seconds, or `retryAfterMs` in an S1 body."""
    try:
        return min(float(header), 120.0) if header else min(json.loads(body)["retryAfterMs"] / 1000, 120.0)
    except (ValueError, KeyError, TypeError):
        return None
