"""`questlog bench handles`: what S1's handles of testers cost cold, with the sums of all their sessions.

They are read from a database of its own beside the stack's, which is filled with links and sessions as
projectors would have left them: with one log partition, then with several.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.lab.bench.processes import cpu_seconds, difference, parts
from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.system_tables import drop_databases
from projections.playtests.handle_reads import ClickHouseHandles
from projections.telemetry.queries.client import ClickHouseQueries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deploy.settings import Settings
    from projections.clickhouse.statements import Value

ROWS_A_PIECE: Final = 20_000
OLDER_EVERY: Final = 10
SPLIT_EVERY: Final = 1_000
_STUDIO, _GAME = "studio_bench", "game_bench"
_LINKS: Final = """
INSERT INTO tester_links (studio_id, game_id, handle, device_id, claimed_at, batch_id, key_id, _offset)
SELECT {studio:String}, {game:String}, concat('tester_', toString(number)),
       concat('device_', hex(sipHash64(number))),
       fromUnixTimestamp64Milli({begin:Int64}, 'UTC'), 'batch_bench', concat('ptk_', toString(number)), number
FROM numbers({handles:UInt64})
"""
_SESSIONS: Final = """
INSERT INTO session_parts (studio_id, game_id, session_id, player_id, build_id, environment, country,
    first_event_at, last_event_at, first_arrived_at, event_counts, spans, ended, closed, _partition, _version)
WITH {begin:Int64} + toInt64(sipHash64(number, 'at') % 864000000) AS at_ms
SELECT {studio:String}, {game:String}, concat('sess_', hex(sipHash64(number, 'session'))),
    concat('device_', hex(sipHash64(number % {handles:UInt64}))), '0.5.0', 'production',
    ['', 'DE', 'FR', 'US'][1 + number % 4],
    fromUnixTimestamp64Milli(at_ms, 'UTC'), fromUnixTimestamp64Milli(at_ms + 445000, 'UTC'),
    fromUnixTimestamp64Milli(at_ms, 'UTC'), map('player_pos', toUInt64(99), 'level_started', toUInt64(1)),
    arrayMap(place -> (at_ms + place * 60000, at_ms + place * 60000 + 25000), range(8)), 1, 1,
    (number + {other:UInt8}) % {partitions:UInt8}, number + {version:UInt64}
FROM numbers({first:UInt64}, {rows:UInt64}) WHERE number % {every:UInt64} = 0
"""


class HandlesReport(msgspec.Struct, frozen=True, kw_only=True):
    """What reading all handles took with nothing cached by questlog, each time, in milliseconds."""

    partitions: int
    handles: int
    sessions: int
    cold_ms: list[float]
    clickhouse_cpu_ms: float
    """CPU of the whole ClickHouse process meanwhile, a read."""


async def handles_reports(
    settings: Settings,
    *,
    handles: int,
    sessions: int,
    partitions: Sequence[int],
    times: int,
    tell: Callable[[str], None],
) -> list[HandlesReport]:
    """By the number of log partitions. Raises ClickHouseAway, StoreUnavailable and NoStackError."""
    found = []
    for count in partitions:
        tell(f"filling a database of its own with {sessions:,} sessions of {count} log partitions…")
        client = ClickHouse(settings.clickhouse_url, f"questlog_bench_{secrets.token_hex(4)}")
        queries = ClickHouseQueries(settings.clickhouse_url, client.database)
        try:
            await migrations.apply(client)
            await fill(client, handles=handles, sessions=sessions, partitions=count)
            found.append(await _read(settings, queries, count, sessions, times))
        finally:
            await drop_databases(client)
            await queries.close()
            await client.close()
    return found


async def fill(client: ClickHouse, *, handles: int, sessions: int, partitions: int) -> None:
    """As many sessions for each handle's device; one in OLDER_EVERY has an older version beside it.

    With several partitions one in SPLIT_EVERY has parts in two of them.
    """
    begin_ms = time.time_ns() // 1_000_000 - 20 * 24 * 3600 * 1000
    game: dict[str, Value] = {"studio": _STUDIO, "game": _GAME, "begin": begin_ms, "handles": handles}
    await client.command(_LINKS, game)
    shared = {**game, "partitions": partitions}
    for first in range(0, sessions, ROWS_A_PIECE):
        rows = {"first": first, "rows": min(ROWS_A_PIECE, sessions - first)}
        kinds = [(OLDER_EVERY, 1, 0), (1, 2, 0)]
        if partitions > 1:
            kinds.append((SPLIT_EVERY, 2, 1))
        for every, version, other in kinds:
            await client.command(
                _SESSIONS, {**shared, **rows, "every": every, "version": version, "other": other}
            )


async def _read(
    settings: Settings, queries: ClickHouseQueries, partitions: int, sessions: int, times: int
) -> HandlesReport:
    pids = {name: pid for name, pid in parts(settings.home).items() if name.startswith("clickhouse")}
    reads = ClickHouseHandles(queries)
    found, taken = [], []
    before = cpu_seconds(pids)
    for _ in range(times):
        began = time.perf_counter()
        found = await reads.handles(_STUDIO, _GAME)
        taken.append((time.perf_counter() - began) * 1000)
    used = sum(difference(before, cpu_seconds(pids)).values())
    told = sum(row.sessions for row in found)
    if told != sessions:
        raise ValueError(f"{told:,} sessions were told of {sessions:,}")
    return HandlesReport(
        partitions=partitions,
        handles=len(found),
        sessions=told,
        cold_ms=taken,
        clickhouse_cpu_ms=used * 1000 / times,
    )
