"""A game's worth of telemetry, written straight into ClickHouse: the same for the same seed and moment."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from projections.clickhouse import migrations
from projections.redis.client import connect
from projections.telemetry.live_counters import LiveState, RedisLive
from projections.telemetry.queries.session_ids import public_id

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

MINUTE_MS = 60_000
FUNNEL = ("Title_Screen", "Tutorial_Start", "Tutorial_Done", "E1M1_Cleared", "E1M2_Cleared", "E1M3_Cleared")
GO_ON = (1.0, 0.93, 0.58, 0.81, 0.66, 0.74)
BUILDS = ("1.4.0", "1.5.0-rc1")
FPS = {"1.4.0": (74.0, 9.0), "1.5.0-rc1": (58.0, 16.0)}
PLATFORMS = ("Win64", "Linux", "macOS")
COUNTRIES = ("DE", "US", "")
ROOMS = {
    "E1M1 Hangar": [
        (-768, -320),
        (-200, -300),
        (320, -260),
        (900, -250),
        (1400, -120),
        (1520, 420),
        (2100, 520),
    ],
    "E1M2 Nuclear Plant": [(-900, 200), (-860, 900), (-200, 1100), (420, 700), (500, 0), (1100, -250)],
    "E1M3 Toxin Refinery": [
        (-1400, -900),
        (-700, -850),
        (-650, -100),
        (0, 0),
        (60, 760),
        (820, 800),
        (900, 60),
    ],
    "Lobby": [(0, 0), (180, 40), (90, 130)],
}
EVENTS = (
    ("weapon_fired", 9.0), ("enemy_killed", 3.2), ("item_picked_up", 2.4), ("door_opened", 1.1),
    ("player_hurt", 1.8), ("secret_found", 0.12),
)  # fmt: skip


@dataclass
class Seed:
    """One game to be seeded. `density` scales how many sessions there are."""

    studio_id: str
    game_id: str
    now_ms: int
    sessions: int = 160
    hours: float = 26.0
    seed: int = 7
    names_prefix: str = ""
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        rows = self.rows.setdefault(table, [])
        here = {"studio_id": self.studio_id, "game_id": self.game_id, "_partition": 0}
        if table not in {"session_parts", "insights"}:
            here |= {"_offset": len(rows), "_index": 0}
        # A bare integer would be read as seconds.
        times = {name: f"{value / 1000:.3f}" for name, value in row.items() if name.endswith("_at")}
        rows.append(here | row | times)


async def seed_game(client: ClickHouse, seed: Seed) -> None:
    """Create the tables where they are missing, and insert the game's rows."""
    await migrations.apply(client)
    chance = random.Random(seed.seed)
    for number in range(seed.sessions):
        _session(seed, chance, number)
    for level, size in (("E1M1", 2_412_882), ("E1M2", 3_918_004), ("E1M3", 18_874_368)):
        seed.add(
            "models",
            model_id=f"{seed.game_id}-{level}",
            app_name="Freedoom",
            level_name=f"{seed.names_prefix}{level}",
            size=size,
            sha256=f"{chance.getrandbits(256):064x}",
            object=f"models/{level}",
            arrived_at=seed.now_ms - 5 * MINUTE_MS,
        )
    await insert(client, seed, "seed")


async def insert(client: ClickHouse, seed: Seed, name: str) -> None:
    """Insert the rows of a seed; again under the same name: nothing happens."""
    for table, rows in seed.rows.items():
        columns = list(dict.fromkeys(name for row in rows for name in row))
        body = "\n".join(json.dumps(row) for row in rows).encode()
        await client.insert(table, columns, body, form="JSONEachRow", token=f"{name}:{seed.game_id}:{table}")


async def seed_live(redis_url: str, game: Seed) -> None:
    """Publish two hours of live counters, as the projector does: tests go on while the clock does."""
    last = game.now_ms // MINUTE_MS
    state = LiveState()
    minutes = {last - ago: 2400 + (ago * 7919) % 900 - 18 * ago for ago in range(-60, 60)}
    state.count({(game.studio_id, game.game_id): minutes})
    redis = connect(redis_url)
    try:
        assert await RedisLive(redis).publish(0, state)
    finally:
        await redis.aclose()


def _session(seed: Seed, chance: random.Random, number: int) -> None:
    # More players towards the present, and an evening hump: the curve of a launch day.
    age = seed.hours * 60 * (chance.random() ** 2.2)
    length = max(1.0, chance.lognormvariate(2.1, 0.7))
    started = seed.now_ms - int((age + 0.7 * length) * MINUTE_MS)
    ended = min(seed.now_ms - 3_000, started + int(length * MINUTE_MS))
    build = BUILDS[1] if age < 300 and chance.random() < 0.55 else BUILDS[0]
    environment = "production" if chance.random() < 0.9 else "staging"
    player = f"player-{chance.randrange(max(3, int(seed.sessions * 0.7))):03}"
    common = {"build_id": build, "environment": environment, "source": "python-telemetry"}
    who = {"session_id": f"session-{number:04}", "player_id": player}
    counts: dict[str, int] = {}

    def happened(name: str, at: float, room: str) -> None:
        moment = min(int(at), seed.now_ms - 1)
        seed.add("events", **common, **who, event_name=name, room=room, occurred_at=moment,
                 arrived_at=moment + 90, properties="{}", identity=0)  # fmt: skip
        counts[name] = counts.get(name, 0) + 1

    minutes = (ended - started) / MINUTE_MS
    rooms = [room for room in ROOMS if room != "Lobby"]
    for name, rate in EVENTS:
        for _ in range(int(rate * minutes * chance.uniform(0.5, 1.4))):
            happened(f"{seed.names_prefix}{name}", chance.uniform(started, ended), chance.choice(rooms))
    for place, room in enumerate(rooms[: 1 + int(minutes // 6)]):
        happened("level_started", started + place * 6 * MINUTE_MS, room)
        for _ in range(chance.choice((0, 1, 1, 2)) + (build == BUILDS[1])):
            happened("player_death", chance.uniform(started, ended), room)
        if chance.random() < 0.7:
            happened("level_completed", min(ended, started + (place + 0.9) * 6 * MINUTE_MS), room)
    if chance.random() < (0.06 if build == BUILDS[1] else 0.015):
        happened("crash", ended, "")
    _funnel(seed, chance, common, who, started)
    _walk(seed, chance, common | who, (started, ended))
    seed.add("session_parts", **common, **who, tester_handle=player, first_event_at=started,
             last_event_at=ended, first_arrived_at=started + 90, event_counts=counts,
             platform=PLATFORMS[number % 3], country=_country(number),
             spans=[[started, ended]], ended=int(ended < seed.now_ms - 4_000),
             closed=int(ended < seed.now_ms - 4_000), _version=number + 1)  # fmt: skip


def countries(game_id: str, sessions: int) -> dict[str, str]:
    """Where each of a game's first sessions was played, by the id that S1 shows; its list has no country."""
    return {public_id(game_id, f"session-{number:04}", ""): _country(number) for number in range(sessions)}


def _country(number: int) -> str:
    return COUNTRIES[number // 3 % 3]


def _funnel(
    seed: Seed, chance: random.Random, common: dict[str, str], who: dict[str, str], started: int
) -> None:
    at = started
    for step, share in zip(FUNNEL, GO_ON, strict=True):
        if chance.random() > share or at > seed.now_ms:
            return
        seed.add("funnel_steps", **common, **who, step_name=f"{seed.names_prefix}{step}", room="",
                 occurred_at=at, arrived_at=at + 80, properties="{}")  # fmt: skip
        at += int(chance.uniform(20, 90) * 1000)


def _walk(seed: Seed, chance: random.Random, common: dict[str, str], span: tuple[int, int]) -> None:
    at, ended = span
    mean, spread = FPS[common["build_id"]]
    room = chance.choice(("E1M1 Hangar", "E1M1 Hangar", "E1M2 Nuclear Plant", "E1M3 Toxin Refinery", "Lobby"))
    path = ROOMS[room]
    progress = chance.uniform(0, len(path) - 1)
    while at < ended:
        fps = max(9.0, chance.gauss(mean, spread))
        seed.add("performance", **common, room=room, status="Gameplay", input_method="Keyboard",
                 fps_mean=fps, fps_low_5=fps * 0.8, fps_low_1=fps * chance.uniform(0.45, 0.7), points=6,
                 started_at=at, ended_at=at + 10_000, arrived_at=at + 10_080, properties="{}")  # fmt: skip
        for step in range(6):
            progress = min(len(path) - 1.001, max(0.0, progress + chance.gauss(0.02, 0.3)))
            if chance.random() < 0.35:
                progress += (1.6 - progress) * 0.25  # where most fights are
            (x0, y0), (x1, y1) = path[int(progress)], path[int(progress) + 1]
            part = progress % 1
            wide = 55 if room != "Lobby" else 14
            seed.add("positions", **common, room=seed.names_prefix + room,
                     x=x0 + (x1 - x0) * part + chance.gauss(0, wide),
                     y=y0 + (y1 - y0) * part + chance.gauss(0, wide) + 40 * math.sin(progress * 3), z=0.0,
                     occurred_at=at + step * 1700, arrived_at=at + 10_080, properties="", identity=0,
                     _point=step)  # fmt: skip
        at += 20_000
