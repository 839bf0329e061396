"""`questlog bench commands` and `bench reads`: S3 as an SDK calls it, on the demo game without limits.

Players have secrets, writes have idempotency keys, progress moves a leaderboard. The board that is read has
as many players as asked for, all of them put there through the write path.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from deploy.lab.bench.calls import CallOrder, Target, check_calls
from deploy.lab.bench.ingest import load
from deploy.lab.bench.load import OrderRefusedError, Result, percentile
from deploy.lab.bench.processes import cpu_seconds, difference, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from deploy.lab.bench.relay import Relay

EVENT: Final = "relay-points"
CURRENCY: Final = "gold"
CREDIT: Final = 10**12
SETUP_CONNECTIONS: Final = 128
SEED_SECONDS: Final = 600.0
_GENERATOR: Final = "deploy.lab.bench.calls"


class Player(msgspec.Struct, frozen=True):
    """A registered player with an attempt and a full wallet."""

    external_id: str
    secret: str
    attempt_id: str
    board_id: str

    @property
    def path(self) -> str:
        """Where everything of the player is."""
        return f"/sdk/v1/players/{self.external_id}"

    @property
    def headers(self) -> str:
        """What proves the player."""
        return f"x-player-secret: {self.secret}\r\n"


class Figures(msgspec.Struct, kw_only=True):
    """One load. CPU is µs a request."""

    name: str
    connections: int
    requests: int
    requests_a_second: float
    p50_ms: float
    p99_ms: float
    refused: dict[str, int]
    lost: int
    cpu_us: dict[str, float]
    cpu_us_total: float


def figures_of(name: str, connections: int, result: Result, used: dict[str, float]) -> Figures:
    """Figures of a load and the CPU seconds that each process used for it."""
    requests = result.requests or 1
    cpu = {part: second / requests * 1e6 for part, second in used.items()}
    return Figures(
        name=name,
        connections=connections,
        requests=result.requests,
        requests_a_second=result.requests / result.seconds,
        p50_ms=percentile(result.latencies_ms, 0.5),
        p99_ms=percentile(result.latencies_ms, 0.99),
        refused=result.refused,
        lost=result.lost,
        cpu_us=cpu,
        cpu_us_total=sum(cpu.values()),
    )


class LiveopsBench:
    """One run against the stack of a home."""

    def __init__(self, home: Path, relay: Relay, tell: Callable[[str], None]) -> None:
        self._home = home
        self._relay = relay
        self._tell = tell
        self._run = f"{time.time_ns() // 1_000_000:x}"

    async def players(self, count: int) -> list[Player]:
        """Register so many players, start an attempt for each and fill their wallets."""
        self._tell(f"{count:,} players register, start and get {CURRENCY}…")
        slots = asyncio.Semaphore(SETUP_CONNECTIONS)
        connector = aiohttp.TCPConnector(limit=SETUP_CONNECTIONS)
        async with aiohttp.ClientSession(self._relay.base_url, connector=connector) as session:

            async def one(number: int) -> Player:
                async with slots:
                    return await self._player(session, f"bench-{self._run}-{number}")

            return await asyncio.gather(*(one(number) for number in range(count)))

    async def _player(self, session: aiohttp.ClientSession, external_id: str) -> Player:
        path = f"/sdk/v1/players/{external_id}"
        live = {"authorization": f"Bearer {self._relay.live}"}
        secret = (await _post(session, f"{path}/register", live))["secret"]
        own = live | {"x-player-secret": secret}
        started = await _post(session, f"{path}/events/{EVENT}/start", own)
        server = {"authorization": f"Bearer {self._relay.server}"}
        credit = f"/server/v1/players/{external_id}/wallet/{CURRENCY}/credit"
        await _post(session, credit, server, {"amount": CREDIT})
        return Player(external_id, secret, started["attempt"]["id"], started["leaderboardId"])

    def debit(self, players: Sequence[Player]) -> list[Target]:
        """Take 1 from a wallet."""
        return [
            Target(f"{player.path}/wallet/{CURRENCY}/debit", player.headers, '{"amount":1,')
            for player in players
        ]

    def progress(self, players: Sequence[Player]) -> list[Target]:
        """Add a point, which moves the board each time."""
        return [
            Target(
                f"{player.path}/events/{EVENT}/attempts/{player.attempt_id}/progress",
                player.headers,
                '{"mode":"increment","metricValue":1,',
            )
            for player in players
        ]

    async def seed_board(self, count: int) -> tuple[str, list[str]]:
        """Put so many players on the board; its id, and some of them from all depths."""
        self._tell(f"{count:,} players start and score, through the write path…")
        names = [f"seed-{self._run}-{number}" for number in range(count)]
        starts = [Target(f"/sdk/v1/players/{name}/events/{EVENT}/start", "", "{") for name in names]
        begun = time.perf_counter()
        result = await self._load(starts, SEED_SECONDS, SETUP_CONNECTIONS, once=True)
        if result.requests < count:
            raise OrderRefusedError(
                f"only {result.requests} of {count} players could start: refused {result.refused},"
                f" {result.lost} connections lost"
            )
        live = {"authorization": f"Bearer {self._relay.live}"}
        scores: list[Target] = []
        connector = aiohttp.TCPConnector(limit=SETUP_CONNECTIONS)
        board_id = ""
        async with aiohttp.ClientSession(self._relay.base_url, connector=connector) as session:
            slots = asyncio.Semaphore(SETUP_CONNECTIONS)

            async def attempt(number: int) -> None:
                nonlocal board_id
                name = names[number]
                async with slots, session.get(f"/sdk/v1/players/{name}/events", headers=live) as answer:
                    events = (await answer.json())["events"]
                event = next(one for one in events if one["eventKey"] == EVENT)
                board_id = event["leaderboardId"]
                path = f"/sdk/v1/players/{name}/events/{EVENT}/attempts/{event['activeAttemptId']}/progress"
                score = number * 7919 % count
                scores.append(Target(path, "", f'{{"mode":"increment","metricValue":{score},'))

            await asyncio.gather(*(attempt(number) for number in range(count)))
        result = await self._load(scores, SEED_SECONDS, SETUP_CONNECTIONS, once=True)
        if result.requests < count:
            raise OrderRefusedError(
                f"only {result.requests} of {count} scored: refused {result.refused},"
                f" {result.lost} connections lost"
            )
        self._tell(f"{count:,} players are on the board after {time.perf_counter() - begun:.0f} s")
        return board_id, names[:: max(1, count // 1000)]

    def reads(self, board_id: str, names: Sequence[str]) -> dict[str, list[Target]]:
        """The three reads of a board."""
        path = f"/sdk/v1/leaderboards/{board_id}"
        return {
            "top 10": [Target(f"{path}?limit=10")],
            "top 100": [Target(f"{path}?limit=100")],
            "self at depth": [Target(f"{path}?limit=1&includeSelf=true&externalId={name}") for name in names],
        }

    async def measure(self, name: str, targets: list[Target], *, seconds: float, connections: int) -> Figures:
        """One load and what it cost."""
        self._tell(f"{name}: {seconds:g} s, {connections} connections…")
        before = cpu_seconds(parts(self._home))
        result = await self._load(targets, seconds, connections)
        used = difference(before, cpu_seconds(parts(self._home)))
        return figures_of(name, connections, result, used)

    async def _load(
        self, targets: list[Target], seconds: float, connections: int, *, once: bool = False
    ) -> Result:
        order = CallOrder(
            url=self._relay.base_url,
            token=self._relay.live,
            targets=targets,
            seconds=seconds,
            connections=connections,
            once=once,
            seed=time.time_ns() % 1_000_000,
        )
        check_calls(order)
        return await load(order, _GENERATOR)


async def _post(session: aiohttp.ClientSession, path: str, headers: dict[str, str], body: Any = None) -> Any:
    async with session.post(path, headers=headers, json=body or {}) as answer:
        if answer.status >= 300:
            raise OrderRefusedError(f"POST {path}: {answer.status} {await answer.text()}")
        return await answer.json()
