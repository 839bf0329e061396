"""Takes deliveries that are due and posts them, in order within a line, many lines at once.

At most PER_TARGET of one target are under way, one of a target that keeps failing: a dead target costs one
connection and delays no other. A process that ends leaves its leases, which run out; what was under way then
is posted again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from prometheus_client import Counter as Metric

from schemas.edge.ports import StoreUnavailable
from schemas.log import LogUnavailable
from schemas.webhooks import KEPT_MS, Delivery, LeasedDelivery, WebhookTarget
from streams.webhooks.backoff import next_try_ms

LEASE_MS: Final = 60_000
TOTAL: Final = 128
PER_TARGET: Final = 8
FAILING_AFTER: Final = 3
"""Failures in a row after which a target gets one connection, until it answers."""
IDLE_S: Final = 0.2
TARGETS_REMEMBERED: Final = 10_000

_SENT: Final = Metric("questlog_webhooks_sent", "Attempts to deliver, by what came of them.", ["outcome"])
_log: Final = logging.getLogger(__name__)


class Queue(Protocol):
    """Where deliveries wait. Raises StoreUnavailable."""

    async def take(
        self, now_ms: int, *, lease_ms: int, total: int, per_target: int, fewer: Mapping[str, int]
    ) -> Sequence[LeasedDelivery]:
        """Those that are due, under a lease."""
        ...

    async def done(self, taken: LeasedDelivery, now_ms: int) -> None:
        """It was delivered, or given up."""
        ...

    async def again(self, taken: LeasedDelivery, at_ms: int, now_ms: int) -> None:
        """It failed and is tried again then."""
        ...


Find = Callable[[str, str], Awaitable[WebhookTarget | None]]
"""(game id, target id) -> the target as it is declared now; None when it is no longer."""
Send = Callable[[Delivery, WebhookTarget, int], Awaitable[str]]
"""(delivery, target, unix seconds) -> empty, or why it failed."""
GiveUp = Callable[[Delivery, str], Awaitable[None]]
"""Appends a delivery to the dead letters, with why."""


class WebhookDeliverer:
    """Run one or several: leases keep them apart."""

    def __init__(
        self, queue: Queue, *, find: Find, send: Send, give_up: GiveUp, clock_ms: Callable[[], int]
    ) -> None:
        self._queue = queue
        self._find = find
        self._send = send
        self._give_up = give_up
        self._clock_ms = clock_ms
        self._under_way: Counter[str] = Counter()
        self._failures: dict[str, tuple[int, str]] = {}
        """By target: how often in a row, and why the last time."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; what is under way then is finished, which takes the answer's time."""
        while not stop.is_set():
            began = 0
            try:
                began = await self.tick(self._clock_ms())
            except StoreUnavailable as error:
                _log.warning("webhooks wait: %s", error)
            if not began:
                self._freed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._freed.wait()
        await self.finished()

    async def tick(self, now_ms: int) -> int:
        """Begin what is due and has room; return how many. `finished` waits for them."""
        room = TOTAL - len(self._tasks)
        if room <= 0:
            return 0
        busy = {target: count for target, count in self._under_way.items() if count}
        fewer = {
            target: max(0, self._most(target) - busy.get(target, 0)) for target in {*busy, *self._failures}
        }
        taken = await self._queue.take(
            now_ms, lease_ms=LEASE_MS, total=room, per_target=PER_TARGET, fewer=fewer
        )
        for one in taken:
            self._under_way[one.delivery.target] += 1
            task = asyncio.create_task(self._deliver(one))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(taken)

    async def finished(self) -> None:
        """Wait for what is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _most(self, target: str) -> int:
        failures, _ = self._failures.get(target, (0, ""))
        return 1 if failures >= FAILING_AFTER else PER_TARGET

    async def _deliver(self, taken: LeasedDelivery) -> None:
        target_name = taken.delivery.target
        try:
            await self._attempt(taken)
        except (StoreUnavailable, LogUnavailable) as error:  # its lease runs out, then it is taken again
            _log.warning("delivery %s waits: %s", taken.delivery.id, error)
        except Exception:  # noqa: BLE001 - one delivery ends no other; its lease runs out
            _log.exception("delivery %s", taken.delivery.id)
        finally:
            self._under_way[target_name] -= 1
            if not self._under_way[target_name]:
                del self._under_way[target_name]
            self._freed.set()

    async def _attempt(self, taken: LeasedDelivery) -> None:
        one = taken.delivery
        target = await self._find(one.game_id, one.target_id)
        if target is None:  # it was taken out of the definition
            await self._settle(taken, "dropped")
            return
        now_ms = self._clock_ms()
        failures, last = self._failures.get(one.target, (0, ""))
        if (
            failures >= FAILING_AFTER and now_ms >= one.queued_at_ms + KEPT_MS
        ):  # a dead target's backlog costs no attempts
            await self._end(taken, f"its target keeps failing: {last}")
            return
        why = await self._send(one, target, now_ms // 1000)
        if not why:
            self._failures.pop(one.target, None)
            await self._settle(taken, "delivered")
            return
        if len(self._failures) >= TARGETS_REMEMBERED:
            self._failures.clear()
        self._failures[one.target] = (self._failures.get(one.target, (0, ""))[0] + 1, why)
        now_ms = self._clock_ms()
        at_ms = next_try_ms(one.id, taken.attempts + 1, now_ms, one.queued_at_ms)
        if at_ms is None:
            await self._end(taken, why)
            return
        _SENT.labels("failed").inc()
        _log.info("delivery %s to %s failed (attempt %d): %s", one.id, one.target, taken.attempts + 1, why)
        await self._queue.again(taken, at_ms, now_ms)

    async def _end(self, taken: LeasedDelivery, why: str) -> None:
        """The dead letter first: whatever happens in between, the delivery is not lost."""
        await self._give_up(taken.delivery, why)
        await self._settle(taken, "dead")

    async def _settle(self, taken: LeasedDelivery, outcome: str) -> None:
        _SENT.labels(outcome).inc()
        await self._queue.done(taken, self._clock_ms())
