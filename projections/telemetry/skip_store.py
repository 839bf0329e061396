"""Decisions to skip, as a set of tables honours them: which ones it has, and that no row of them is left.

A worker that failed at the record may have written some of its tables. Rows of plain tables are deleted.
Where the record is already part of a session or has replaced a row, only a rebuild can take it out again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from schemas.telemetry.skips import SkipDecision, Skips, content_hash, list_skip, read_skips

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from schemas.log import Appender, LogTail

_PLAIN: Final = ("events", "positions", "funnel_steps", "performance")
_REPLACING: Final = ("players", "feedback", "models", "messages")


class SkipsChanged(Exception):
    """A decision came after this process had read the list of them: start again and honour it."""


class SkipNeedsRebuild(Exception):
    """A skipped record is already in these tables; the message names the repair."""


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch leaves out: a record that arrived then, or some of its items."""

    decision: SkipDecision
    arrived_at_ms: int
    first_item: int = 0
    items: int | None = None
    """How many items, from the first on; None for all of the record."""

    @property
    def rows(self) -> str:
        """The condition that the record's rows meet, in a table of facts."""
        some = "" if self.items is None else " AND _index >= {first:UInt64} AND _index < {end:UInt64}"
        return (
            "_partition = {partition:UInt16} AND _offset = {offset:UInt64}"
            " AND arrived_at = fromUnixTimestamp64Milli({arrived:Int64}, 'UTC')" + some
        )

    @property
    def parameters(self) -> dict[str, str | int]:
        """The values in `rows`."""
        return {
            "partition": self.decision.partition,
            "offset": self.decision.offset,
            "arrived": self.arrived_at_ms,
            "first": self.first_item,
            "end": self.first_item + (self.items or 0),
        }


class SkipStore:
    """The decisions about one topic that one set of tables honours."""

    def __init__(self, client: ClickHouse, topic: str, log_id: str) -> None:
        self._client = client
        self._topic = topic
        self._log_id = log_id

    async def apply(self, skipped: Skipped) -> None:
        """Note that a batch leaves this out, before the batch is written. Called twice: noted once.

        Raises SkipNeedsRebuild where a batch with the record in it was written before.
        """
        decision = skipped.decision
        if await self.has(decision):
            return
        rows = await self._client.rows(
            "SELECT count() FROM session_parts"
            " WHERE _partition = {partition:UInt16} AND _version > {offset:UInt64}",
            {"partition": decision.partition, "offset": decision.offset},
        )
        if rows[0][0]:
            raise SkipNeedsRebuild(self._too_late(decision))
        await self._client.system.command(
            "INSERT INTO log_skips (topic, partition, offset, part, sha256, reason, decided_at)"
            " SELECT {topic:String}, {partition:UInt16}, {offset:UInt64}, {part:Int64}, {sha256:String},"
            " {reason:String}, fromUnixTimestamp64Milli({decided:Int64}, 'UTC')",
            {
                **self._key(decision),
                "reason": decision.reason,
                "decided": decision.decided_at_ms,
            },
        )

    async def clean(self, skipped: Skipped) -> None:
        """Delete what earlier tries left of it, after the batch's own rows are in. Idempotent.

        After, and not before: a late insert of the earlier try has the same token and can't come any more.
        Raises SkipNeedsRebuild where a table replaces rows, so that what was there before is gone.
        """
        for table in _REPLACING:
            if await self._count(table, skipped):
                raise SkipNeedsRebuild(self._too_late(skipped.decision))
        for table in _PLAIN:
            if await self._count(table, skipped):
                await self._client.command(
                    f"ALTER TABLE {table} DELETE WHERE {skipped.rows} SETTINGS mutations_sync = 2",
                    skipped.parameters,
                )

    async def has(self, decision: SkipDecision) -> bool:
        """Whether these tables honour a decision."""
        rows = await self._client.system.rows(
            "SELECT count() FROM log_skips WHERE topic = {topic:String} AND partition = {partition:UInt16}"
            " AND offset = {offset:UInt64} AND part = {part:Int64} AND sha256 = {sha256:String}",
            self._key(decision),
        )
        return bool(rows[0][0])

    async def honoured(self) -> list[SkipDecision]:
        """The decisions that these tables honour, in the log's order, as decisions about this log."""
        rows = await self._client.system.rows(
            "SELECT partition, offset, part, sha256, reason, toUnixTimestamp64Milli(decided_at)"
            " FROM log_skips FINAL WHERE topic = {topic:String} ORDER BY partition, offset, part",
            {"topic": self._topic},
        )
        return [
            SkipDecision(
                log_id=self._log_id,
                partition=int(partition),
                offset=int(offset),
                index=None if part < 0 else int(part),
                sha256=str(sha256),
                reason=str(reason),
                decided_at_ms=int(decided_at_ms),
            )
            for partition, offset, part, sha256, reason, decided_at_ms in rows
        ]

    async def check(
        self, decision: SkipDecision, first: int, *, tail: LogTail, appender: Appender | None
    ) -> None:
        """What to do about a decision that a batch, whose first record is `first`, holds: nothing, or raise.

        Raises SkipsChanged where the decision came too late for this process, and SkipNeedsRebuild where it
        came too late for these tables. Both put it on the list, in case the command did not.
        """
        mine = decision.log_id == self._log_id
        if not mine or await self.has(decision) or not await self._names_its_record(decision, tail):
            return
        if appender is not None and decision not in await read_skips(tail, self._log_id):
            await list_skip(appender, decision)
        if decision.offset < first:
            raise SkipNeedsRebuild(self._too_late(decision))
        raise SkipsChanged(f"{self._topic}: {decision.id} is to be skipped, which was not on the list yet")

    async def _names_its_record(self, decision: SkipDecision, tail: LogTail) -> bool:
        """Whether the record at its place has the content that it names. One that is gone can't tell."""
        place = (self._topic, decision.partition, decision.offset, decision.offset + 1)
        async for record in tail.read(*place):
            return content_hash(record.value) == decision.sha256
        return False

    async def _count(self, table: str, skipped: Skipped) -> int:
        rows = await self._client.rows(
            f"SELECT count() FROM {table} WHERE {skipped.rows}",  # noqa: S608 - constants
            skipped.parameters,
        )
        return int(rows[0][0])

    def _key(self, decision: SkipDecision) -> dict[str, str | int]:
        return {
            "topic": self._topic,
            "partition": decision.partition,
            "offset": decision.offset,
            "part": -1 if decision.index is None else decision.index,
            "sha256": decision.sha256,
        }

    def _too_late(self, decision: SkipDecision) -> str:
        return (
            f"ClickHouse database {self._client.database}, {self._topic}: {decision.id} is to be skipped,"
            " but is in the tables already. Build them again: `questlog rebuild clickhouse`."
        )


async def skips_of(tail: LogTail, log_id: str, partition: int) -> Skips:
    """The decisions about one partition. Raises `LogUnavailable`."""
    return Skips(one for one in await read_skips(tail, log_id) if one.partition == partition)
