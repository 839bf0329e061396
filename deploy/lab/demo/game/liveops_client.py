"""Makes the players' live-ops calls in a thread of its own; the game never waits for it.

Secrets are kept in a file that only its owner may read, written before a secret is used for the first time:
a restart goes on as the same players, and a registration whose answer was lost is asked for again.
"""

from __future__ import annotations

import http.client
import os
import random
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from deploy.lab.demo.game.liveops import Answer, Call, Career, Identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.lab.demo.game.achievements import Feats

TIMEOUT_SECONDS: Final = 15
IDLE_SECONDS: Final = 0.2
"""How often idle players are asked whether something is due."""
TOLD_MAX: Final = 20
_json: Final = msgspec.json.Encoder()


class LiveopsClient:
    """Players by external id, one call at a time over one connection. Nothing it meets ends the game."""

    def __init__(
        self, base_url: str, keys: dict[str, str], players_file: Path, tell: Callable[[str], None]
    ) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname or "localhost", parts.port or 80
        self._keys = keys
        self._file = players_file
        self._tell = tell
        self._told: set[str] = set()
        self._identities = read_identities(players_file)
        self._careers: dict[str, Career] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._stop = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._moves = 0
        self._thread = threading.Thread(target=self._work, name="demo-liveops", daemon=True)
        self._thread.start()

    def seat(self, external_id: str) -> None:
        """Let a player take part. Called twice: no effect."""
        with self._lock:
            if external_id not in self._careers:
                identity = self._identities.get(external_id) or Identity(str(uuid.uuid4()))
                dice = random.Random(external_id)  # noqa: S311 - a game's dice
                self._careers[external_id] = Career(
                    external_id, identity, new_key=lambda: uuid.uuid4().hex, random=dice
                )

    def add(self, external_id: str, feats: Feats) -> None:
        """What a participating player did in the game. Returns at once."""
        with self._lock:
            self._careers[external_id].add(feats, _now_ms())

    def close(self, patience_seconds: float) -> int:
        """Send what is still unsent for at most `patience_seconds`, then stop; calls that succeeded."""
        self._closing.set()
        self._thread.join(patience_seconds)
        self._stop.set()
        self._thread.join(TIMEOUT_SECONDS + 1)
        return self._moves

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                careers = list(self._careers.values())
            made = [self._turn(career) for career in careers if not self._stop.is_set()]
            if self._closing.is_set() and not any(career.owes for career in careers):
                break
            if not any(made):
                self._stop.wait(IDLE_SECONDS)
        self._hang_up()

    def _turn(self, career: Career) -> bool:
        """One call of one player, where one is due."""
        with self._lock:
            call = career.next(_now_ms())
        if call is None:
            return False
        try:
            if not career.identity.secret:
                self._keep(career)
            answer = self._ask(call, career.identity.secret)
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            self._hang_up()
            self._say(f"no live-ops answer from {self._host}:{self._port} ({error}); trying again")
            answer = Answer(0)
        with self._lock:
            before = career.identity
            try:
                career.answered(call, answer, _now_ms())
            except (KeyError, TypeError) as error:
                self._say(f"{call.path} answered something else than its contract: {error!r}")
            changed = career.identity != before
        if changed:
            self._keep(career)
        if 200 <= answer.status < 300:
            self._moves += 1
        elif 400 <= answer.status < 500 and answer.status not in (409, 429):
            self._say(f"{call.operation} answered {answer.status}: {str(answer.body)[:300]}")
        return True

    def _ask(self, call: Call, secret: str) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        headers = {"authorization": f"Bearer {self._keys[call.key]}"}
        if secret and call.key == "lo_live":
            headers["x-player-secret"] = secret
        body = None
        if call.body is not None:
            headers["content-type"] = "application/json"
            body = _json.encode(call.body)
        self._connection.request(call.method, call.path, body, headers)
        response = self._connection.getresponse()
        data = response.read()
        return Answer(
            response.status,
            msgspec.json.decode(data) if data else None,
            wait_ms(response.headers.get("retry-after")),
        )

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _keep(self, career: Career) -> None:
        if self._identities.get(career.external_id) != career.identity:
            self._identities[career.external_id] = career.identity
            try:
                write_identities(self._file, self._identities)
            except OSError as error:
                self._say(f"{self._file} can't be written ({error}): a restart will need new secrets")

    def _say(self, message: str) -> None:
        if message not in self._told and len(self._told) < TOLD_MAX:
            self._told.add(message)
            self._tell(message)


def wait_ms(header: str | None) -> int:
    """`Retry-After` in milliseconds; 0 where there is none that can be read."""
    try:
        return max(0, int(float(header or 0) * 1000))
    except (ValueError, OverflowError):
        return 0


def read_identities(path: Path) -> dict[str, Identity]:
    """The players of the file; none where there is no file, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Identity])
    except (OSError, msgspec.DecodeError):
        return {}


def write_identities(path: Path, identities: dict[str, Identity]) -> None:
    """Whole or not at all, mode 0600."""
    beside = path.with_suffix(".json.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        content: Any = {name: msgspec.structs.asdict(one) for name, one in sorted(identities.items())}
        file.write(_json.encode(content))
    beside.chmod(0o600)
    beside.replace(path)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
