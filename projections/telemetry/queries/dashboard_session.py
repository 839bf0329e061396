"""One session: whose it is, and its events and funnel steps in the order in which they happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Query
from projections.telemetry.queries.session_ids import OWN_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

EVENTS_MAX: Final = 1_000
PROPERTIES_CHARACTERS: Final = 500
_TENANT: Final = "studio_id = {studio:String} AND game_id = {game:String}"


class SessionEvent(msgspec.Struct, frozen=True):
    """Something that happened at unix milliseconds. `properties` is JSON, its first 500 characters."""

    at: int
    name: str
    step: bool
    room: str
    properties: str


class SessionEvents(msgspec.Struct, frozen=True):
    """A session and its first 1,000 events; `total` counts all of them, positions apart.

    `id` is the public one; times are unix milliseconds.
    """

    id: str
    player: str
    tester: str
    build: str
    environment: str
    platform: str
    country: str
    first_at: int
    last_at: int
    total: int
    events: list[SessionEvent]


def session_query(studio_id: str, game_id: str, session: str) -> Query:
    """One row, or none: the session that has this id, as sent or as shown."""
    return Query(
        f"""
        SELECT {OWN_ID} AS id, session_id AS given, player_id, tester_handle, build_id, environment, platform,
               country, toUnixTimestamp64Milli(first_event_at) AS first_at,
               toUnixTimestamp64Milli(last_event_at) AS last_at
        FROM sessions WHERE {_TENANT} AND (session_id = {{session:String}} OR session_hash = {{session:String}})
        ORDER BY session_id = {{session:String}} DESC LIMIT 1
        """,  # noqa: S608, E501 - the text holds placeholders only
        {"studio": studio_id, "game": game_id, "session": session},
    )


def events_query(studio_id: str, game_id: str, given: str) -> Query:
    """Rows (at, name, step, room, properties, total) by the session's id as sent, the oldest first."""
    sources = " UNION ALL ".join(
        f"SELECT toUnixTimestamp64Milli(occurred_at) AS at, toString({column}) AS name, {step} AS step, "  # noqa: S608 - placeholders only
        f"toString(room) AS room, substringUTF8(properties, 1, {PROPERTIES_CHARACTERS}) AS properties, "
        f"_partition AS part, _offset AS place, _index AS item "
        f"FROM {table} WHERE {_TENANT} AND session_id = {{session:String}}"
        for table, column, step in (("events", "event_name", 0), ("funnel_steps", "step_name", 1))
    )
    return Query(
        f"SELECT at, name, step, room, properties, count() OVER () AS total FROM ({sources}) "  # noqa: S608 - placeholders only
        f"ORDER BY at, part, place, item LIMIT {EVENTS_MAX}",
        {"studio": studio_id, "game": game_id, "session": given},
    )


def read_session(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> SessionEvents:
    """The row of `session_query` and those of `events_query`."""
    return SessionEvents(
        id=str(row["id"]),
        player=str(row["player_id"]),
        tester=str(row["tester_handle"]),
        build=str(row["build_id"]),
        environment=str(row["environment"]),
        platform=str(row["platform"]),
        country=str(row["country"]),
        first_at=int(row["first_at"]),
        last_at=int(row["last_at"]),
        total=int(rows[0]["total"]) if rows else 0,
        events=[
            SessionEvent(
                int(one["at"]), str(one["name"]), bool(one["step"]), str(one["room"]), str(one["properties"])
            )
            for one in rows
        ],
    )
