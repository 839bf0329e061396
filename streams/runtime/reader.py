"""Runs a role: Faust reads the topics, a `LogReader` for each takes effect, one record at a time.

Where reading begins is the reader's word alone: the position it returns is committed before Faust seeks, so
the consumer group's offsets never decide anything. Anything unforeseen ends the process (exit 70, or 71 by
the watchdog): its supervisor starts it again, and it folds again. Nothing is repaired in place.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import faust
import msgspec
from faust.types import TP

from schemas.log import LogReader, LogRecord, LogTail
from schemas.topics import Topic
from streams.runtime import patches
from streams.runtime.application import last_heartbeat_age_ms
from streams.runtime.binding import Binding
from streams.runtime.failures import Failures
from streams.runtime.process import EXIT_FAILED, end_process
from streams.runtime.watchdog import Watchdog

_log: Final = logging.getLogger(__name__)

IDLE_SECONDS: Final = 0.1

Exit = Callable[[int], Any]


class Role:
    """A worker process: an app, its bindings, and the watch over them.

    With `lanes` partitions are handled at the same time, for readers that keep them apart: `handle` and
    `revoked` of one may come during `handle` of another, and so may `idle`.
    """

    def __init__(
        self,
        app: faust.App,
        bindings: Sequence[tuple[Topic, LogReader]],
        *,
        tail: LogTail,
        lanes: bool = False,
        failures: Failures | None = None,
        exit_process: Exit = os._exit,
    ) -> None:
        self.app = app
        self._failures = failures or Failures("")
        self.bindings = {
            topic.name: Binding(topic, reader, self._ending_on_failure, lanes=lanes, failures=self._failures)
            for topic, reader in bindings
        }
        self._tail = tail
        self._exit = exit_process
        self._stopping = False
        self._assigning = False
        self._settled = False
        self._watchdog = Watchdog(self._end, tail, lambda: None if self._takes_long() else self._positions())
        for binding in self.bindings.values():
            self._add_agent(binding)
        signals: Any = app  # mode's types know no bound methods
        signals.on_rebalance_complete.connect(self._on_rebalance_complete)
        signals.on_partitions_revoked.connect(self._on_partitions_revoked)

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set, then finish the current record and leave the group. Call it once."""
        ticking = asyncio.ensure_future(self._tick())
        stopping = asyncio.ensure_future(stop.wait())
        self._watchdog.start()
        try:
            with self._ending_on_failure(str(self.app.conf.id)):
                await self.app.start()
                ended = asyncio.ensure_future(self.app.wait_until_stopped())
                await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not stop.is_set():
                    raise RuntimeError(f"the app ended by itself: {self.app.crash_reason!r}")
                self._stopping = True
                await self.app.stop()
                for binding in self.bindings.values():
                    await binding.close()
                ended.cancel()
        finally:
            self._stopping = True
            ticking.cancel()
            stopping.cancel()
            await self._watchdog.stop()

    def health(self) -> dict[str, Any]:
        """For `/healthz`, `/readyz` and `status`: positions, lag, and the age of the last heartbeat in ms.

        `settled` once it has joined its group and folded what it was given, if anything. `failing` names the
        places at which it has failed before and that it is not past yet.
        """
        partitions = [health for binding in self.bindings.values() for health in binding.health()]
        return {
            "role": self.app.conf.id,
            "heartbeat_age_ms": round(last_heartbeat_age_ms(self.app), 1),
            "assigned": bool(partitions),
            "settled": self._settled,
            "failing": [entry.place for entry in self._failures.current if entry.poison],
            "partitions": [msgspec.to_builtins(partition) for partition in partitions],
        }

    def _add_agent(self, binding: Binding) -> None:
        topic = self.app.topic(binding.topic.name, key_type=bytes, value_type=bytes)

        async def read(stream: Any) -> None:
            with self._ending_on_failure(f"the reader of {binding.topic.name}"):
                async for event in stream.events():
                    message = event.message
                    await binding.offer(
                        LogRecord(
                            topic=message.topic,
                            partition=message.partition,
                            offset=message.offset,
                            appended_at_ms=round(message.timestamp * 1000.0),
                            key=message.key,
                            value=message.value or b"",
                        )
                    )
                if not self._leaving():
                    raise RuntimeError("the stream ended")

        self.app.agent(topic, name=f"{self.app.conf.id}.{binding.topic.name}", concurrency=1)(read)

    async def _on_rebalance_complete(self, *_args: Any, **_kwargs: Any) -> None:
        """Awaited by Faust after assignment, before it seeks and fetches."""
        with self._ending_on_failure("taking partitions"):
            self._assigning = True
            self._settled = False
            try:
                await self._take_partitions()
                self._settled = True
                # What was folded is state and no garbage: a collection would visit all of it, for seconds
                # where there are a million players.
                gc.freeze()
            finally:
                self._assigning = False

    async def _take_partitions(self) -> None:
        app: Any = self.app
        generation = app.consumer_generation_id
        patches.mark_heartbeat(app.conf.id)
        positions: dict[TP, int] = {}
        for where in sorted(app.consumer.assignment()):
            binding = self.bindings.get(where.topic)
            if binding is not None:
                await binding.revoked(where.partition)
                positions[where] = await binding.assigned(where.partition, self._tail)
        if app.consumer_generation_id != generation:
            for where in positions:  # another rebalance came meanwhile, and will call again
                await self.bindings[where.topic].revoked(where.partition)
            return
        if positions and not await app.consumer._commit(positions):  # noqa: SLF001 - the measured recipe
            raise RuntimeError("the group moved on meanwhile")
        for where, position in positions.items():
            # Upstream seeks to a committed offset only above 0: a fetcher that had looked up the group's
            # older and higher one before would go on there, and a store that restarted empty would wait.
            await app.consumer.seek(where, position)
            _log.info("reading %s[%d] from %d", where.topic, where.partition, position)

    async def _on_partitions_revoked(self, _app: Any, revoked: set[TP], **_kwargs: Any) -> None:
        """Awaited by Faust after the current record is done."""
        with self._ending_on_failure("giving up partitions"):
            for where in revoked:
                binding = self.bindings.get(where.topic)
                if binding is not None:
                    await binding.revoked(where.partition)

    async def _tick(self) -> None:
        with self._ending_on_failure("a reader between records"):
            while True:
                await asyncio.sleep(IDLE_SECONDS)
                for binding in self.bindings.values():
                    await binding.idle(time.time_ns() // 1_000_000)

    def _takes_long(self) -> bool:
        return self._assigning or any(binding.works_long for binding in self.bindings.values())

    def _leaving(self) -> bool:
        return self._stopping or self.app.should_stop

    @contextlib.contextmanager
    def _ending_on_failure(self, what: str) -> Iterator[None]:
        """What leaves this block ends the process: upstream would log it, acknowledge the record, go on."""
        try:
            yield
        except asyncio.CancelledError:
            if self._leaving():
                raise
            self._end(EXIT_FAILED, f"{what} was cancelled")
        except Exception as error:  # noqa: BLE001 - nothing is repaired in place
            _log.critical("%s failed", what, exc_info=error)
            self._end(EXIT_FAILED, f"{what} failed: {error!r}")

    def _positions(self) -> list[tuple[str, dict[int, int], dict[int, int]]]:
        return [(name, binding.positions, binding.ends) for name, binding in self.bindings.items()]

    def _end(self, code: int, reason: str) -> None:
        end_process(code, reason, self._exit)


async def run_role(
    app: faust.App,
    bindings: Sequence[tuple[Topic, LogReader]],
    *,
    tail: LogTail,
    stop: asyncio.Event,
    lanes: bool = False,
) -> None:
    """Run a worker until `stop` is set. See `Role`, which also tells its health."""
    await Role(app, bindings, tail=tail, lanes=lanes).run(stop)
