"""A player's part in one event: what is still to be reported of it, and which call reports it. Pure.

Source: the live-ops contract's rules on progress, caps and windows.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import msgspec

from deploy.lab.demo.game.achievements import Feats

FRAGS_A_CALL_MAX: Final = 50
"""The definition's `maxPerCall`."""
PENDING_MAX: Final = 5_000
"""Frags queued while the server takes none; more are dropped, so that an outage costs no memory."""
EXITS_MAX: Final = 5
REPORT_MS: Final = 1_000
"""One report a second at most: two events make 120 of the 300 writes a minute a player has."""
DAMAGE_MS: Final = 5_000
"""Damage alone waits for this long, because most of it is followed by a frag."""
CLOSED_MS: Final = 30_000
"""How long to wait where an event has no open window, or is not declared."""


class Move(msgspec.Struct, frozen=True):
    """Something to do in an event, with its path below the event's."""

    operation: str
    path: str
    body: dict[str, Any]


class Frags:
    """An event that counts frags, and damage where `damage` is set, in attempts that end at a target."""

    def __init__(self, event_key: str, *, damage: bool = False) -> None:
        self.event_key = event_key
        self.attempt = ""
        self._counts_damage = damage
        self._frags = 0
        self._damage = 0
        self._closed_until_ms = 0
        self._reported_ms = 0

    def add(self, feats: Feats, now_ms: int) -> None:
        """Take note; what is done while the player may not take part counts nowhere."""
        if now_ms >= self._closed_until_ms:
            self._frags = min(PENDING_MAX, self._frags + feats.frags)
            self._damage += feats.damage if self._counts_damage else 0

    @property
    def owes(self) -> bool:
        """Whether there are frags to report."""
        return self._frags > 0

    def next(self, now_ms: int) -> Move | None:
        """What is due now."""
        if now_ms < self._closed_until_ms:
            return None
        if not self.attempt:
            return Move("start", "start", {})
        since_ms = now_ms - self._reported_ms
        if since_ms < REPORT_MS or not (self._frags or (self._damage and since_ms >= DAMAGE_MS)):
            return None
        metrics: dict[str, float] = {"frags": min(self._frags, FRAGS_A_CALL_MAX)}
        if self._counts_damage:
            metrics["damage"] = self._damage
        path = f"attempts/{self.attempt}/progress"
        return Move("progress", path, {"mode": "increment", "metrics": metrics})

    def answered(self, move: Move, status: int, body: Any, wait_ms: int, now_ms: int) -> None:
        """Take the answer. What a refused report said is dropped: its window or attempt is over."""
        if move.operation == "progress":
            self._reported_ms = now_ms
            reported = move.body["metrics"]
            self._frags -= reported["frags"]
            self._damage -= reported.get("damage", 0)
            if status != 200 or body["attempt"]["status"] != "active":
                self.attempt = ""
        elif status == 201:
            self.attempt = body["attempt"]["id"]
        else:
            self._closed_until_ms = now_ms + max(wait_ms, CLOSED_MS)
            self._frags = self._damage = 0


class Times:
    """An event that takes one final value an attempt: a level's time."""

    def __init__(self, event_key: str) -> None:
        self.event_key = event_key
        self.attempt = ""
        self._times: deque[float] = deque(maxlen=EXITS_MAX)
        self._closed_until_ms = 0

    def add(self, feats: Feats, now_ms: int) -> None:
        """Take note of levels' times; the newest few are kept."""
        if now_ms >= self._closed_until_ms:
            self._times.extend(feats.level_seconds)

    @property
    def owes(self) -> bool:
        """Whether there is a time to report."""
        return bool(self._times)

    def next(self, now_ms: int) -> Move | None:
        """What is due now: an attempt is started only when there is a time for it."""
        if not self._times or now_ms < self._closed_until_ms:
            return None
        if not self.attempt:
            return Move("start", "start", {})
        path = f"attempts/{self.attempt}/progress"
        return Move("progress", path, {"mode": "set", "metrics": {"seconds": self._times[0]}})

    def answered(self, move: Move, status: int, body: Any, wait_ms: int, now_ms: int) -> None:
        """Take the answer; a time that was refused is dropped."""
        if move.operation == "progress":
            self.attempt = ""
            if self._times and self._times[0] == move.body["metrics"]["seconds"]:
                self._times.popleft()
        elif status == 201:
            self.attempt = body["attempt"]["id"]
        else:
            self._closed_until_ms = now_ms + max(wait_ms, CLOSED_MS)
            self._times.clear()
