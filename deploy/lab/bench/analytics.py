"""`questlog bench analytics`: S1's reads over sessions: builds side by side, journeys, forms.

Sessions come in over HTTP, each as one S1 batch of the demo game `relay`, until it has as many
analyzed ones as asked for. Reads are asked one after the other, as slowly as the management key allows.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from deploy.lab.bench.load import percentile

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.lab.bench.relay import Relay
    from projections.clickhouse.client import ClickHouse

BUILDS: Final = tuple(f"analytics-{number}" for number in range(8))
ROOMS: Final = 40
DEVICE_SESSIONS: Final = 5
CONNECTIONS: Final = 16
FILL_SECONDS: Final = 3_600.0
READS_A_SECOND: Final = 15.0
"""Under the 1,200 a minute of the studio plan."""
SESSION_MS: Final = 10 * 60_000
PERIOD_MS: Final = 14 * 24 * 3_600_000
_NAMES: Final = ("room_entered", "level_started", "level_failed", "player_death", "level_completed", "error")
_WEIGHTS: Final = (6, 2, 5, 5, 3, 1)
_COMPARE: Final = "/api/v1/builds/compare"
_RULES_SHARE: Final = 0.2
"""Of the events; the others are positions."""


class Times(msgspec.Struct, frozen=True):
    """Milliseconds of several reads of one kind."""

    count: int
    p50: float
    p99: float
    longest: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    sessions: int
    events: int
    insights: int
    reads: dict[str, Times]
    refused: dict[str, int]


class AnalyticsBench:
    """One run against a running stack. It leaves its sessions there."""

    def __init__(self, relay: Relay, clickhouse: ClickHouse, tell: Callable[[str], None]) -> None:
        self._relay = relay
        self._clickhouse = clickhouse
        self._tell = tell
        self._refused: dict[str, int] = {}

    async def run(self, *, sessions: int, events: int, reads: int) -> Report:
        """Fill up to `sessions` of `events` each, then `reads` reads of each kind."""
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(self._relay.base_url, connector=connector) as http:
            await self._fill(http, sessions, events)
            self._tell(f"{sessions:,} sessions are analyzed; reading…")
            found = await self._clickhouse.rows(
                "SELECT count(), uniqExact(session_id) FROM insights FINAL "
                "WHERE game_id = {game:String} AND removed = 0 AND startsWith(build_id, 'analytics-')",
                {"game": self._relay.game_id},
            )
            draw = random.Random(reads)  # noqa: S311 - a load, no secret
            testers = max(1, sessions // DEVICE_SESSIONS)
            pairs = [
                {"game": "relay", "a": a, "b": b, "env": env}
                for env in ("production", "all")
                for a, b in itertools.combinations(BUILDS, 2)
            ]
            kinds: dict[str, list[tuple[str, dict[str, str]]]] = {
                "compare, cold": [(_COMPARE, pair) for pair in pairs[1 : reads + 1]],
                "compare, warm": [(_COMPARE, pairs[0])] * reads,
                "journey": [
                    (f"/api/v1/testers/relay/{prefix}_{draw.randrange(testers)}/journey", {})
                    for prefix in itertools.islice(itertools.cycle(("device", "handle")), reads)
                ],
                "prompts": [("/api/v1/games/doom/prompts", {})] * reads,
                "build": [(f"/api/v1/builds/relay/{build}", {}) for build in BUILDS],
            }
            measured = {name: await self._read(http, asked) for name, asked in kinds.items()}
        return Report(
            sessions=int(found[0][1]),
            events=sessions * events,
            insights=int(found[0][0]),
            reads=measured,
            refused=self._refused,
        )

    async def _fill(self, http: aiohttp.ClientSession, sessions: int, events: int) -> None:
        held = await self._analyzed()
        self._tell(f"{held:,} sessions are there, {sessions:,} are wanted…")
        now_ms = int(time.time() * 1000)
        numbers = iter(range(held, sessions))

        async def send() -> None:
            for number in numbers:
                await self._post(http, session_body(self._relay.game_id, number, events, now_ms))

        await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
        deadline = time.monotonic() + FILL_SECONDS
        while (found := await self._analyzed()) < sessions:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{found:,} of {sessions:,} sessions analyzed after {FILL_SECONDS:g} s")
            await asyncio.sleep(1)

    async def _analyzed(self) -> int:
        rows = await self._clickhouse.rows(
            "SELECT count() FROM insights FINAL WHERE game_id = {game:String} AND removed = 0 "
            "AND type = 'session-summary' AND startsWith(build_id, 'analytics-')",
            {"game": self._relay.game_id},
        )
        return int(rows[0][0])

    async def _post(self, http: aiohttp.ClientSession, body: bytes) -> None:
        headers = {"authorization": f"Bearer {self._relay.ingest}", "content-type": "application/json"}
        while True:
            async with http.post("/api/telemetry", data=body, headers=headers) as response:
                if response.status == 503:  # the log is busy; it says when to come again
                    await asyncio.sleep(float(response.headers.get("retry-after", "1")))
                    continue
                response.raise_for_status()
                return

    async def _read(self, http: aiohttp.ClientSession, asked: list[tuple[str, dict[str, str]]]) -> Times:
        headers = {"authorization": f"Bearer {self._relay.management}"}
        taken: list[float] = []
        for path, parameters in asked:
            began = time.perf_counter()
            async with http.get(path, params=parameters, headers=headers) as response:
                await response.read()
                if response.status != 200:
                    status = f"{response.status} {path}"
                    self._refused[status] = self._refused.get(status, 0) + 1
                    continue
            taken.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(max(0.0, began + 1 / READS_A_SECOND - time.perf_counter()))
        taken.sort()
        return Times(len(taken), percentile(taken, 0.5), percentile(taken, 0.99), taken[-1] if taken else 0.0)


def session_body(game_id: str, number: int, events: int, now_ms: int) -> bytes:
    """One session as a batch that ends it: ten minutes within the last two weeks, the same for a number."""
    draw = random.Random(number)  # noqa: S311 - a load, no secret
    start_ms = now_ms - SESSION_MS - draw.randrange(PERIOD_MS)
    moments = sorted(start_ms + draw.randrange(SESSION_MS) for _ in range(events))
    device = number // DEVICE_SESSIONS
    sent = []
    for seq, at_ms in enumerate(moments):
        event: dict[str, Any] = {"name": "player_pos", "t": at_ms, "seq": seq}
        event["room"] = f"room {draw.randrange(ROOMS)}"
        if draw.random() < _RULES_SHARE:
            (event["name"],) = draw.choices(_NAMES, _WEIGHTS)
            event["room"] = f"room {draw.randrange(4) * 10 + number % 10}"
        else:
            event |= {"x": draw.gauss(0, 40), "y": draw.gauss(0, 40)}
        sent.append(event)
    batch: dict[str, Any] = {
        "gameId": game_id,
        "sessionId": f"sess_analytics_{number}",
        "deviceId": f"device_{device}",
        "source": "unity-telemetry",
        "metadata": {"gameVersion": BUILDS[number % len(BUILDS)], "environment": "production"},
        "events": sent,
        "ended": True,
    }
    if number % 3 == 0:
        batch["testerHandle"] = f"handle_{device}"
    return msgspec.json.encode(batch)
