"""Handles of testers in ClickHouse: implements `schemas.playtests.handles.HandleReads`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from projections.telemetry.queries.filters import HAS_EVENTS
from schemas.playtests.handles import HandleRow
from schemas.playtests.names import game_aggregate, handle_id

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

_OF_GAME: Final = "studio_id = {studio:String} AND game_id = {game:String}"
_LINKED: Final = f"""
SELECT l.handle, l.key_id, l.device_id, toUnixTimestamp64Milli(l.claimed_at),
       toUnixTimestamp64Milli(if(k.id = '', l.claimed_at, coalesce(k.redeemed_at, l.claimed_at)))
FROM (SELECT handle, key_id, batch_id, device_id, claimed_at FROM tester_links FINAL WHERE {_OF_GAME}) AS l
LEFT JOIN (SELECT batch_id, id, redeemed_at FROM playtest_keys FINAL WHERE {_OF_GAME}) AS k
    ON l.batch_id = k.batch_id AND l.key_id = k.id
"""  # noqa: S608 - names of ours
_COLUMNS: Final = "player_id, first_event_at, last_event_at, country"
_PARTS: Final = (
    f"SELECT {_COLUMNS}, part_active_ms AS active_ms "  # noqa: S608 - names of ours
    f"FROM session_parts FINAL WHERE {_OF_GAME} AND {HAS_EVENTS} "
    f"AND player_id IN (SELECT device_id FROM tester_links WHERE {_OF_GAME})"
)
"""The sessions of linked devices, where every session has one part: nothing is joined."""
_SPLIT: Final = (
    f"SELECT cityHash64(session_id) FROM session_parts WHERE {_OF_GAME} "  # noqa: S608 - names of ours
    "GROUP BY cityHash64(session_id) HAVING min(_partition) != max(_partition)"
)
"""Hashes of the sessions that have several parts. A number is grouped by in a fraction of a text's time, and
another session of the same hash is only read as those are."""
_SESSIONS: Final = (
    f"{_PARTS} AND cityHash64(session_id) NOT IN ({_SPLIT}) "  # noqa: S608 - names of ours
    f"UNION ALL SELECT {_COLUMNS}, active_ms FROM sessions WHERE {_OF_GAME} AND session_id IN "
    f"(SELECT session_id FROM session_parts WHERE {_OF_GAME} AND cityHash64(session_id) IN ({_SPLIT}))"
)
"""The same where sessions may have several parts: only of those that do, the parts are joined."""
_PARTITIONS: Final = f"SELECT uniqExact(_partition) FROM session_parts WHERE {_OF_GAME}"  # noqa: S608


def _played(sessions: str) -> str:
    return f"""
SELECT l.handle, count(), sum(s.active_ms), max(toUnixTimestamp64Milli(s.last_event_at)),
       uniqExactIf(s.country, s.country != '')
FROM ({sessions}) AS s
INNER JOIN (SELECT handle, device_id, claimed_at, unlinked_at FROM tester_links FINAL WHERE {_OF_GAME}) AS l
    ON s.player_id = l.device_id
WHERE s.first_event_at >= l.claimed_at AND (l.unlinked_at IS NULL OR s.first_event_at < l.unlinked_at)
GROUP BY l.handle
"""  # noqa: S608 - names of ours


class ClickHouseHandles:
    """See the Protocol."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def handles(self, studio_id: str, game_id: str) -> list[HandleRow]:
        """Every handle of a game that was ever linked, in no order."""
        parameters = {"studio": studio_id, "game": game_id}
        partitions = (await self._queries.query(_PARTITIONS, parameters))[0][0]
        played_by = _played(_SESSIONS if partitions > 1 else _PARTS)
        linked, played = await asyncio.gather(
            self._queries.query(_LINKED, parameters), self._queries.query(played_by, parameters)
        )
        sums: dict[str, list[Any]] = {row[0]: row[1:] for row in played}
        aggregate = game_aggregate(studio_id, game_id)
        return [_row(aggregate, row, sums.get(row[0])) for row in linked]


def _row(aggregate: str, linked: list[Any], played: list[Any] | None) -> HandleRow:
    handle, key_id, device_id, claimed_at_ms, created_at_ms = linked
    sessions, active_ms, last_seen_at_ms, countries = played or (0, 0, None, 0)
    return HandleRow(
        id=handle_id(aggregate, handle),
        handle=handle,
        key_id=key_id,
        device_id=device_id,
        created_at_ms=created_at_ms,
        claimed_at_ms=claimed_at_ms,
        sessions=sessions,
        active_ms=active_ms,
        last_seen_at_ms=last_seen_at_ms,
        countries=countries,
    )
