"""What an outsider holds: the demo file's addresses and keys, and HTTP."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import msgpack

from tests import plain_http
from tests.documented import hook
from tests.stack import QuestlogStack

Json = dict[str, Any]
T = TypeVar("T")


def burst(count: int, call: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """The answers to so many calls, 25 at a time: on a slow machine, too, faster than a rate refills."""
    with ThreadPoolExecutor(25) as pool:
        return list(pool.map(lambda _: call(), range(count)))


class World:
    """One running stack with the demo loaded, seen from outside."""

    def __init__(self, demo: Json) -> None:
        self.demo = demo
        self.keys: Json = demo["keys"]
        self.other: Json = demo["other"]
        self.http = plain_http.client(
            base_url=demo["base_url"], timeout=30.0, event_hooks={"response": [hook]}
        )
        self.clickhouse = plain_http.client(base_url=demo["clickhouse_url"], timeout=30.0)

    def game(self, slug: str) -> Json:
        found: Json = next(game for game in self.demo["games"] if game["slug"] == slug)
        return found

    def send(
        self, payload: object, *, token: str | None = None, path: str = "/api/events", **headers: str
    ) -> httpx.Response:
        """Send one S4 payload (packed unless it is bytes) as the game `relay`, which has no ingest limit."""
        body = payload if isinstance(payload, bytes) else msgpack.packb(payload, use_bin_type=True)
        sent = {
            "x-public-token": token or self.keys["relay_public_token"],
            "content-type": "application/msgpack",
        }
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.http.post(path, content=body, headers=sent)

    def read(self, path: str, *, key: str | None = None, **params: object) -> httpx.Response:
        """Read from the Management API with the demo studio's key."""
        return self.http.get(
            path,
            params={name: str(value) for name, value in params.items()},
            headers={"authorization": f"Bearer {key or self.keys['pl_mgmt']}"},
        )

    def ingest(self, batch: Json, *, path: str = "/api/telemetry", key: str | None = None) -> httpx.Response:
        """Send one S1 batch."""
        return self.http.post(
            path, json=batch, headers={"authorization": f"Bearer {key or self.keys['pl_ik']}"}
        )

    def rows(self, query: str, **params: object) -> list[Json]:
        """Ask ClickHouse as its own client would."""
        response = self.clickhouse.post(
            "/",
            params={"database": "questlog"} | {f"param_{name}": str(value) for name, value in params.items()},
            content=f"{query} FORMAT JSON",
        )
        assert response.status_code == 200, response.text
        data: list[Json] = response.json()["data"]
        return data


def unique(prefix: str) -> str:
    return f"{prefix}{uuid.uuid4().hex[:16]}"


def now() -> datetime:
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def unix_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def gameplay(app_id: str, /, **fields: object) -> Json:
    """The reference's gameplay event, with fields replaced; a field given as ... is left out."""
    event: Json = {
        "event_name": "Player_Jump",
        "app_id": app_id,
        "build_id": "Win64_Shipping_1.0.2",
        "player_id": "player_uuid",
        "session_id": "session_uuid",
        "level_id": "Level_1",
        "position": [10.5, 0.0, -5.2],
        "custom_data": {"weapon": "Sword", "ammo": 10},
        "input_method": "Gamepad",
        "timestamp": iso(now()),
    }
    event.update(fields)
    return {name: value for name, value in event.items() if value is not ...}


def trajectory(app_id: str, points: list[tuple[float, float, float]], /, **fields: object) -> Json:
    """The reference's realtime trajectory over the last seconds."""
    end = now()
    event: Json = {
        "app_id": app_id,
        "build_id": "Win64_Shipping_1.0.2",
        "player_id": "player_uuid",
        "session_id": "session_uuid",
        "status": "Gameplay",
        "input_method": "Gamepad",
        "fps": {"mean": 60, "low_5": 55, "low_1": 30},
        "positions": [coordinate for point in points for coordinate in point],
        "timestamp_start": iso(end - timedelta(seconds=5)),
        "timestamp_end": iso(end),
    }
    event.update(fields)
    return {name: value for name, value in event.items() if value is not ...}


def eventually(ask: Callable[[], T], holds: Callable[[T], bool], *, within_s: float = 60.0) -> T:
    """Ask until the answer holds, or fail with the last answer. The limit is a deadline, not a delay."""
    deadline = time.monotonic() + within_s
    while True:
        answer = ask()
        if holds(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; the last answer was {answer!r}")
        time.sleep(0.1)


def pages(world: World, path: str, **params: str) -> Iterator[Json]:
    """Walk a paginated list to its end."""
    offset = 0
    while True:
        page = world.read(path, limit=100, offset=offset, **params).json()
        yield from page["items"]
        if not page["hasMore"]:
            return
        offset += 100


def questlog(stack: QuestlogStack, *arguments: str) -> str:
    """What a command prints; it must succeed."""
    ran = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "deploy.cli", *arguments, "--home", str(stack.home)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
