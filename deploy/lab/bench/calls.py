"""The generator of S2's and S3's load: keep-alive connections, one call at a time each, as answers come.

A process of its own (`python -m deploy.lab.bench.calls`: its order as JSON on stdin, its result on stdout).
Every write has an idempotency key of its own, as an SDK sends it. Loopback only, bounded in time and count.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
import uvloop

from deploy.lab.bench.load import LOOPBACK, Connection, OrderRefusedError, Result, Run
from deploy.lab.bench.load import Order as Limits
from deploy.lab.bench.mix import Body
from deploy.stack.output import whole_stdout

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_MAX: Final = 600
CONNECTIONS_MAX: Final = 512
TARGETS_MAX: Final = 200_000
_KEY_DIGITS: Final = 12
_RETRY_SECONDS: Final = 0.1


class Target(msgspec.Struct, frozen=True):
    """One call: a path, more headers, and the body's beginning; empty for a GET.

    A body that ends with `}` is sent as it is: its idempotency key is among the headers.
    """

    path: str
    headers: str = ""
    body: str = ""


class CallOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to call. Targets are chosen at random; `body` is completed by `"idempotencyKey":"…"}`."""

    url: str
    token: str
    """Empty: each target has an `authorization` of its own."""
    targets: list[Target]
    seconds: float
    connections: int
    requests_max: int = 50_000_000
    once: bool = False
    """Every target once, in order, instead of at random for `seconds`."""
    answers: list[str] = []
    """Statuses beside 2xx that are answers like these; the result counts them as refused as well."""
    seed: int = 1


def check_calls(order: CallOrder) -> None:
    """Raise OrderRefusedError where the order is out of bounds."""
    if urlsplit(order.url).hostname not in LOOPBACK:
        raise OrderRefusedError(f"{order.url} is not on this machine; loads go to loopback alone")
    if not 0 < order.seconds <= SECONDS_MAX or not 1 <= order.connections <= CONNECTIONS_MAX:
        raise OrderRefusedError(f"at most {SECONDS_MAX} s and {CONNECTIONS_MAX} connections")
    if not 1 <= len(order.targets) <= TARGETS_MAX:
        raise OrderRefusedError(f"1 to {TARGETS_MAX} targets")


def heads_of(order: CallOrder) -> list[tuple[bytes, bytes]]:
    """Head and body's beginning of every target. Made once: a connection that says nothing is closed."""
    host = urlsplit(order.url).netloc
    return [_head(order, host, target) for target in order.targets]


def requests_of(
    order: CallOrder, ready: list[tuple[bytes, bytes]], seed: int, numbers: Iterator[int]
) -> Iterator[tuple[bytes, Body]]:
    """Head and body of one call after the other, of those that are `ready`."""
    chosen = random.Random(seed)  # noqa: S311 - load, not secrets
    while True:
        number = next(numbers)
        head, begin = ready[number % len(ready)] if order.once else chosen.choice(ready)
        keyed = begin and not begin.endswith(b"}")
        data = b'%s"idempotencyKey":"%0*d"}' % (begin, _KEY_DIGITS, number) if keyed else begin
        yield head, Body(data, 1, {})


def _head(order: CallOrder, host: str, target: Target) -> tuple[bytes, bytes]:
    begin = target.body.encode()
    whose = f"authorization: Bearer {order.token}\r\n" if order.token else ""
    common = f"host: {host}\r\n{whose}{target.headers}"
    if not begin:
        return f"GET {target.path} HTTP/1.1\r\n{common}\r\n".encode(), b""
    length = len(begin) + (0 if begin.endswith(b"}") else len('"idempotencyKey":""}') + _KEY_DIGITS)
    kind = f"content-type: application/json\r\ncontent-length: {length}\r\n"
    return f"POST {target.path} HTTP/1.1\r\n{common}{kind}\r\n".encode(), begin


async def go(order: CallOrder) -> Result:
    """Call until the time is over or `requests_max` calls were made."""
    parts = urlsplit(order.url)
    count = len(order.targets) if order.once else order.requests_max
    run = Run(
        Limits(
            url=order.url,
            token="",
            app_id="",
            seconds=order.seconds,
            connections=order.connections,
            batch=1,
            requests_max=count,
        )
    )
    run.answers = frozenset(order.answers)
    ready = heads_of(order)
    begun, cpu = time.perf_counter(), time.process_time()
    run.deadline = begun + order.seconds
    first = time.time_ns() // 1000 % 10**9 * 1000 if not order.once else 0
    numbers = itertools.count(first)

    async def client(number: int) -> None:
        loop = asyncio.get_running_loop()
        calls = requests_of(order, ready, order.seed + number, numbers)
        host, port = parts.hostname or "localhost", parts.port or 80
        while time.perf_counter() < run.deadline and run.turnstile.left:
            try:
                _, connection = await loop.create_connection(lambda: Connection(run, calls), host, port)
            except OSError:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await asyncio.wait({connection.done}, timeout=run.deadline + 30 - time.perf_counter())

    await asyncio.gather(*(client(number) for number in range(order.connections)))
    run.result.seconds = time.perf_counter() - begun
    run.result.cpu_seconds = time.process_time() - cpu
    run.result.latencies_ms.sort()
    return run.result


def main() -> None:
    """Carry out the order on stdin; exits 2 with a message where it is refused."""
    try:
        order = msgspec.json.decode(sys.stdin.buffer.read(), type=CallOrder)
        check_calls(order)
    except (msgspec.DecodeError, OrderRefusedError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    result = uvloop.run(go(order))
    with whole_stdout() as output:
        output.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
