"""The load generator: keep-alive HTTP/1.1 connections posting pre-encoded bodies, one request at a time each.

A process of its own (`python -m deploy.lab.bench.load`: its order as JSON on stdin, its result on stdout), so
that its CPU is not the stack's. Bounded in time and count; it loads this machine only.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec
import uvloop

from deploy.lab.bench.mix import Body, bodies
from deploy.stack.output import whole_stdout

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_MAX: Final = 3_600
CONNECTIONS_MAX: Final = 1_024
LATENCIES_MAX: Final = 2_000_000
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_RETRY_SECONDS: Final = 0.1


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. `rate` is events a second over all connections, 0 for as fast as answers come."""

    url: str
    token: str
    app_id: str
    seconds: float
    connections: int
    batch: int
    bodies: int = 256
    rate: float = 0.0
    requests_max: int = 50_000_000
    seed: int = 1


class Result(msgspec.Struct, kw_only=True):
    """What came of it. `latencies_ms` are sorted, from the moment a request was due to its whole answer."""

    seconds: float = 0.0
    requests: int = 0
    events: int = 0
    rows: dict[str, int] = {}
    refused: dict[str, int] = {}
    lost: int = 0
    body_bytes: int = 0
    cpu_seconds: float = 0.0
    latencies_ms: list[float] = []


class OrderRefusedError(ValueError):
    """The order goes beyond what this generator does: another machine, too long, too many connections."""


def check(order: Order) -> None:
    """Raise `OrderRefusedError` where the order is out of bounds."""
    if urlsplit(order.url).hostname not in LOOPBACK:
        raise OrderRefusedError(f"{order.url} is not on this machine; the load generator only loads loopback")
    if not 0 < order.seconds <= SECONDS_MAX or not 1 <= order.connections <= CONNECTIONS_MAX:
        raise OrderRefusedError(f"at most {SECONDS_MAX} s and {CONNECTIONS_MAX} connections")
    if not 1 <= order.batch <= 10_000:
        raise OrderRefusedError("a batch holds 1 to 10,000 events")


class Turnstile:
    """Says when the next request is due: evenly spread at a rate, or at once."""

    def __init__(self, interval: float, start: float, requests_max: int) -> None:
        self._interval = interval
        self._next = start
        self._left = requests_max

    @property
    def left(self) -> int:
        """How many requests may still be handed out."""
        return self._left

    def take(self, now: float) -> float | None:
        """The time the caller's request is due; None when all have been handed out."""
        if self._left <= 0:
            return None
        self._left -= 1
        if not self._interval:
            return now
        due = self._next
        self._next += self._interval
        return due


class Connection(asyncio.Protocol):
    """One client: sends when due, waits for the whole answer, goes on until the deadline."""

    def __init__(self, run: Run, order: Iterator[tuple[bytes, Body]]) -> None:
        self._run = run
        self._requests = order
        self._transport: asyncio.Transport | None = None
        self._body: Body | None = None
        self._due = 0.0
        self._answer = b""
        self._loop = asyncio.get_running_loop()
        self.done = self._loop.create_future()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """The server closed the connection: the outcome of a request under way is unknown."""
        if self._body is not None:
            self._run.result.lost += 1
        self._finish()

    def data_received(self, data: bytes) -> None:
        """Take in the answer; when it is whole, count it and send the next."""
        self._answer = answer = self._answer + data if self._answer else data
        head = answer.find(b"\r\n\r\n")
        if head < 0:
            return
        lower = answer[:head].lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 : at + 30].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(answer) < head + 4 + length or self._body is None:
            return
        body, self._body, self._answer = self._body, None, b""
        accepted = self._run.count(body, answer[9:12], self._due)
        if accepted:
            self._next()
        else:
            self._loop.call_later(_RETRY_SECONDS, self._next)

    def _next(self) -> None:
        now = time.perf_counter()
        due = self._run.turnstile.take(now) if now < self._run.deadline else None
        if due is None or due >= self._run.deadline:
            self._finish()
        elif due > now:
            self._loop.call_later(due - now, self._send, due)
        else:
            self._send(due)

    def _send(self, due: float) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        head, self._body = next(self._requests)
        self._due = due
        self._transport.writelines((head, self._body.data))

    def _finish(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if not self.done.done():
            self.done.set_result(None)


class Run:
    """What the connections of one order share."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.result = Result()
        self.deadline = 0.0
        self.turnstile = Turnstile(0.0, 0.0, order.requests_max)
        self.answers: frozenset[str] = frozenset()
        """Statuses beside 2xx that count as answers."""

    def count(self, body: Body, status: bytes, due: float) -> bool:
        """Count an answer; False when it was neither a success nor one of `answers`."""
        result = self.result
        if not status.startswith(b"2"):
            text = status.decode("latin-1")
            result.refused[text] = result.refused.get(text, 0) + 1
            if text not in self.answers:
                return False
        result.requests += 1
        result.events += body.events
        result.body_bytes += len(body.data)
        for table, rows in body.rows.items():
            result.rows[table] = result.rows.get(table, 0) + rows
        if len(result.latencies_ms) < LATENCIES_MAX:
            result.latencies_ms.append((time.perf_counter() - due) * 1000)
        return True

    async def go(self) -> Result:
        """Send until the deadline; returns when every connection has had its last answer."""
        order, parts = self.order, urlsplit(self.order.url)
        made = bodies(
            order.app_id,
            batch=order.batch,
            count=order.bodies,
            now_ms=int(time.time() * 1000),
            random=random.Random(order.seed),  # noqa: S311 - load, not secrets
        )
        host, port = parts.hostname or "localhost", parts.port or 80
        ready = [(_head(f"{host}:{port}", order.token, len(body.data)), body) for body in made]
        begun, cpu = time.perf_counter(), time.process_time()
        self.deadline = begun + order.seconds
        interval = order.batch / order.rate if order.rate else 0.0
        self.turnstile = Turnstile(interval, begun, order.requests_max)
        await asyncio.gather(
            *(self._client(number, host, port, ready) for number in range(order.connections))
        )
        self.result.seconds = time.perf_counter() - begun
        self.result.cpu_seconds = time.process_time() - cpu
        self.result.latencies_ms.sort()
        return self.result

    async def _client(self, number: int, host: str, port: int, ready: list[tuple[bytes, Body]]) -> None:
        """One connection, made again when it breaks, until the deadline."""
        loop = asyncio.get_running_loop()
        start = number * len(ready) // self.order.connections
        requests = _round_robin(ready, start)
        while time.perf_counter() < self.deadline:
            try:
                _, connection = await loop.create_connection(lambda: Connection(self, requests), host, port)
            except OSError:
                self.result.refused["no connection"] = self.result.refused.get("no connection", 0) + 1
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            left = self.deadline + 30 - time.perf_counter()
            await asyncio.wait({connection.done}, timeout=left)


def _round_robin(ready: list[tuple[bytes, Body]], start: int) -> Iterator[tuple[bytes, Body]]:
    while True:
        yield from ready[start:]
        start = 0


def _head(host: str, token: str, length: int) -> bytes:
    return (
        f"POST /api/events HTTP/1.1\r\nhost: {host}\r\nx-public-token: {token}\r\n"
        f"content-type: application/msgpack\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the sorted values lie; 0 for none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def main() -> None:
    """Carry out the order on stdin; exits 2 with a message where it is refused."""
    try:
        order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
        check(order)
    except (msgspec.DecodeError, OrderRefusedError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    result = uvloop.run(Run(order).go())
    with whole_stdout() as output:
        output.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
