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
_KEY: Final = "cityHash64(session_id)"
"""Numbers are grouped by in a fraction of a text's time. Other sessions of the same hash are only read as
those are that the view is asked for."""
_ROWS: Final = f"SELECT {_KEY} FROM session_parts WHERE {_OF_GAME} GROUP BY {_KEY}"  # noqa: S608 - names of ours
_SEVERAL: Final = f"{_ROWS} HAVING count() > 1"
"""Sessions of several rows: of several parts, or of one whose earlier versions are not merged away yet."""
_SPLIT: Final = f"{_ROWS} HAVING min(_partition) != max(_partition)"
"""Sessions of several parts, whose active time is not a sum of theirs."""
FEW_MAX: Final = 20_000
"""Sessions of several rows, up to which the view is asked for all of them. Where there are more, FINAL
chooses the versions, and the view is asked for those of several parts alone."""
_COUNT: Final = f"SELECT count() FROM ({_SEVERAL} LIMIT {FEW_MAX + 1})"  # noqa: S608


def _sessions(parts: str, apart: str) -> str:
    """SQL: sessions of linked devices, as the view has them; it is asked only for those that are `apart`."""
    return f"""
SELECT {_COLUMNS}, part_active_ms AS active_ms FROM {parts}
WHERE {_OF_GAME} AND {HAS_EVENTS} AND player_id IN (SELECT device_id FROM tester_links WHERE {_OF_GAME})
    AND {_KEY} NOT IN ({apart})
UNION ALL
SELECT {_COLUMNS}, active_ms FROM sessions
WHERE {_OF_GAME}
    AND session_id IN (SELECT session_id FROM session_parts WHERE {_OF_GAME} AND {_KEY} IN ({apart}))
"""  # noqa: S608 - names of ours


def _played(sessions: str) -> str:
    """SQL: sums of each handle. Countries are counted as groups: a set for each handle costs far more."""
    return f"""
SELECT handle, sum(number), sum(active_ms), max(last_ms), countIf(country != '')
FROM
(
    SELECT l.handle AS handle, s.country AS country, count() AS number, sum(s.active_ms) AS active_ms,
           max(toUnixTimestamp64Milli(s.last_event_at)) AS last_ms
    FROM ({sessions}) AS s
    INNER JOIN
    (
        SELECT handle, device_id, claimed_at, unlinked_at FROM tester_links FINAL WHERE {_OF_GAME}
    ) AS l ON s.player_id = l.device_id
    WHERE s.first_event_at >= l.claimed_at AND (l.unlinked_at IS NULL OR s.first_event_at < l.unlinked_at)
    GROUP BY handle, country
)
GROUP BY handle
SETTINGS optimize_move_to_prewhere_if_final = 1
"""  # noqa: S608 - names of ours


_OF_FEW: Final = _played(_sessions("session_parts", _SEVERAL))
_OF_MANY: Final = _played(_sessions("session_parts FINAL", _SPLIT))


class ClickHouseHandles:
    """See the Protocol."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def handles(self, studio_id: str, game_id: str) -> list[HandleRow]:
        """Every handle of a game that was ever linked, in no order."""
        parameters = {"studio": studio_id, "game": game_id}
        ((several,),) = await self._queries.query(_COUNT, parameters)
        played_by = _OF_FEW if several <= FEW_MAX else _OF_MANY
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
