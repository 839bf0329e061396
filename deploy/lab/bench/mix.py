"""What the load consists of: pre-encoded S4 bodies in a stated mix. Pure.

Of 100 events 80 are gameplay events with a position and custom data, 10 funnel steps, 9 trajectories of 10
points each with frame rates, and 1 is a Create_Player. An event is one item of a batch, whatever it holds;
the rows that ClickHouse gets are counted apart: a trajectory gives one row and one more for each point.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from random import Random

POINTS: Final = 10
PLAYERS_A_BODY: Final = 4
_KINDS: Final = ("gameplay",) * 80 + ("funnel",) * 10 + ("trajectory",) * 9 + ("player",)
_NAMES: Final = ("player_jump", "enemy_killed", "item_found", "door_opened", "weapon_fired", "player_hurt")
_LEVELS: Final = ("Level_1", "Level_2", "Level_3", "Training_Grounds", "Hub")
_STEPS: Final = ("Tutorial_Start", "Tutorial_Done", "First_Kill", "Level_1_Done", "Boss_Met")
_BUILDS: Final = ("Win64_Shipping_1.0.2", "Win64_Shipping_1.1.0")
_WEAPONS: Final = ("Sword", "Bow", "Staff", "Fists")
ROWS: Final = {
    "gameplay": {"events": 1},
    "funnel": {"funnel_steps": 1},
    "trajectory": {"performance": 1, "positions": POINTS},
    "player": {"players": 1},
}
"""How many rows each kind of event gives in each table."""

STATED: Final = (
    "mix: 80 % gameplay events (position, custom data), 10 % funnel steps, 9 % trajectories of 10 points "
    "with fps, 1 % Create_Player; an event is one item, a point is a row (1.9 rows an event); single "
    "requests: gameplay events"
)

_encoder = msgspec.msgpack.Encoder()


class Body(msgspec.Struct, frozen=True):
    """One request's body, how many events it holds and how many rows they give."""

    data: bytes
    events: int
    rows: dict[str, int]


class Player(msgspec.Struct, frozen=True):
    """Who sends: a body holds the events of a few."""

    player_id: str
    session_id: str
    build_id: str


def bodies(app_id: str, *, batch: int, count: int, now_ms: int, random: Random) -> list[Body]:
    """`count` different bodies of `batch` events that happened in the 5 s before `now_ms`."""
    return [_body(app_id, batch, now_ms, random, first=index * batch) for index in range(count)]


def rows_of(events: int) -> dict[str, int]:
    """The rows that so many events of the mix give in each table; `events` is a multiple of 100."""
    rows: dict[str, int] = {}
    for kind in _KINDS:
        for table, more in ROWS[kind].items():
            rows[table] = rows.get(table, 0) + more * events // len(_KINDS)
    return rows


def marker(app_id: str, session_id: str, now_ms: int) -> bytes:
    """A body of one event that can be found in ClickHouse by its session id."""
    player = Player("bench-marker", session_id, _BUILDS[0])
    event = {**_common(app_id, player), "event_name": "bench_marker", "timestamp": _iso(now_ms)}
    return _encoder.encode(event)


def _body(app_id: str, batch: int, now_ms: int, random: Random, *, first: int) -> Body:
    players = [
        Player(
            f"player_{random.randrange(100_000):05d}",
            str(uuid.UUID(int=random.getrandbits(128), version=4)),
            random.choice(_BUILDS),
        )
        for _ in range(PLAYERS_A_BODY)
    ]
    items: list[dict[str, Any]] = []
    rows: dict[str, int] = {}
    for number in range(first, first + batch):
        # 37 and 100 have no common divisor: any batch size walks through the whole mix.
        kind = "gameplay" if batch == 1 else _KINDS[number * 37 % len(_KINDS)]
        items.append(_item(kind, app_id, random.choice(players), now_ms - random.randrange(5_000), random))
        for table, more in ROWS[kind].items():
            rows[table] = rows.get(table, 0) + more
    return Body(_encoder.encode(items if batch > 1 else items[0]), batch, rows)


def _item(kind: str, app_id: str, player: Player, at_ms: int, random: Random) -> dict[str, Any]:
    common = _common(app_id, player)
    place = {"level_id": random.choice(_LEVELS), "timestamp": _iso(at_ms)}
    if kind == "gameplay":
        return {
            "event_name": random.choice(_NAMES),
            **common,
            **place,
            "position": [round(random.uniform(-500, 500), 2) for _ in range(3)],
            "custom_data": {"weapon": random.choice(_WEAPONS), "ammo": random.randrange(100)},
            "input_method": "Gamepad",
        }
    if kind == "funnel":
        return {"funnel_step_name": random.choice(_STEPS), **common, **place}
    if kind == "trajectory":
        x, y, z = (random.uniform(-500, 500) for _ in range(3))
        walk = [(x + step * 1.5, y, z + step * random.random()) for step in range(POINTS)]
        return {
            **common,
            "status": "Gameplay",
            "input_method": "Gamepad",
            "level_id": place["level_id"],
            "fps": {"mean": random.randrange(50, 61), "low_5": random.randrange(40, 50), "low_1": 30},
            "positions": [round(value, 2) for point in walk for value in point],
            "timestamp_start": _iso(at_ms - 5_000),
            "timestamp_end": _iso(at_ms),
        }
    return {
        "event_name": "Create_Player",
        "app_id": app_id,
        "build_id": player.build_id,
        "player_id": player.player_id,
        "region": "EU-West",
        "hardware": {"gpu": "RTX 4090", "ram": "32GB"},
        "timestamp": _iso(at_ms),
    }


def _common(app_id: str, player: Player) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "build_id": player.build_id,
        "player_id": player.player_id,
        "session_id": player.session_id,
    }


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
