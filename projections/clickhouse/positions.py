"""How far a log partition has been applied, and the holds with which a rebuild asks projectors to wait.

The position is written after every table of a cut has acknowledged. It is fenced by the name of the set of
tables (`generations`): a projector that still works on a set which a rebuild has swapped away writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from schemas.log_positions import Position as LogPosition

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

HOLD_MS: Final = 60_000
"""A hold that is not renewed lapses after this long, so that a rebuild that died stops nobody for good."""


class Position(msgspec.Struct, frozen=True):
    """Everything before `next_offset` is in every table. `log_time_ms` is the last applied LogAppendTime.

    `mark` is that of the record before `next_offset`; empty where an older release wrote it.
    """

    topic: str
    partition: int
    next_offset: int
    log_id: str
    log_time_ms: int
    mark: str = ""

    @property
    def in_log(self) -> LogPosition:
        """As `schemas.log_positions` compares it with the log."""
        return LogPosition(self.next_offset, mark=self.mark, log_id=self.log_id)


class GenerationChanged(Exception):
    """A rebuild swapped the tables while this process worked on the old ones: start again."""


class Positions:
    """Positions and holds of one topic in one database."""

    def __init__(self, client: ClickHouse, topic: str) -> None:
        self._client = client
        self._topic = topic

    async def generation(self) -> str:
        """The name of the set of tables that is live now."""
        return str((await self._client.rows("SELECT min(generation) FROM generations"))[0][0])

    async def read(self, partition: int) -> Position | None:
        """The stored position of a partition; None where nothing was applied yet."""
        found = [position for position in await self.all() if position.partition == partition]
        return found[0] if found else None

    async def all(self) -> list[Position]:
        """The stored positions, by partition."""
        rows = await self._client.rows(
            "SELECT partition, next_offset, log_id, toUnixTimestamp64Milli(log_time), mark"
            " FROM log_positions FINAL WHERE topic = {topic:String} ORDER BY partition",
            {"topic": self._topic},
        )
        return [Position(self._topic, int(p), int(n), str(i), int(t), str(m)) for p, n, i, t, m in rows]

    async def write(self, position: Position, generation: str) -> None:
        """Store a position unless the tables were swapped since. Twice, or an older one: no effect.

        Raises GenerationChanged.
        """
        await self._client.command(
            "INSERT INTO log_positions (topic, partition, next_offset, log_id, log_time, mark)"
            " SELECT {topic:String}, {partition:UInt16}, {next:UInt64}, {log_id:String},"
            " fromUnixTimestamp64Milli({time:Int64}, 'UTC'), {mark:String}"
            " WHERE (SELECT min(generation) FROM generations) = {generation:String}",
            {
                "topic": self._topic,
                "partition": position.partition,
                "next": position.next_offset,
                "log_id": position.log_id,
                "time": position.log_time_ms,
                "mark": position.mark,
                "generation": generation,
            },
        )
        if await self.generation() != generation:
            raise GenerationChanged(f"the tables of {self._client.database} were swapped by a rebuild")

    async def hold(self, holder: str, until_ms: int, version: int) -> None:
        """Ask this topic's projectors to wait until then; a past time releases them. The latest wins."""
        await self._client.command(
            "INSERT INTO holds (topic, holder, until, _version) SELECT {topic:String}, {holder:String},"
            " fromUnixTimestamp64Milli({until:Int64}, 'UTC'), {version:UInt64}",
            {"topic": self._topic, "holder": holder, "until": until_ms, "version": version},
        )

    async def held(self, now_ms: int) -> str | None:
        """Who asks this topic's projectors to wait now; None where nobody does."""
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
