"""The end of windows: each partition gets a marker, lobbies are settled, then every board's ranks are frozen.

The order is what makes ranks final. First the partition of the window's groups and lobbies gets its marker:
no player joins after it. Then its lobbies are settled, which gives bots their last scores. Then all other
partitions get theirs: after the last one no attempt moves. A success is answered once its projection has
applied it, so what is read after the last answer is all there will ever be, and a window whose partitions are
all closed has no open lobby. Any step may happen twice, or by two timers at once; after an outage the oldest
window comes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from schemas.edge.ports import StoreUnavailable
from schemas.identifiers import partition_of
from schemas.liveops.answers import SettleAnswer
from schemas.liveops.commands import CloseWindow, FinalizeBoard, SettleLobbies
from schemas.liveops.names import event_aggregate, window_aggregate
from schemas.liveops.ports import DueReads, WindowBoard, WindowRow
from schemas.liveops.views import FinalEntry, RankReward
from schemas.topics import COMMAND_RECORD_BYTES_MAX
from streams.asking import Asker, CommandRefused
from streams.deciders.liveops.boards import CHUNK_MAX
from streams.deciders.liveops.rules import rules_of
from streams.gateway.pending_commands import CommandTooLarge, CommandUnavailable

WINDOWS_PER_TICK: Final = 100
WINDOWS_AT_ONCE: Final = 4
REFUSED_MAX: Final = 1000
"""Windows that may be deferred; beyond them the oldest hold up newer ones."""
REFUSED_MS_MAX: Final = 5 * 60 * 1000
"""The longest deferral of a window that is refused again and again."""
BOARDS_PER_TICK: Final = 1000
"""Of one window; the rest follow in the next round."""
BOARDS_AT_ONCE: Final = 16
LARGE: Final = 500
"""A chunk with more entries is large: a partition takes few of them in the time an answer may take."""
LARGE_AT_ONCE: Final = 8
CHUNKS_PER_TICK: Final = 100
"""Of one board: 200,000 ranks."""
SETTLES_PER_TICK: Final = 100
"""Of one window: 50,000 lobbies."""
GIFTS_MAX: Final = 4_000
"""Rank rewards that one chunk may earn: who gives them must be seen to move."""
ENTRY_BYTES: Final = 80
"""What a packed entry takes at most beside its external id."""
CHUNK_BYTES_MAX: Final = COMMAND_RECORD_BYTES_MAX - 16 * 1024
"""What entries and definition of a chunk may take; the rest of the record is the envelope's."""

_log: Final = logging.getLogger(__name__)


class WindowManager:
    """Closes and finalizes windows that are over. One timer is enough; two are harmless.

    A window that is refused is deferred by a second, then two, then four, so that it holds up no other.
    """

    def __init__(self, asker: Asker, dues: DueReads, *, partitions: int, chunk_max: int = CHUNK_MAX) -> None:
        self._asker = asker
        self._chunk_max = chunk_max
        self._dues = dues
        self._partitions = partitions
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._aside: dict[_Name, _Aside] = {}

    async def tick(self, now_ms: int) -> int:
        """One round; return how many windows came to their end in it. Raises StoreUnavailable."""
        found = await self._dues.windows_over(now_ms, WINDOWS_PER_TICK + len(self._aside))
        names = {_name_of(row) for row in found}
        self._aside = {name: aside for name, aside in self._aside.items() if name in names}
        rows = [row for row in found if not self._is_deferred(row, now_ms)][:WINDOWS_PER_TICK]
        slots = asyncio.Semaphore(WINDOWS_AT_ONCE)

        async def one(row: WindowRow) -> bool:
            async with slots:
                return await self._patiently(row, now_ms)

        return sum(await asyncio.gather(*(one(row) for row in rows)))

    async def _patiently(self, row: WindowRow, now_ms: int) -> bool:
        """One window holds no other: what it waits for is asked again in a later round."""
        try:
            done = await self._advance(row)
        except (CommandRefused, CommandUnavailable, CommandTooLarge, StoreUnavailable) as error:
            _log.warning("window %s of %s/%s waits: %s", row.window_id, row.game_id, row.event_key, error)
            if isinstance(error, CommandRefused | CommandTooLarge):
                self._put_aside(row, now_ms)
            return False
        self._aside.pop(_name_of(row), None)
        return done

    def _is_deferred(self, row: WindowRow, now_ms: int) -> bool:
        aside = self._aside.get(_name_of(row))
        return aside is not None and now_ms < aside.until_ms

    def _put_aside(self, row: WindowRow, now_ms: int) -> None:
        name = _name_of(row)
        before = self._aside.get(name)
        if before is None and len(self._aside) >= REFUSED_MAX:
            return
        wait_ms = 1000 if before is None else min(2 * before.wait_ms, REFUSED_MS_MAX)
        self._aside[name] = _Aside(now_ms + wait_ms, wait_ms)

    async def _advance(self, row: WindowRow) -> bool:
        """Take a window as far as it goes; true when it is through."""
        home = partition_of(event_aggregate(row.game_id, row.event_key, row.window_id), self._partitions)
        first, others = closing_order(row.closed_partitions, home, self._partitions)
        await self._close(row, first)
        if not await self._settled(row):
            return False
        await self._close(row, others)
        boards = await self._dues.boards_of(row, BOARDS_PER_TICK)
        slots = asyncio.Semaphore(BOARDS_AT_ONCE)

        async def one(board: WindowBoard) -> bool:
            async with slots:
                return await self._finalize(row, board)

        done = await asyncio.gather(*(one(board) for board in boards), return_exceptions=True)
        for problem in done:
            if isinstance(problem, BaseException):
                raise problem
        return all(done) and len(boards) < BOARDS_PER_TICK

    async def _close(self, row: WindowRow, partitions: Sequence[int]) -> None:
        command = CloseWindow(event_key=row.event_key, window_id=row.window_id)
        closings = (
            self._asker.ask(
                command,
                aggregate_id=window_aggregate(row.game_id, row.event_key, row.window_id),
                studio_id=row.studio_id,
                game_id=row.game_id,
                partition=partition,
            )
            for partition in partitions
        )
        answers = await asyncio.gather(*closings, return_exceptions=True)
        for answer in answers:  # all are awaited first, so that one that is away holds no other
            if isinstance(answer, BaseException):
                raise answer

    async def _settled(self, row: WindowRow) -> bool:
        """Close the window's lobbies, some at a time; true once none remains."""
        for _ in range(SETTLES_PER_TICK):
            outcome = await self._asker.ask(
                SettleLobbies(event_key=row.event_key, window_id=row.window_id),
                aggregate_id=event_aggregate(row.game_id, row.event_key, row.window_id),
                studio_id=row.studio_id,
                game_id=row.game_id,
            )
            if msgspec.msgpack.decode(outcome.body, type=SettleAnswer).remaining == 0:
                return True
        return False

    async def _finalize(self, row: WindowRow, board: WindowBoard) -> bool:
        """Freeze a board's ranks from their position on; true when the last one is frozen.

        Who is refused (another timer was ahead) begins in the next round at the projection's position then.
        """
        chunk, frozen = board.next_chunk, board.frozen
        rewards = rules_of(row.definition).rank_rewards
        for _ in range(CHUNKS_PER_TICK):
            most = entries_max(rewards, frozen, self._chunk_max)
            read = await self._dues.ranks(row.game_id, board.board_id, frozen, most + 1)
            entries, last = chunk_of(read, most, len(row.definition))
            command = FinalizeBoard(
                event_key=row.event_key,
                window_id=row.window_id,
                board_id=board.board_id,
                chunk=chunk,
                entries=entries,
                last=last,
            )
            async with self._large if len(entries) > LARGE else contextlib.nullcontext():
                await self._asker.ask(
                    command,
                    aggregate_id=event_aggregate(row.game_id, row.event_key, row.window_id),
                    studio_id=row.studio_id,
                    game_id=row.game_id,
                    reference=row.reference,
                    definition=row.definition,
                )
            if last:
                return True
            chunk, frozen = chunk + 1, frozen + len(entries)
        return False


_Name = tuple[str, str, str]


class _Aside(NamedTuple):
    until_ms: int
    wait_ms: int


def _name_of(row: WindowRow) -> _Name:
    return row.game_id, row.event_key, row.window_id


def closing_order(closed: frozenset[int], home: int, partitions: int) -> tuple[list[int], list[int]]:
    """Partitions that are not closed yet: first the one of the window's lobbies, then the others. Pure."""
    missing = [partition for partition in range(partitions) if partition not in closed]
    return [p for p in missing if p == home], [p for p in missing if p != home]


def entries_max(rewards: Sequence[RankReward], frozen: int, chunk_max: int) -> int:
    """How many entries the chunk after `frozen` ranks may have, by the rewards that reach it. Pure."""
    reaching = sum(reward.rank_max > frozen for reward in rewards)
    return max(1, min(chunk_max, GIFTS_MAX // reaching)) if reaching else chunk_max


def chunk_of(read: Sequence[FinalEntry], most: int, definition_bytes: int) -> tuple[list[FinalEntry], bool]:
    """The next chunk, and whether it is the board's last, of up to `most` + 1 entries read. Pure.

    The same entries give the same chunk: at most `most`, and no more than a command record can hold.
    """
    left = CHUNK_BYTES_MAX - definition_bytes
    entries: list[FinalEntry] = []
    for entry in read[:most]:
        left -= ENTRY_BYTES + len(entry.external_id.encode("utf-8", "surrogatepass"))
        if left < 0 and entries:
            break
        entries.append(entry)
    return entries, len(entries) == len(read)
