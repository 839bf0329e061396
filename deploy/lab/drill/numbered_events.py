"""Requests whose every event can be found again: by its number, and by the attempt that carried it. Pure.

Event number n of attempt a lies in ClickHouse with x = n and y = a where the table has coordinates, else with
`n` and `a` in its JSON column. A retry carries the same numbers and another attempt, so that of each attempt
it can be determined whether it is there whole, half or not at all.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

POINTS: Final = 3
POINT_ROOM: Final = 4
"""Point i of event n has number n * 4 + i."""
BUILD: Final = "drill"
LEVEL: Final = "drill_room"

_msgpack = msgspec.msgpack.Encoder()
_json = msgspec.json.Encoder()


class Surface(StrEnum):
    """Which of the two ingest surfaces a request goes to."""

    S4 = "s4"
    S1 = "s1"


class Fate(StrEnum):
    """What the client knows of an attempt."""

    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    """503, a broken connection or no answer in time: it may or may not be in the log."""
    REFUSED = "refused"
    """A definite refusal: it must not be there."""


class Request(msgspec.Struct, frozen=True):
    """Events `first` to `first + count - 1` of one session. S1 numbers its events in the session by `seq`."""

    surface: Surface
    first: int
    count: int
    session_id: str


class Attempt(msgspec.Struct):
    """One sending of a request."""

    number: int
    request: Request
    fate: Fate


class Found(msgspec.Struct, frozen=True):
    """What a table holds of an attempt: rows, distinct numbers, their smallest, largest and sum."""

    rows: int
    distinct: int
    lowest: int
    highest: int
    total: int


def requests(run: str, events: int, batch: int, lanes: int) -> list[Request]:
    """Requests for `events` events, three of four to S4; each lane keeps to one session a surface."""
    made = []
    for index, first in enumerate(range(0, events, batch)):
        surface = Surface.S1 if index % 4 == 3 else Surface.S4
        session_id = f"drill-{run}-{surface}-{index % lanes}"
        made.append(Request(surface, first, min(batch, events - first), session_id))
    return made


def body(request: Request, attempt: int, game_id: str, now_ms: int) -> bytes:
    """The request's body for this attempt."""
    numbers = range(request.first, request.first + request.count)
    if request.surface is Surface.S4:
        return _msgpack.encode([_s4(number, attempt, request, game_id, now_ms) for number in numbers])
    return _json.encode(
        {
            "gameId": game_id,
            "sessionId": request.session_id,
            "deviceId": "drill",
            "source": "python-telemetry",
            "metadata": {"gameVersion": BUILD},
            "events": [_s1(number, attempt, now_ms) for number in numbers],
            "ended": False,
        }
    )


def expected(request: Request) -> dict[str, Found]:
    """What each table must hold of an attempt of this request that is there, by table."""
    numbers = range(request.first, request.first + request.count)
    tables: dict[str, list[int]] = {}
    for number in numbers:
        for table, own in _rows(request.surface, number).items():
            tables.setdefault(table, []).extend(own)
    return {
        table: Found(len(own), len(set(own)), min(own), max(own), sum(own)) for table, own in tables.items()
    }


def _rows(surface: Surface, number: int) -> dict[str, list[int]]:
    if surface is Surface.S1:
        return {"positions": [number * POINT_ROOM]} if number % 2 else {"events": [number]}
    if number % 10 == 8:
        return {"funnel_steps": [number]}
    if number % 10 == 9:
        points = [number * POINT_ROOM + point for point in range(POINTS)]
        return {"performance": [number], "positions": points}
    return {"events": [number]}


def _s4(number: int, attempt: int, request: Request, game_id: str, now_ms: int) -> dict[str, Any]:
    common: dict[str, Any] = {
        "app_id": game_id,
        "build_id": BUILD,
        "player_id": "drill",
        "session_id": request.session_id,
        "level_id": LEVEL,
    }
    time = _iso(now_ms)
    if number % 10 == 8:
        return {"funnel_step_name": "drill_step", **common, "timestamp": time, "n": number, "a": attempt}
    if number % 10 == 9:
        walk = [[float(number * POINT_ROOM + point), float(attempt), 0.0] for point in range(POINTS)]
        return {
            **common,
            "status": "Gameplay",
            "input_method": "Bot",
            "fps": {"mean": 60, "low_5": 55, "low_1": 30},
            "positions": [value for point in walk for value in point],
            "timestamp_start": time,
            "timestamp_end": time,
            "n": number,
            "a": attempt,
        }
    return {
        "event_name": "drill_event",
        **common,
        "position": [float(number), float(attempt), 0.0],
        "custom_data": {"n": number},
        "input_method": "Bot",
        "timestamp": time,
    }


def _s1(number: int, attempt: int, now_ms: int) -> dict[str, Any]:
    where = {"y": float(attempt), "z": 0.0, "room": LEVEL, "seq": number, "t": now_ms}
    if number % 2:
        return {"name": "player_pos", "x": float(number * POINT_ROOM), **where}
    return {"name": "drill_event", "x": float(number), **where}


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
