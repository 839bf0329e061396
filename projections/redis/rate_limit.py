"""Rate limits shared by all processes of a deployment: a Lua script, and a memory of refusals beside it.

A bucket that was just refused is refused here without asking Redis, so that a flood costs a dictionary
look-up.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from redis.asyncio import Redis

from projections.redis.client import AWAY, CannotWriteNow
from projections.redis.local_buckets import Buckets, Decision, LocalBuckets
from projections.redis.scripts import RATE_LIMIT
from schemas.edge.ports import Counted, StoreUnavailable, Verdict

REMEMBERED: Final = 20_000
"""Refusals remembered at most; the oldest are forgotten first, and then cost one round trip again."""
TOGETHER_MAX: Final = 256
"""Calls of one script; more make another."""
COUNTED_S: Final = 0.1
"""Where refused calls count, Redis is sent one refused call in this time from each process."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Decision]).decode


class RedisRateLimiter:
    """Implements `schemas.edge.ports.RateLimiter`.

    `limit` calls a `period_ms` with a burst of one period's worth. When refused, waiting `retry_after_ms`
    without calling suffices. With `count_refused`, refused calls count like others, and waits never exceed a
    period. Raises StoreUnavailable while Redis is away: nothing is guessed. Where it can only read (its disk
    is full), this process counts for itself meanwhile, so that reads go on; no write is acknowledged then.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        prefix: str = "limit:",
        monotonic: Callable[[], float] = time.monotonic,
        remembered: int = REMEMBERED,
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._monotonic = monotonic
        self._remembered = remembered
        self._waiting: list[tuple[Buckets, asyncio.Future[Decision]]] = []
        self._local = LocalBuckets(monotonic)
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused: OrderedDict[tuple[str, float, int], tuple[float, float, float]] = OrderedDict()

    async def take(
        self, bucket: str, *, limit: float, period_ms: int, count_refused: bool = False
    ) -> Verdict:
        """Count one call. A limit of 0 or below refuses everything."""
        verdict, _ = await self._take([Counted(bucket, limit, period_ms)], count_refused=count_refused)
        return verdict

    async def take_all(self, calls: Sequence[Counted]) -> tuple[Verdict, Counted]:
        """Count one call in several buckets, or in none of them where one refuses."""
        return await self._take(calls, count_refused=False)

    async def _take(self, calls: Sequence[Counted], *, count_refused: bool) -> tuple[Verdict, Counted]:
        arguments: Buckets = []
        for call in calls:
            if call.limit <= 0:
                return Verdict(
                    allowed=False, retry_after_ms=call.period_ms, remaining=0, reset_ms=call.period_ms
                ), call
            remembered = self._remembered_refusal(call)
            if remembered is not None:
                return remembered, call
            arguments += (
                self._prefix + call.bucket,
                call.limit,
                call.period_ms,
                count_refused,
            )
        allowed, retry_after_ms, remaining, reset_ms, which = await self._ask(arguments)
        asked = calls[which - 1]
        if not allowed:
            now = self._monotonic()
            free_at = now + retry_after_ms / 1000
            ask_at = min(free_at, now + COUNTED_S) if count_refused else free_at
            self._refused[asked.bucket, asked.limit, asked.period_ms] = (
                ask_at,
                free_at,
                now + reset_ms / 1000,
            )
            if len(self._refused) > self._remembered:
                self._refused.popitem(last=False)
        verdict = Verdict(
            allowed=bool(allowed), retry_after_ms=retry_after_ms, remaining=remaining, reset_ms=reset_ms
        )
        return verdict, asked

    def _remembered_refusal(self, call: Counted) -> Verdict | None:
        memory = (call.bucket, call.limit, call.period_ms)
        remembered = self._refused.get(memory)
        if remembered is None:
            return None
        now = self._monotonic()
        ask_at, free_at, reset_at = remembered
        if now >= ask_at:
            del self._refused[memory]
            return None
        return Verdict(
            allowed=False, retry_after_ms=_ms(free_at - now), remaining=0, reset_ms=_ms(reset_at - now)
        )

    async def _ask(self, arguments: Buckets) -> Decision:
        """The script's word on a call. What is asked in one turn of the event loop is asked together."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Decision] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._send)
        self._waiting.append((arguments, answer))
        return await answer

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), TOGETHER_MAX):
            task = asyncio.get_running_loop().create_task(self._run(waiting[first : first + TOGETHER_MAX]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, some: list[tuple[Buckets, asyncio.Future[Decision]]]) -> None:
        problem: Exception | None = None
        reply: list[Decision] = []
        try:
            calls = _encode([arguments for arguments, _ in some])
            reply = _decode(await RATE_LIMIT.run(self._redis, calls))
        except CannotWriteNow:
            reply = [self._local.take(arguments) for arguments, _ in some]
        except AWAY as error:
            problem = StoreUnavailable(f"Redis is away: {error}")
        except Exception as error:  # noqa: BLE001 - raised in every task that waits
            problem = error
        for index, (_, answer) in enumerate(some):
            if answer.done():  # the caller was cancelled; the call counts
                continue
            if problem is not None:
                answer.set_exception(problem)
            else:
                answer.set_result(reply[index])


def _ms(seconds: float) -> int:
    return max(1, -int(-seconds * 1000 // 1))
