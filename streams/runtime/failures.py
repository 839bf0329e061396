"""Counts how often a reader fails at one place, over restarts, and logs an error once it is too often.

A store that is away says nothing of a record and is not counted. Counting must never be what ends a process
or keeps it from starting: without its store nothing is counted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from schemas.edge.ports import StoreUnavailable
from schemas.failures import Failing, FailureStore
from schemas.log import LogUnavailable, RecordFailed
from streams.runtime import metrics

STORE_SECONDS: Final = 2.0
PAST_MS: Final = 15_000
"""A reader that is past the place and has run for so long without failing is past it for good: some readers
write what they have handled only seconds later."""
_ERROR_MAX: Final = 1_000
_log: Final = logging.getLogger(__name__)


class Failures:
    """One role's failures in this process. `store` None counts nothing."""

    def __init__(
        self,
        role: str,
        store: FailureStore | None = None,
        *,
        elsewhere: tuple[type[Exception], ...] = (),
        advice: Callable[[Failing], str] = lambda _: "",
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`elsewhere` are failures that say nothing of a record; `advice` is what to do about an entry."""
        self._role = role
        self._store = store
        self._elsewhere = (*elsewhere, LogUnavailable, StoreUnavailable)
        self._advice = advice
        self._clock_ms = clock_ms
        self._known: dict[tuple[str, int], Failing] | None = None
        self._begun: dict[tuple[str, int], int] = {}

    @property
    def current(self) -> list[Failing]:
        """What is known to fail."""
        return list((self._known or {}).values())

    async def begun(self, topic: str, partition: int, begin: int) -> None:
        """A reader begins at a position: one that has moved has left its failure behind."""
        self._begun[topic, partition] = self._clock_ms()
        entry = (await self._entries()).get((topic, partition))
        if entry is not None and entry.begin != begin:
            await self._forget(entry)

    async def handled(self, topic: str, partition: int, position: int, *, written: int | None = None) -> None:
        """All before `position` was handled without failing; before `written`, where known, for good."""
        if not self._known:
            return
        entry = self._known.get((topic, partition))
        begun_ms = self._begun.get((topic, partition), self._clock_ms())
        if entry is None or position <= entry.last:
            return
        long_ago = self._clock_ms() - begun_ms >= PAST_MS
        if long_ago if written is None else written > entry.last:
            await self._forget(entry)

    async def failed(self, topic: str, partition: int, *, begin: int, offset: int, error: Exception) -> None:
        """A reader that began at `begin` failed at the record at `offset`, or where a RecordFailed says."""
        if self._store is None or isinstance(error, self._elsewhere):
            return
        first, last, index = offset, offset, None
        if isinstance(error, RecordFailed):
            partition, first, last, index = error.partition, error.first, error.last, error.index
        before = (await self._entries()).get((topic, partition))
        again = before is not None and before.begin == begin
        now_ms = self._clock_ms()
        entry = Failing(
            role=self._role,
            topic=topic,
            partition=partition,
            begin=begin,
            first=first,
            last=last,
            index=index,
            failures=before.failures + 1 if before is not None and again else 1,
            error=str(error)[:_ERROR_MAX] or repr(error)[:_ERROR_MAX],
            first_at_ms=before.first_at_ms if before is not None and again else now_ms,
            last_at_ms=now_ms,
            kind=type(error).__name__,
        )
        self._keep(entry)
        if entry.poison:
            _log.error(
                "POISON: %s has failed %d times in a row while nothing is away, and holds up what is behind"
                " it. %s",
                entry.place,
                entry.failures,
                self._advice(entry),
            )
        await self._stored(self._store.put(entry))

    def _keep(self, entry: Failing) -> None:
        known = self._known if self._known is not None else {}
        self._known = known | {(entry.topic, entry.partition): entry}
        metrics.FAILURES.labels(entry.topic, str(entry.partition)).set(entry.failures)

    async def _forget(self, entry: Failing) -> None:
        self._known = {place: kept for place, kept in (self._known or {}).items() if kept is not entry}
        metrics.FAILURES.labels(entry.topic, str(entry.partition)).set(0)
        if entry.poison:
            _log.warning("%s is past: %d failures", entry.place, entry.failures)
        if self._store is not None:
            await self._stored(self._store.remove(entry))

    async def _entries(self) -> dict[tuple[str, int], Failing]:
        if self._known is None and self._store is not None:
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    entries = await self._store.all()
            except (StoreUnavailable, TimeoutError, msgspec.MsgspecError) as error:
                _log.warning("how often readers failed before is not known: %s", error)
                return {}
            self._known = {}
            for entry in entries:
                if entry.role == self._role:
                    self._keep(entry)
        return self._known or {}

    async def _stored(self, work: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await work
        except (StoreUnavailable, TimeoutError) as error:
            _log.warning("a failure is not counted: %s", error)
