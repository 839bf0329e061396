"""Another studio's client, which sends and reads plain data while the fuzz goes on."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import orjson

from deploy.lab.bench.mix import marker
from deploy.lab.drill.checks import Verdict
from deploy.lab.drill.fuzz_comparison import some
from deploy.lab.drill.liveops_clients import CURRENCY

if TYPE_CHECKING:
    from deploy.lab.drill.fuzz_http import Client
    from projections.clickhouse.client import ClickHouse

WRITE_PAUSE_SECONDS: Final = 0.25
READ_EVERY: Final = 8
"""A read after so many writes: the free plan has 60 a minute."""


class Neighbour:
    """`run` until `enough`; then `judge`. Latencies count apart from when `loaded` is set."""

    def __init__(self, client: Client, other: dict[str, Any]) -> None:
        self._client = client
        self._keys = other["keys"]
        game = other["games"][0]
        self._game_id, self._slug = game["id"], game["slug"]
        self.run_id = uuid.uuid4().hex[:8]
        self._player = f"neighbour-{self.run_id}"
        self._sent: list[str] = []
        self._credits = 0
        self._wrong: list[str] = []
        self.enough = False
        self.loaded = False
        self._seconds: dict[bool, list[float]] = {False: [], True: []}

    async def run(self) -> None:
        """An event, a coin, now and then a read, one after the other."""
        ticks = 0
        while not self.enough:
            session_id = f"neighbour-{self.run_id}-{ticks}"
            body = marker(self._game_id, session_id, time.time_ns() // 1_000_000)
            token = {"x-public-token": self._keys["public_token"], "content-type": "application/msgpack"}
            if await self._timed("POST", "/api/events", token, body):
                self._sent.append(session_id)
            server = {"authorization": f"Bearer {self._keys['lo_srv']}", "idempotency-key": session_id}
            path = f"/server/v1/players/{self._player}/wallet/{CURRENCY}/credit"
            self._credits += await self._timed("POST", path, server, b'{"amount":1}')
            if ticks % READ_EVERY == 0:
                reader = {"authorization": f"Bearer {self._keys['pl_mgmt']}"}
                await self._timed("GET", f"/api/v1/events/{self._slug}", reader, None)
            ticks += 1
            await asyncio.sleep(WRITE_PAUSE_SECONDS)

    async def _timed(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> bool:
        begun = time.monotonic()
        status, text = await self._client.ask(method, path, headers=headers, body=body)
        self._seconds[self.loaded].append(time.monotonic() - begun)
        if not 200 <= status < 300:
            self._wrong.append(f"{method} {path}: {status} {text[:120]!r}")
        return 200 <= status < 300

    async def has_arrived(self, clickhouse: ClickHouse) -> bool:
        """Whether everything that it sent can be queried."""
        return set(self._sent) <= (await self._found(clickhouse)).keys()

    async def judge(self, clickhouse: ClickHouse) -> list[Verdict]:
        """Nothing of it was refused, lost or doubled; how its latencies grew is reported, not judged."""
        found = await self._found(clickhouse)
        wrong = [name for name in self._sent if found.pop(name, 0) != 1] + list(found)
        server = {"authorization": f"Bearer {self._keys['lo_srv']}"}
        _, text = await self._client.ask("GET", f"/server/v1/players/{self._player}", headers=server)
        wallet = orjson.loads(text).get("wallet", []) if text.startswith(b"{") else []
        balance = next((row["balance"] for row in wallet if row["economyKey"] == CURRENCY), 0)
        if balance != self._credits:
            wrong.append(f"{balance} coins instead of {self._credits}")
        return [
            Verdict(
                "neighbour: nothing refused",
                not self._wrong,
                some(self._wrong) or f"{self._requests()} requests",
            ),
            Verdict(
                "neighbour: nothing lost or doubled", not wrong, some(wrong) or f"{len(self._sent)} events"
            ),
            Verdict("neighbour: latency beside the fuzz", bool(self._seconds[True]), self._latencies()),
        ]

    async def _found(self, clickhouse: ClickHouse) -> dict[str, int]:
        """By session: how many rows there are."""
        rows = await clickhouse.rows(
            "SELECT session_id, count() FROM events WHERE game_id = {game:String}"
            " AND startsWith(session_id, {run:String}) GROUP BY session_id",
            {"game": self._game_id, "run": f"neighbour-{self.run_id}-"},
        )
        return {str(session_id): int(count) for session_id, count in rows}

    def _requests(self) -> int:
        return sum(map(len, self._seconds.values()))

    def _latencies(self) -> str:
        before, beside = self._seconds[False], self._seconds[True]
        if not before or not beside:
            return "not measured"
        parts = []
        for name, place in (("p50", 49), ("p95", 94)):
            own, other = (statistics.quantiles(times * 2, n=100)[place] for times in (before, beside))
            parts.append(f"{name} {other * 1000:.0f} ms, {other / own:.1f} times as before")
        return ", ".join(parts)
