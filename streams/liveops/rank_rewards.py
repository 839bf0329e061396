"""Rank rewards: what a frozen rank has earned is given to its player, never to a bot or a forgotten one.

A grant's id follows from board, player and reward, so a repeat of any part gives nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

import msgspec

from schemas.codec import Message
from schemas.envelope import Decided, EventsRecord
from schemas.liveops.commands import GiveRankReward
from schemas.liveops.event_windows import BoardChunkFinalized
from schemas.liveops.events import EVENTS
from schemas.liveops.names import is_pseudonym, player_aggregate
from schemas.log import LogRecord
from streams.asking import Asker
from streams.asking_reader import AskingReader
from streams.effect_reader import RETRY, Reading, Retry

_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_CHUNK: Final = BoardChunkFinalized.WIRE.encode()
"""Most records don't hold it: they are not decoded."""


class Gift(msgspec.Struct, frozen=True):
    """One reward for one player."""

    studio_id: str
    game_id: str
    external_id: str
    command: GiveRankReward


class RankRewards(AskingReader):
    """Gives rank rewards."""

    def __init__(self, asker: Asker, reading: Reading, *, retry: Retry = RETRY) -> None:
        super().__init__("rank rewards", reading, retry=retry)
        self._asker = asker

    async def take(self, record: LogRecord) -> bool:
        """Give what a record's chunks have earned. Raises where that can't be done in time."""
        given = gifts(_decoder.decode(record.value)) if _CHUNK in record.value else []
        await self.ask_all([partial(self._ask, gift) for gift in given])
        return bool(given)

    async def _ask(self, gift: Gift) -> None:
        await self._asker.ask(
            gift.command,
            aggregate_id=player_aggregate(gift.game_id, gift.external_id),
            studio_id=gift.studio_id,
            game_id=gift.game_id,
        )


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
        if entry.is_bot or is_pseudonym(entry.external_id):
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
