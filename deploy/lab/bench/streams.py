"""`questlog bench streams`: how long a score takes from its player's request to every listener of the board.

Listeners are raw connections in this very process; a delivery is one event at one listener. Latency counts
from before the request is sent until the event is read, so the whole write path is in it. Loopback only,
bounded in time and count.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from deploy.lab.bench.load import LOOPBACK, OrderRefusedError, percentile
from deploy.lab.bench.processes import cpu_seconds, difference, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from deploy.lab.bench.liveops import LiveopsBench, Player
    from deploy.lab.bench.relay import Relay

LISTENERS_MAX: Final = 10_000
CONNECT_AT_ONCE: Final = 64
PER_ADDRESS: Final = 1_000
READY_SECONDS: Final = 60.0
LAST_SECONDS: Final = 10.0
"""How long the last event may take before it is missing."""


class StreamFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One load. `cpu_us` is µs a delivery, by process."""

    listeners: int
    events: int
    deliveries: int
    missing: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    cpu_us: dict[str, float]


class _Score(msgspec.Struct, rename="camel"):
    external_id: str
    score: float


_score: Final = msgspec.json.Decoder(_Score)


class _Listener(asyncio.Protocol):
    """One open stream; `received` is called with the data of each score."""

    def __init__(self, head: bytes, received: Callable[[bytes], None]) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._head = head
        self._received = received
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        """Subscribe."""
        transport.write(self._head)

    def connection_lost(self, exc: Exception | None) -> None:
        """A stream that ends before it was ready is an error."""
        if not self.ready.done():
            self.ready.set_exception(OrderRefusedError(f"a stream was refused: {exc or self._rest[:200]!r}"))

    def data_received(self, data: bytes) -> None:
        """Take whole events apart; each write of the server ends with one."""
        if not self.ready.done() and data.startswith(b"HTTP/1.1 ") and data[9:12] != b"200":
            self.ready.set_exception(OrderRefusedError(f"a stream was refused: {data[:200]!r}"))
            return
        *events, self._rest = (self._rest + data).split(b"\n\n")
        for event in events:
            at = event.find(b"event: score_update\ndata: ")
            if at >= 0:
                self._received(event[at + 26 :])
            elif b"event: ready" in event and not self.ready.done():
                self.ready.set_result(None)


class StreamBench:
    """One run against the stack of a home."""

    def __init__(self, home: Path, relay: Relay, bench: LiveopsBench, tell: Callable[[str], None]) -> None:
        self._home = home
        self._relay = relay
        self._bench = bench
        self._tell = tell
        self._sent: dict[tuple[str, float], float] = {}
        self._latencies_ms: list[float] = []

    async def measure(self, listeners: int, *, seconds: float, rate: float) -> StreamFigures:
        """Open so many streams of one board, then send `rate` scores a second. Raises OrderRefusedError."""
        if urlsplit(self._relay.base_url).hostname not in LOOPBACK:
            raise OrderRefusedError(f"{self._relay.base_url} is not on this machine")
        # A player's next score comes a second after the last one at the earliest.
        players = await self._bench.players(max(1, int(rate) + 1))
        self._tell(f"{listeners:,} listeners…")
        streams = await self._open(listeners, players[0].board_id)
        try:
            before = cpu_seconds(parts(self._home))
            events = await self._send(players, seconds=seconds, rate=rate)
            deadline = time.perf_counter() + LAST_SECONDS
            while len(self._latencies_ms) < events * listeners and time.perf_counter() < deadline:  # noqa: ASYNC110 - counted at each delivery, looked at now and then
                await asyncio.sleep(0.05)
            used = difference(before, cpu_seconds(parts(self._home)))
        finally:
            for stream in streams:
                stream.abort()
        found = sorted(self._latencies_ms)
        return StreamFigures(
            listeners=listeners,
            events=events,
            deliveries=len(found),
            missing=events * listeners - len(found),
            p50_ms=percentile(found, 0.5),
            p99_ms=percentile(found, 0.99),
            worst_ms=found[-1] if found else 0.0,
            cpu_us={part: second / max(1, len(found)) * 1e6 for part, second in used.items()},
        )

    async def _open(self, count: int, board_id: str) -> list[asyncio.Transport]:
        url = urlsplit(self._relay.base_url)
        head = (
            f"GET /sdk/v1/leaderboards/{board_id}/stream HTTP/1.1\r\nhost: {url.netloc}\r\n"
            f"authorization: Bearer {self._relay.live}\r\n\r\n"
        ).encode()
        loop, slots = asyncio.get_running_loop(), asyncio.Semaphore(CONNECT_AT_ONCE)

        async def one(number: int) -> asyncio.Transport:
            # From several addresses of the loopback network: one address may have so many connections.
            address = f"127.0.0.{1 + number // PER_ADDRESS}"
            async with slots, asyncio.timeout(READY_SECONDS):
                transport, listener = await loop.create_connection(
                    lambda: _Listener(head, self._received),
                    "127.0.0.1",
                    url.port or 80,
                    local_addr=(address, 0),
                )
                await listener.ready
                return transport

        return await asyncio.gather(*(one(number) for number in range(count)))

    def _received(self, data: bytes) -> None:
        score = _score.decode(data)
        sent = self._sent.get((score.external_id, score.score))
        if sent is not None:
            self._latencies_ms.append((time.perf_counter() - sent) * 1000)

    async def _send(self, players: Sequence[Player], *, seconds: float, rate: float) -> int:
        """Each player adds one point at a time; how many points were accepted."""
        self._tell(f"{rate:g} scores a second for {seconds:g} s…")
        targets = self._bench.progress(players)
        accepted = 0
        connector = aiohttp.TCPConnector(limit=len(players))
        async with aiohttp.ClientSession(self._relay.base_url, connector=connector) as session:

            async def one(number: int) -> None:
                nonlocal accepted
                player, target = players[number % len(players)], targets[number % len(players)]
                headers = {
                    "authorization": f"Bearer {self._relay.live}",
                    "x-player-secret": player.secret,
                    "content-type": "application/json",
                }
                score = float(number // len(players) + 1)
                self._sent[player.external_id, score] = time.perf_counter()
                body = f'{target.body}"idempotencyKey":"{player.external_id}-{score:g}"}}'
                async with session.post(target.path, headers=headers, data=body) as answer:
                    accepted += answer.status == 200

            begun = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for number in range(int(seconds * rate)):
                    await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
                    group.create_task(one(number))
        return accepted
