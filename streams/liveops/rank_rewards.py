"""Rank rewards: what a frozen rank has earned is given to its player, never to a bot.

A reader of liveops' events. Its position is kept only after every grant before it was answered, and a grant's
id follows from board, player and reward, so a repeat of any part gives nothing twice. A position that is lost
begins at the log's start: everything is asked again, and nothing changes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import msgspec

from schemas.codec import Message
from schemas.envelope import Decided, EventsHead, EventsRecord
from schemas.liveops.commands import GiveRankReward
from schemas.liveops.event_windows import BoardChunkFinalized
from schemas.liveops.events import EVENTS
from schemas.liveops.names import player_aggregate
from schemas.log import LogReader, LogRecord, LogTail
from schemas.log_positions import Cursor, Position, PositionRefused, begin
from schemas.topics import Topic
from streams.asking import Asker, CommandRefused
from streams.gateway.pending_commands import CommandTooLarge, CommandUnavailable

GIVEN_AT_ONCE: Final = 512
KEPT_EVERY_MS: Final = 1_000
PATIENCE_S: Final = 20.0
"""How long grants are asked again before the process ends; below what the watchdog calls stuck."""
AGAIN_S: Final = 0.5

_log: Final = logging.getLogger(__name__)
_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_head: Final = msgspec.msgpack.Decoder(EventsHead)
_CHUNK: Final = BoardChunkFinalized.WIRE.encode()
"""Most records don't hold it: they are not decoded."""


class Positions(Protocol):
    """Each partition's position, in a store. Raises StoreUnavailable."""

    async def load(self, log_id: str, partition: int) -> Position:
        """The beginning where nothing is held of this log."""
        ...

    async def save(self, log_id: str, partition: int, position: Position) -> None:
        """Hold it."""
        ...


class Gift(msgspec.Struct, frozen=True):
    """One reward for one player."""

    studio_id: str
    game_id: str
    external_id: str
    command: GiveRankReward


class RankRewards(LogReader):
    """Gives rank rewards. Two of them on one partition are harmless."""

    def __init__(
        self,
        asker: Asker,
        *,
        topic: Topic,
        tail: LogTail,
        positions: Positions,
        patience_s: float = PATIENCE_S,
        again_s: float = AGAIN_S,
    ) -> None:
        self._patience_s = patience_s
        self._again_s = again_s
        self._asker = asker
        self._topic = topic
        self._tail = tail
        self._positions = positions
        self._log_id = ""
        self._cursors: dict[int, Cursor] = {}
        self._kept: dict[int, int] = {}
        """By partition: the next offset of the position that is kept."""
        self._kept_ms = 0

    async def assigned(self, partition: int) -> int:
        """Continue at the stored position; at the log's start where it can't be this log's.

        Raises LogTrimmed where the log begins after either.
        """
        topic, where = self._topic.name, "the position of rank rewards"
        self._log_id = await self._tail.log_id(topic)
        held = await self._positions.load(self._log_id, partition)
        try:
            start = await begin(self._tail, topic, partition, held, where=where)
        except PositionRefused as refused:
            start = await begin(self._tail, topic, partition, Position(), where=where)
            _log.warning("all rank rewards are asked again, which gives nothing twice: %s", refused)
        if start.marked:
            await self._positions.save(self._log_id, partition, start.position)
        self._cursors[partition] = Cursor(start.position)
        self._kept[partition] = start.position.offset
        return start.position.offset

    async def handle(self, record: LogRecord) -> None:
        """Give what a record's chunks have earned. Raises where that can't be done in time."""
        head = _head.decode(record.value)
        cursor = self._cursors[record.partition]
        counts = cursor.verdict(record.offset, head.src) == "applied"
        given = gifts(_decoder.decode(record.value)) if counts and _CHUNK in record.value else []
        if given:
            await self._give(given)
        cursor.accept(record, head.src)
        if given:
            await self._keep(record.partition)

    async def idle(self, now_ms: int) -> None:
        """Now and then keep the position, so that a restart reads little again."""
        if now_ms - self._kept_ms < KEPT_EVERY_MS:
            return
        self._kept_ms = now_ms
        for partition, cursor in list(self._cursors.items()):
            if cursor.offset != self._kept[partition]:
                await self._keep(partition)

    async def revoked(self, partition: int) -> None:
        """Forget the partition."""
        self._cursors.pop(partition, None)
        self._kept.pop(partition, None)

    async def _keep(self, partition: int) -> None:
        position = self._cursors[partition].position
        await self._positions.save(self._log_id, partition, position)
        self._kept[partition] = position.offset

    async def _give(self, given: Sequence[Gift]) -> None:
        deadline = asyncio.get_running_loop().time() + self._patience_s
        left = list(given)
        while left:
            some, left = left[:GIVEN_AT_ONCE], left[GIVEN_AT_ONCE:]
            answers = await asyncio.gather(*(self._ask(gift) for gift in some))
            away = [gift for gift, answered in zip(some, answers, strict=True) if not answered]
            if not away:
                deadline = asyncio.get_running_loop().time() + self._patience_s
                continue
            if asyncio.get_running_loop().time() > deadline:
                raise CommandUnavailable(f"{len(away) + len(left)} rank rewards were not answered")
            left = away + left
            await asyncio.sleep(self._again_s)  # the log or the store is away: asked again twice a second

    async def _ask(self, gift: Gift) -> bool:
        """Whether it was answered. A refusal is an answer: asking again would give the same."""
        try:
            await self._asker.ask(
                gift.command,
                aggregate_id=player_aggregate(gift.game_id, gift.external_id),
                studio_id=gift.studio_id,
                game_id=gift.game_id,
            )
        except CommandUnavailable as error:
            _log.warning("a rank reward waits: %s", error)
            return False
        except (CommandRefused, CommandTooLarge) as error:
            _log.error("a rank reward was not given: %s", error)
        return True


def gifts(record: EventsRecord) -> list[Gift]:
    """What the chunks of a record have earned, in their order. Pure."""
    return [
        gift
        for decided in record.decided
        for event in decided.events
        if event.type == BoardChunkFinalized.WIRE
        for gift in _gifts_of(decided, EVENTS.decode(event.type, event.data))
    ]


def _gifts_of(decided: Decided, chunk: Message) -> Iterator[Gift]:
    if not isinstance(chunk, BoardChunkFinalized):
        return
    for entry in chunk.entries:
        if entry.is_bot:
            continue
        for reward in chunk.rewards:
            if entry.rank <= reward.rank_max:
                command = GiveRankReward(
                    event_key=chunk.event_key,
                    window_id=chunk.window_id,
                    board_id=chunk.board_id,
                    rank=entry.rank,
                    trigger=reward.trigger,
                    ordinal=reward.ordinal,
                    table_version=chunk.table_version,
                    entries=reward.entries,
                    table=reward.table,
                )
                yield Gift(decided.studio_id, decided.game_id, entry.external_id, command)
