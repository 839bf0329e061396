"""Builds the telemetry tables again: what `projections.clickhouse.rebuilding` needs to know of them.

The set's name (`generations`) is exchanged first, so that a writer of the old set can't move the
new one's position. A verification compares the findings of sessions that the same rules have analysed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from projections.clickhouse.rebuild_plan import Plan
from projections.clickhouse.system_tables import database_of
from projections.clickhouse.table_sums import TableSum, checksum
from projections.telemetry.fact_tables import FACT_TABLES
from projections.telemetry.insights import RULES, Rules
from projections.telemetry.open_batch import has_effect
from projections.telemetry.reader import TelemetryReader
from schemas.telemetry.forgetting import no_fingerprints

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogTail
    from schemas.telemetry.forgetting import Fingerprints

BUCKET_MS: Final = 60_000
ROWS_MAX: Final = 250_000
_DECISIONS: Final = ("log_skips", "forgotten_persons")
"""Tables of decisions that are records of the log themselves."""
SWAPPED: Final = ("generations", *FACT_TABLES, "session_parts", "insights", *_DECISIONS)
_REPLACING: Final = frozenset(
    {"players", "feedback", "models", "messages", "session_parts", "insights", *_DECISIONS}
)
_COMPARED: Final = {
    "session_parts": "* EXCEPT (_version, event_counts), mapSort(event_counts)",
    "insights": "*",
}
"""Columns compared of a table where not all are: a part's version depends on where batches ended."""


def telemetry_plan(
    built: ClickHouse,
    *,
    topic: str,
    partitions: int,
    tail: LogTail,
    rules: Rules = RULES,
    fingerprints: Fingerprints = no_fingerprints,
) -> Plan:
    """How the tables are built in `built`, in larger batches than the live ones."""
    builder = TelemetryReader(
        built,
        topic=topic,
        partitions=partitions,
        tail=tail,
        bucket_ms=BUCKET_MS,
        rows_max=ROWS_MAX,
        overlap=True,
        rules=rules,
        fingerprints=fingerprints,
    )

    async def uncompared(live: ClickHouse) -> int:
        other_rules = _other_rules(live.database, rules)
        return int((await live.rows(f"SELECT count() FROM ({other_rules})"))[0][0])  # noqa: S608

    return Plan(
        topic=topic,
        partitions=partitions,
        builder=builder,
        tables=SWAPPED,
        sums=partial(checksums, rules),
        uncompared=uncompared,
        has_effect=has_effect,
    )


async def checksums(
    rules: Rules, live_database: str, client: ClickHouse, positions: dict[int, int]
) -> dict[str, TableSum]:
    """Rows and checksum of each table, of the rows before these positions.

    Without the insights of sessions that other rules have analysed in the live database.
    """
    other_rules = _other_rules(live_database, rules)
    before = " OR ".join(
        f"(_partition = {partition} AND _offset < {next_offset})"
        for partition, next_offset in sorted(positions.items())
    )
    where_of = dict.fromkeys(FACT_TABLES, before) | {
        "session_parts": "1",
        "insights": f"removed = 0 AND (studio_id, game_id, session_id) NOT IN ({other_rules})",
        **dict.fromkeys(_DECISIONS, before.replace("_partition", "partition").replace("_offset", "offset")),
    }
    found = {}
    for table, where in where_of.items():
        final = " FINAL" if table in _REPLACING else ""
        own = database_of(client, table)
        found[table] = await checksum(own, table + final, _COMPARED.get(table, "*"), where)
    return found


def _other_rules(database: str, rules: Rules) -> str:
    return (
        f"SELECT DISTINCT studio_id, game_id, session_id FROM {database}.insights FINAL"  # noqa: S608 - ours
        f" WHERE removed = 0 AND rules_version != {rules.version}"
    )
