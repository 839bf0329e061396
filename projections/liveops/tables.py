"""Reads liveops' events into ClickHouse: every movement, and the ranks of finalized boards.

Rows are keyed by what they say, so a cut that is written again after a crash changes nothing. The position is
written after a cut's rows and read back: a ClickHouse that lost it ends the process, and the next one begins
where the store stands.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from schemas.decided import SHELL_EVENTS
from schemas.envelope import Decided, EventsRecord
from schemas.liveops.event_windows import BoardChunkFinalized
from schemas.liveops.events import EVENTS, InventoryChanged, WalletChanged
from schemas.log import LogReader, LogRecord
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogTail

LEDGER: Final = "liveops_ledger"
FINAL_ENTRIES: Final = "liveops_final_entries"
POSITIONS: Final = "liveops_positions"
ROWS_MAX: Final = 20_000
"""Rows of a cut; the record that reaches it ends it."""
CUT_MS: Final = 1_000
"""How long a row waits at most."""
POSITION_MS: Final = 5_000
"""How long a position waits where there is no row."""
COLUMNS: Final = {
    LEDGER: (
        *("studio_id", "game_id", "external_id", "number", "type", "key", "amount", "balance", "cause"),
        *("reason", "command_id", "grant_id", "table_version", "seed", "at"),
    ),
    FINAL_ENTRIES: (
        *("studio_id", "game_id", "event_key", "window_id", "board_id", "rank", "external_id", "is_bot"),
        *("score", "achieved_at"),
    ),
    POSITIONS: ("partition", "next_offset", "src", "log_id"),
}
_TOLD: Final = frozenset({WalletChanged.WIRE, InventoryChanged.WIRE, BoardChunkFinalized.WIRE})
_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_encode: Final = msgspec.json.Encoder().encode

Rows = dict[str, list[list[Any]]]


class PositionLost(Exception):
    """ClickHouse does not hold the position that was written: it lost data, or another process reads this."""


def rows_of(decided: Decided, rows: Rows) -> None:
    """Add the rows of what came of one command, by table. Pure but for `rows`."""
    for event in decided.events:
        if event.type in SHELL_EVENTS or event.type not in _TOLD:
            continue
        message = EVENTS.decode(event.type, event.data)
        if isinstance(message, WalletChanged | InventoryChanged):
            moved = message.movement
            rows[LEDGER].append(
                [
                    *(decided.studio_id, message.game_id, message.external_id, moved.number, moved.type),
                    *(moved.key, moved.amount, moved.balance, moved.cause, moved.reason, moved.command_id),
                    *(moved.grant_id, moved.table_version, moved.seed, _time(event.at_ms)),
                ]
            )
        elif isinstance(message, BoardChunkFinalized):
            named = [decided.studio_id, message.game_id, message.event_key, message.window_id]
            rows[FINAL_ENTRIES] += [
                [
                    *(*named, message.board_id, entry.rank, entry.external_id, entry.is_bot, entry.score),
                    _time(entry.achieved_at_ms),
                ]
                for entry in message.entries
            ]


class _Cut(msgspec.Struct):
    """One partition: where it stands, and what waits to be written."""

    offset: int
    src: int
    held: int
    rows: Rows
    since_ms: int = 0

    @property
    def size(self) -> int:
        return sum(map(len, self.rows.values()))

    def due(self, now_ms: int) -> bool:
        return self.since_ms > 0 and now_ms - self.since_ms >= (CUT_MS if self.size else POSITION_MS)


class LiveopsTables(LogReader):
    """One for liveops.events. Raises `ClickHouseError` where ClickHouse stays away, and `PositionLost`."""

    def __init__(self, client: ClickHouse, *, topic: str, tail: LogTail, clock_ms: Callable[[], int]) -> None:
        self._client = client
        self._topic = topic
        self._tail = tail
        self._clock_ms = clock_ms
        self._log_id = ""
        self._cuts: dict[int, _Cut] = {}
        self._writing = asyncio.Lock()

    async def assigned(self, partition: int) -> int:
        """Go on where the tables stand; at the log's start where they hold nothing of this log."""
        self._log_id = await self._tail.log_id(self._topic)
        begin = await self._tail.begin_offset(self._topic, partition)
        offset, src = (await self._positions()).get(partition, (0, -1))
        if offset < begin:
            self._cuts[partition] = _Cut(begin, -1, offset, _no_rows())
        else:
            self._cuts[partition] = _Cut(offset, src, offset, _no_rows())
        return self._cuts[partition].offset

    async def handle(self, record: LogRecord) -> None:
        """Take in a record; write what has come together where that is enough."""
        cut = self._cuts[record.partition]
        if record.offset < cut.offset:
            return
        events = _decoder.decode(record.value)
        cut.since_ms = cut.since_ms or self._clock_ms()
        cut.offset = record.offset + 1
        if events.src != cut.src + 1:  # another writer's, which nobody reads
            return
        cut.src = events.src
        for decided in events.decided:
            rows_of(decided, cut.rows)
        if cut.size >= ROWS_MAX or cut.due(self._clock_ms()):
            await self._write()

    async def idle(self, now_ms: int) -> None:
        """Write what has waited long enough."""
        if any(cut.due(now_ms) for cut in self._cuts.values()):
            await self._write()

    async def revoked(self, partition: int) -> None:
        """Forget the partition."""
        self._cuts.pop(partition, None)

    async def _write(self) -> None:
        """Write what all partitions have, together: few large inserts instead of many small ones."""
        async with self._writing:
            rows, taken = _no_rows(), []
            for partition, cut in self._cuts.items():
                if cut.since_ms:
                    for table, some in cut.rows.items():
                        rows[table] += some
                    taken.append((partition, cut, cut.offset, cut.src))
                    cut.rows, cut.since_ms = _no_rows(), 0
            stored = await self._positions()
            for partition, cut, _, _ in taken:
                if stored.get(partition, (0, -1))[0] != cut.held:
                    raise PositionLost(f"{POSITIONS} does not hold {cut.held} for {self._topic}[{partition}]")
            positions = [[partition, offset, src, self._log_id] for partition, _, offset, src in taken]
            for table, some in (*rows.items(), (POSITIONS, positions)):
                if some:
                    await self._insert(table, some)
            for _, cut, offset, _ in taken:
                cut.held = offset

    async def _insert(self, table: str, rows: list[list[Any]]) -> None:
        body = b"\n".join(map(_encode, rows))
        token = hashlib.sha256(body).hexdigest()
        await self._client.insert(table, COLUMNS[table], body, form="JSONCompactEachRow", token=token)

    async def _positions(self) -> dict[int, tuple[int, int]]:
        found = await self._client.rows(
            f"SELECT partition, next_offset, src FROM {POSITIONS} FINAL"  # noqa: S608 - a constant
            " WHERE log_id = {log_id:String}",
            {"log_id": self._log_id},
        )
        return {int(partition): (int(offset), int(src)) for partition, offset, src in found}


def _no_rows() -> Rows:
    return {LEDGER: [], FINAL_ENTRIES: []}


def _time(at_ms: int) -> str:
    return iso_ms(at_ms)[:-1].replace("T", " ")
