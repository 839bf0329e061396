"""The positions of each topic's readers, and the holds with which a rebuild asks projectors to wait.

The position is written after every table of a batch has acknowledged. Telemetry's is fenced by the name of
the set of tables (`generations`): a projector that still works on a set which a rebuild has swapped away
writes nothing.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import msgspec

from schemas.log_positions import Position

if TYPE_CHECKING:
    from collections.abc import Iterable

    from projections.clickhouse.client import ClickHouse

HOLD_MS: Final = 60_000
"""A hold that is not renewed lapses after this long: a rebuild that died blocks no projector for good."""
REPAIR: Final = (
    "Build it again: `questlog rebuild clickhouse`; `questlog repair` does so with the stack stopped, and"
    " says what was lost."
)
_COLUMNS: Final = ("topic", "partition", "next_offset", "src", "mark", "log_id")


class StoredPosition(msgspec.Struct, frozen=True):
    """Everything before the position is in every table."""

    partition: int
    position: Position
    log_time_ms: int = 0
    """LogAppendTime of the last record applied; 0 where it is not kept."""


class GenerationChanged(Exception):
    """A rebuild swapped the tables while this process worked on the old ones: start again."""


class Positions:
    """Positions and holds of one topic's tables in one database; they are kept in its system database."""

    def __init__(self, client: ClickHouse, topic: str) -> None:
        self._client = client.system
        self._facts = client.database
        self._topic = topic

    async def generation(self) -> str:
        """The name of the set of tables that is live now."""
        return str((await self._client.rows("SELECT min(generation) FROM generations"))[0][0])

    async def read(self, partition: int) -> StoredPosition:
        """A partition's; the beginning where nothing was applied yet."""
        return (await self.all()).get(partition, StoredPosition(partition, Position()))

    async def all(self) -> dict[int, StoredPosition]:
        """By partition, those where something was applied."""
        rows = await self._client.rows(
            "SELECT partition, next_offset, src, mark, log_id, toUnixTimestamp64Milli(log_time)"
            " FROM reader_positions FINAL WHERE topic = {topic:String} ORDER BY partition",
            {"topic": self._topic},
        )
        return {
            int(partition): StoredPosition(
                int(partition), Position(int(offset), int(src), str(mark), str(log_id)), int(log_time_ms)
            )
            for partition, offset, src, mark, log_id, log_time_ms in rows
        }

    async def write(self, stored: StoredPosition, generation: str) -> None:
        """Store a position unless the tables were swapped since. Twice, or an older one: no effect.

        Raises GenerationChanged.
        """
        position = stored.position
        await self._client.command(
            "INSERT INTO reader_positions (topic, partition, next_offset, src, mark, log_id, log_time)"
            " SELECT {topic:String}, {partition:UInt16}, {next:UInt64}, {src:Int64}, {mark:String},"
            " {log_id:String}, fromUnixTimestamp64Milli({time:Int64}, 'UTC')"
            " WHERE (SELECT min(generation) FROM generations) = {generation:String}",
            {
                "topic": self._topic,
                "partition": stored.partition,
                "next": position.offset,
                "src": position.src,
                "mark": position.mark,
                "log_id": position.log_id,
                "time": stored.log_time_ms,
                "generation": generation,
            },
        )
        if await self.generation() != generation:
            raise GenerationChanged(f"the tables of {self._facts} were swapped by a rebuild")

    async def write_all(self, positions: Iterable[tuple[int, Position]]) -> None:
        """Store positions of many partitions by one insert, whatever the tables' name."""
        rows = [
            [self._topic, partition, at.offset, at.src, at.mark, at.log_id] for partition, at in positions
        ]
        body = "\n".join(map(json.dumps, rows)).encode()
        token = hashlib.sha256(body).hexdigest()
        await self._client.insert("reader_positions", _COLUMNS, body, form="JSONCompactEachRow", token=token)

    async def replace_by(self, built: ClickHouse) -> None:
        """Take the topic's positions of another database in place of the own ones. Twice: the same."""
        taken = await Positions(built, self._topic).all()
        change = f"DROP PARTITION '{self._topic}'"
        if taken and self._client.cluster is None:  # ClickHouse refuses to replace by nothing
            change = f"REPLACE PARTITION '{self._topic}' FROM {built.system.database}.reader_positions"
        await self._client.command(f"ALTER TABLE reader_positions {change}")
        if taken and self._client.cluster is not None:
            # Parts that came by REPLACE had no quorum: a read with sequential consistency shows none of them.
            # What a projector would write that begins while there is no position is in the tables already.
            for stored in taken.values():
                await self.write(stored, await self.generation())

    async def hold(self, holder: str, until_ms: int, version: int) -> None:
        """Ask this topic's projectors to wait until then; a past time releases them. The latest wins."""
        await self._client.command(
            "INSERT INTO holds (topic, holder, until, _version) SELECT {topic:String}, {holder:String},"
            " fromUnixTimestamp64Milli({until:Int64}, 'UTC'), {version:UInt64}",
            {"topic": self._topic, "holder": holder, "until": until_ms, "version": version},
        )

    async def held(self, now_ms: int) -> str | None:
        """The rebuild that asks this topic's projectors to wait now; None where there is none."""
        rows = await self._client.rows(
            "SELECT holder FROM holds FINAL WHERE topic = {topic:String}"
            " AND until > fromUnixTimestamp64Milli({now:Int64}, 'UTC')",
            {"topic": self._topic, "now": now_ms},
        )
        return str(rows[0][0]) if rows else None

    async def answer_hold(self, partition: int, holder: str) -> None:
        """Say that this partition's projector waits and has nothing under way."""
        await self._client.command(
            "INSERT INTO hold_answers (topic, partition, holder)"
            " SELECT {topic:String}, {partition:UInt16}, {holder:String}",
            {"topic": self._topic, "partition": partition, "holder": holder},
        )

    async def waiting(self, holder: str) -> set[int]:
        """The partitions whose projectors wait for this holder."""
        rows = await self._client.rows(
            "SELECT DISTINCT partition FROM hold_answers"
            " WHERE topic = {topic:String} AND holder = {holder:String}",
            {"topic": self._topic, "holder": holder},
        )
        return {int(row[0]) for row in rows}
