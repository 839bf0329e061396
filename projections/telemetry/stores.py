"""What a partition writes to and reads from, bound to one database, one log and one set of tables."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from projections.clickhouse.positions import Positions, StoredPosition
from projections.telemetry import metrics
from projections.telemetry.fact_tables import FACT_TABLES
from projections.telemetry.forgetting import Forgetting
from projections.telemetry.insight_store import InsightStore
from projections.telemetry.insights import RULES, Rules
from projections.telemetry.session_store import SessionStore
from projections.telemetry.skip_store import SkipStore
from schemas.dead_letters import DeadLetter, append_dead_letter
from schemas.telemetry.forgetting import no_fingerprints

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from schemas.log import Appender, LogTail
    from schemas.telemetry.forgetting import Fingerprints
    from schemas.telemetry.skips import SkipDecision

_DAY_MS: Final = 86_400_000


class Stores:
    """One generation of tables. `appender` takes dead letters; None keeps them in the log only (rebuilds)."""

    def __init__(
        self,
        client: ClickHouse,
        *,
        topic: str,
        log_id: str,
        generation: str,
        tail: LogTail,
        appender: Appender | None,
        rules: Rules = RULES,
        fingerprints: Fingerprints = no_fingerprints,
    ) -> None:
        self._client = client
        self._tail = tail
        self._generation = generation
        self._appender = appender
        self.topic = topic
        self.log_id = log_id
        self.positions = Positions(client, topic)
        self.sessions = SessionStore(client)
        self.insights = InsightStore(client, self.sessions, rules)
        self.skips = SkipStore(client, topic, log_id)
        self.forgetting = Forgetting(
            client, topic, sessions=self.sessions, insights=self.insights, fingerprints=fingerprints
        )

    async def insert_facts(
        self, table: str, columns: list[str], body: bytes, *, rows: int, token: str
    ) -> None:
        """Insert a batch's rows of one table as one part. Called twice with one token: once."""
        begun = time.perf_counter()
        await self._client.insert(table, columns, body, form="ArrowStream", token=token)
        metrics.INSERT_SECONDS.labels(table).observe(time.perf_counter() - begun)
        metrics.INSERTED_ROWS.labels(table).inc(rows)

    async def shown(self, partition: int, since_ms: int) -> dict[str, tuple[int, int]]:
        """For each fact table, the highest offset that its rows of a partition show, and its arrival.

        -1 and 0 ms where there is none.

        `since_ms` is the stored position's log time: a day before it bounds the scan, whatever clocks did.
        """
        found = {}
        for table in FACT_TABLES:
            rows = await self._client.rows(
                "SELECT toInt64(max(_offset)), toUnixTimestamp64Milli(argMax(arrived_at, _offset)),"  # noqa: S608 - a constant
                f" count() FROM {table}"
                " WHERE _partition = {partition:UInt16}"
                " AND arrived_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')",
                {"partition": partition, "since": max(since_ms - _DAY_MS, 0)},
            )
            highest, arrived_at_ms, count = rows[0]
            found[table] = (int(highest), int(arrived_at_ms)) if count else (-1, 0)
        return found

    async def per_minute(
        self, partition: int, since_ms: int, before: int
    ) -> dict[tuple[str, str], dict[int, int]]:
        """How many happenings arrived in each unix minute since then, of records before the offset."""
        found: dict[tuple[str, str], dict[int, int]] = {}
        for table in ("events", "positions", "funnel_steps"):
            for studio_id, game_id, minute, events in await self._client.rows(
                "SELECT studio_id, game_id, intDiv(toUnixTimestamp(arrived_at), 60) AS minute, count()"  # noqa: S608 - a constant
                f" FROM {table}"
                " WHERE _partition = {partition:UInt16} AND _offset < {before:UInt64}"
                " AND arrived_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
                " GROUP BY studio_id, game_id, minute",
                {"partition": partition, "before": before, "since": max(since_ms, 0)},
            ):
                own = found.setdefault((studio_id, game_id), {})
                own[int(minute)] = own.get(int(minute), 0) + int(events)
        return found

    async def write_position(self, position: StoredPosition) -> None:
        """Say that a batch is in every table. Raises GenerationChanged where a rebuild has swapped them."""
        await self.positions.write(position, self._generation)

    async def dead_letter(self, letter: DeadLetter) -> None:
        """Keep what could not be read. Called twice: one dead letter, by its id."""
        if self._appender is not None:
            await append_dead_letter(self._appender, letter)

    async def check_decision(self, decision: SkipDecision, first: int) -> None:
        """Whether a decision in the batch that begins at `first` is honoured; `SkipStore.check` says how."""
        await self.skips.check(decision, first, tail=self._tail, appender=self._appender)
