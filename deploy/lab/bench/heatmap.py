"""`questlog bench heatmap`: 20 reads a second of heatmaps and event counts while events come in.

Points come in over HTTP, as trajectories of the demo game `relay`, until it has as many as asked
for. Cold reads (nothing cached) are asked under the same load and reported apart. How old an answer is, is
measured from outside: single points are sent to a build of their own, and looked for in its heatmap.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import aiohttp
import msgspec
import numpy as np

from deploy.lab.bench.ingest import load
from deploy.lab.bench.load import Order, check, percentile

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.lab.bench.relay import Relay
    from projections.clickhouse.client import ClickHouse

BUILD: Final = "heatmap-bench"
PROBE: Final = "heatmap-bench-probe"
ROOMS: Final = 15
TRAJECTORY_POINTS: Final = 10_000
TRAJECTORIES: Final = 12
"""In one body: 3.2 MB of the 4 MiB it may have."""
WARM_UP_S: Final = 3.0
FILL_SECONDS: Final = 600.0
PROBE_EVERY_S: Final = 1.0
_HEATMAP: Final = "/api/v1/heatmaps/relay"
_EVENTS: Final = "/api/v1/events/relay"
Filters = dict[str, str]
WARM: Final[tuple[tuple[str, Filters], ...]] = (
    (_HEATMAP, {}),
    (_EVENTS, {}),
    (_HEATMAP, {"build": PROBE}),
    (_HEATMAP, {"build": BUILD}),
    (_EVENTS, {"build": BUILD}),
    (_HEATMAP, {"build": PROBE}),
)
COLD: Final[tuple[tuple[str, Filters], ...]] = (
    (_HEATMAP, {"env": "production"}),
    (_HEATMAP, {"build": BUILD, "env": "production"}),
    (_EVENTS, {"env": "production"}),
    (_EVENTS, {"build": BUILD, "env": "production"}),
)


class Report(msgspec.Struct, kw_only=True):
    """What came of it. Times are milliseconds; `seen_*` is from a point's 200 to a heatmap that counts it."""

    points: int
    seconds: float
    events_a_second: float
    requests: int
    refused: dict[str, int]
    warm_p50_ms: float
    warm_p99_ms: float
    warm_max_ms: float
    not_hits: dict[str, int]
    age_max_ms: int
    seen_p50_ms: float
    seen_max_ms: float
    unseen: int
    cold_ms: dict[str, float]
    """Only reads that really were cold: restart the edge before a second run."""


class HeatmapBench:
    """One run against a running stack. It leaves its points there."""

    def __init__(self, relay: Relay, clickhouse: ClickHouse, tell: Callable[[str], None]) -> None:
        self._relay = relay
        self._clickhouse = clickhouse
        self._tell = tell
        self._latencies: list[float] = []
        self._refused: dict[str, int] = {}
        self._states: dict[str, int] = {}
        self._age_max_ms = 0
        self._sent: list[float] = []
        self._seen_ms: list[float] = []
        self._probes_before = 0

    async def run(self, *, points: int, seconds: float, rate: float) -> Report:
        """Fill up to `points`, then load, read and look. Raises OrderRefusedError as the load does."""
        relay = self._relay
        order = Order(
            url=relay.base_url,
            token=relay.token,
            app_id=relay.game_id,
            seconds=seconds + WARM_UP_S + len(COLD),
            connections=16,
            batch=100,
            rate=rate,
            seed=time.time_ns(),
        )
        check(order)
        headers = {"authorization": f"Bearer {relay.management}"}
        async with aiohttp.ClientSession(relay.base_url, headers=headers) as http:
            held = await self._fill(http, points)
            self._tell(f"{held:,} points are there; {rate:,.0f} events/s come in, reading for {seconds:g} s…")
            loading = asyncio.create_task(load(order))
            await self._probe(http)
            for path, filters in WARM:
                await self._get(http, path, filters)
            await asyncio.sleep(WARM_UP_S)  # the load is at its rate, and what is read is warm
            cold = await self._cold(http)
            for path, filters in WARM:
                await self._get(http, path, filters)
            await self._warm(http, seconds)
            result = await loading
        self._latencies.sort()
        self._seen_ms.sort()
        return Report(
            points=held,
            seconds=seconds,
            events_a_second=result.events / order.seconds,
            requests=len(self._latencies),
            refused=self._refused,
            warm_p50_ms=percentile(self._latencies, 0.5),
            warm_p99_ms=percentile(self._latencies, 0.99),
            warm_max_ms=self._latencies[-1] if self._latencies else 0.0,
            not_hits={state: n for state, n in self._states.items() if state != "hit"},
            age_max_ms=self._age_max_ms,
            seen_p50_ms=percentile(self._seen_ms, 0.5),
            seen_max_ms=self._seen_ms[-1] if self._seen_ms else 0.0,
            unseen=len(self._sent) - len(self._seen_ms),
            cold_ms=cold,
        )

    async def _fill(self, http: aiohttp.ClientSession, points: int) -> int:
        held = await self._held()
        random = np.random.default_rng(held)
        self._probes_before = await self._held(PROBE)
        self._tell(f"{held:,} points are there, {points:,} are wanted…")
        sent = held
        while sent < points:
            body = _trajectories(self._relay.game_id, BUILD, TRAJECTORIES, TRAJECTORY_POINTS, random)
            await self._post(http, body)
            sent += TRAJECTORIES * TRAJECTORY_POINTS
        deadline = time.monotonic() + FILL_SECONDS
        while (found := await self._held()) < sent:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{found:,} of {sent:,} points could be queried after {FILL_SECONDS:g} s")
            await asyncio.sleep(0.5)
        return found

    async def _held(self, build: str = BUILD) -> int:
        rows = await self._clickhouse.rows(
            "SELECT count() FROM positions WHERE game_id = {game:String} AND build_id = {build:String}",
            {"game": self._relay.game_id, "build": build},
        )
        return int(rows[0][0])

    async def _post(self, http: aiohttp.ClientSession, body: bytes) -> None:
        headers = {"x-public-token": self._relay.token, "content-type": "application/msgpack"}
        while True:
            async with http.post("/api/events", data=body, headers=headers) as response:
                if response.status == 503:  # the log is busy; it says when to come again
                    await asyncio.sleep(float(response.headers.get("retry-after", "1")))
                    continue
                response.raise_for_status()
                return

    async def _probe(self, http: aiohttp.ClientSession) -> None:
        random = np.random.default_rng(1)
        await self._post(http, _trajectories(self._relay.game_id, PROBE, 1, 1, random))
        self._sent.append(time.perf_counter())

    async def _cold(self, http: aiohttp.ClientSession) -> dict[str, float]:
        found: dict[str, float] = {}
        for path, filters in COLD:
            began = time.perf_counter()
            answer = await self._get(http, path, filters)
            if answer is not None and answer["state"] == "miss":
                found[f"{path}?{urlencode(filters)}"] = (time.perf_counter() - began) * 1000
        return found

    async def _warm(self, http: aiohttp.ClientSession, seconds: float) -> None:
        """20 reads a second, due evenly, each as late as it really was."""
        begun = time.perf_counter()
        probing = asyncio.create_task(self._keep_probing(http))
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * 20)):
                due = begun + number / 20
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                path, filters = WARM[number % len(WARM)]
                group.create_task(self._timed(http, path, filters, due))
        probing.cancel()

    async def _keep_probing(self, http: aiohttp.ClientSession) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            await self._probe(http)

    async def _timed(self, http: aiohttp.ClientSession, path: str, filters: Filters, due: float) -> None:
        answer = await self._get(http, path, filters)
        if answer is None:
            return
        self._latencies.append((time.perf_counter() - due) * 1000)
        self._states[answer["state"]] = self._states.get(answer["state"], 0) + 1
        self._age_max_ms = max(self._age_max_ms, answer["age_ms"])

    async def _get(self, http: aiohttp.ClientSession, path: str, filters: Filters) -> dict[str, Any] | None:
        asked = time.perf_counter()
        async with http.get(path, params=filters) as response:
            body = await response.read()
            if response.status != 200:
                status = str(response.status)
                self._refused[status] = self._refused.get(status, 0) + 1
                return None
        if filters.get("build") == PROBE:
            self._look(msgspec.json.decode(body)["eventCount"], asked)
        headers = response.headers
        return {"state": headers.get("x-cache", ""), "age_ms": int(headers.get("x-data-age-ms", "0"))}

    def _look(self, count: int, asked: float) -> None:
        """A heatmap that was asked for at `asked` counts this many probes: note how late the new ones are."""
        for sent in self._sent[len(self._seen_ms) : count - self._probes_before]:
            self._seen_ms.append(max(0.0, asked - sent) * 1000)


def _trajectories(app_id: str, build: str, count: int, points: int, random: np.random.Generator) -> bytes:
    """A body of trajectories: walks through rooms, in x and y."""
    now = time.time()
    items = []
    for _ in range(count):
        walk = random.normal(0, 1, (points, 3)).cumsum(axis=0)
        room = int(random.integers(ROOMS))
        items.append(
            {
                "app_id": app_id,
                "build_id": build,
                "player_id": f"bench-{random.integers(500)}",
                "session_id": f"bench-{random.integers(2**62)}",
                "level_id": f"room_{room:02}",
                "status": "Gameplay",
                "input_method": "Gamepad",
                "fps": {"mean": 60.0, "low_5": 55.0, "low_1": 30.0},
                "positions": walk.reshape(-1).tolist(),
                "timestamp_start": _iso(now - 60),
                "timestamp_end": _iso(now),
            }
        )
    return msgspec.msgpack.encode(items)


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
