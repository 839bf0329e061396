"""Reads a noun's events into the webhooks' queue, each record once: deliveries and position in one script.

Only records with a delivery cost a script; otherwise the position moves once a second. A Redis that lost its
data is read again from the log's start, where events older than 24 hours are passed over; younger ones are
sent again with their ids (at least once).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol, TypeVar

import msgspec
from prometheus_client import Counter

from projections.webhooks.deliveries import NotifiedEvent, notified_events, planned
from projections.webhooks.notifications import Notified
from projections.webhooks.queue import WebhookQueue
from schemas.edge.ports import Game, StoreUnavailable
from schemas.envelope import EventsHead, EventsRecord
from schemas.log import LogReader, LogRecord, LogTail
from schemas.log_positions import Cursor, StoreRegressed, begin
from schemas.topics import Topic
from schemas.webhooks import KEPT_MS, Delivery, WebhookTarget, targets_of

KEPT_EVERY_MS: Final = 1_000
PATIENCE_S: Final = 10.0
"""How long the store may be away before the process ends; below what the watchdog calls stuck."""
WAITING_MAX: Final = 100_000
"""Deliveries that may wait for one target; what comes then is a dead letter at once."""

_PUT = Counter("questlog_webhooks_queued", "Deliveries put into the queue.", ["type"])
_OVER = Counter("questlog_webhooks_over", "Deliveries given up because too many wait for their target.")
_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_head: Final = msgspec.msgpack.Decoder(EventsHead)
T = TypeVar("T")


class Games(Protocol):
    """Games by id, at most a second old. Raises StoreUnavailable."""

    async def game(self, game_id: str) -> Game | None:
        """None where there is no such game."""
        ...


GiveUp = Callable[[Delivery, str], Awaitable[None]]
"""Appends a delivery to the dead letters, with why."""


class _Place(msgspec.Struct):
    cursor: Cursor
    held: int
    """The next offset that the store holds."""


class WebhookReader(LogReader):
    """One for each noun. Two of them on one partition: one finds the other's position and ends."""

    def __init__(
        self,
        queue: WebhookQueue,
        *,
        topic: Topic,
        notified: Notified,
        tail: LogTail,
        games: Games,
        give_up: GiveUp,
        clock_ms: Callable[[], int],
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._queue = queue
        self._waiting_max = waiting_max
        self._topic = topic
        self._notified = notified
        self._names = tuple(name.encode() for name in sorted(notified.wire_names))
        self._tail = tail
        self._games = games
        self._give_up = give_up
        self._clock_ms = clock_ms
        self._log_id = ""
        self._places: dict[int, _Place] = {}
        self._kept_ms = 0

    async def assigned(self, partition: int) -> int:
        """Continue at the store's position; at the log's start where it holds nothing of this log.

        Raises PositionRefused where the store's position is not in the log.
        """
        topic = self._topic.name
        self._log_id = await self._tail.log_id(topic)
        held = await self._patiently(partial(self._queue.position, self._at(partition)))
        start = await begin(self._tail, topic, partition, held, where="the webhooks' position in Redis")
        self._places[partition] = place = _Place(Cursor(start.position), held.offset)
        if start.marked:
            await self._put(partition, place, [])
        return held.offset

    async def handle(self, record: LogRecord) -> None:
        """Put what the record gives to deliver. Raises StoreRegressed where the store lost data."""
        head = _head.decode(record.value)
        place = self._places[record.partition]
        deliveries: list[Delivery] = []
        counts = place.cursor.verdict(record.offset, head.src) == "applied"
        young = record.appended_at_ms >= self._clock_ms() - KEPT_MS
        # Most records hold none of them: they are not decoded.
        if counts and any(name in record.value for name in self._names):
            happened = notified_events(_decoder.decode(record.value), self._notified)
            await self._drop(happened)  # before the position: after a crash once more
            if young:
                targets = await self._targets({one.game_id for one in happened})
                deliveries = planned(happened, targets, record.appended_at_ms, self._notified)
        place.cursor.accept(record, head.src)
        if deliveries:
            await self._put(record.partition, place, await self._with_room(deliveries))

    async def idle(self, now_ms: int) -> None:
        """Now and then keep the position, and so see that the store still holds what was put."""
        if now_ms - self._kept_ms < KEPT_EVERY_MS:
            return
        self._kept_ms = now_ms
        for partition, place in self._places.items():
            if place.cursor.offset != place.held:
                await self._put(partition, place, [])
            elif place.held:
                held = await self._patiently(partial(self._queue.position, self._at(partition)))
                self._same(partition, place.held, held.offset)

    async def revoked(self, partition: int) -> None:
        """Forget the partition."""
        self._places.pop(partition, None)

    async def _put(self, partition: int, place: _Place, deliveries: list[Delivery]) -> None:
        position = place.cursor.position

        def put() -> Awaitable[int]:
            return self._queue.put(
                self._at(partition), expected=place.held, position=position, deliveries=deliveries
            )

        held = await self._patiently(put)  # put twice, the second finds `offset`: it is there
        self._same(partition, position.offset, held)
        place.held = held
        for one in deliveries:
            _PUT.labels(one.type).inc()

    def _same(self, partition: int, wanted: int, held: int) -> None:
        if held != wanted:
            raise StoreRegressed(
                f"Redis holds webhooks of {self._topic.name}[{partition}] up to {held}, not {wanted}: it lost"
                " data, or another process reads this partition"
            )

    async def _drop(self, happened: list[NotifiedEvent]) -> None:
        for one in happened:
            for dropped in self._notified.dropped(one.message):
                await self._patiently(partial(self._queue.drop, dropped))

    async def _targets(self, games: set[str]) -> dict[str, list[WebhookTarget]]:
        targets: dict[str, list[WebhookTarget]] = {}
        for game_id in games:
            game = await self._patiently(partial(self._games.game, game_id))
            if game is not None:
                targets[game_id] = targets_of(game)
        return targets

    async def _with_room(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Those whose target has room; the others are dead letters before the position moves."""
        room: dict[str, bool] = {}
        for target in {one.target for one in deliveries}:
            waiting = await self._patiently(partial(self._queue.waiting_for, target))
            room[target] = waiting < self._waiting_max
        for one in deliveries:
            if not room[one.target]:
                await self._give_up(one, f"{self._waiting_max} deliveries wait for this target")
                _OVER.inc()
        return [one for one in deliveries if room[one.target]]

    def _at(self, partition: int) -> str:
        return f"{self._log_id}/{partition}"

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                return await ask()
            except StoreUnavailable:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(
                    0.1
                )  # a store sends no notification when it is back: it is polled ten times a second
