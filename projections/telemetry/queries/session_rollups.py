"""Rollups over sessions: of a build, of several, of a tester.

Sums, means and medians are taken over exact milliseconds and rounded once, at the end, halves up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.sessions import RECORDED
from schemas.rounding import half_up, half_up_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries.client import Queries


class Stats(msgspec.Struct, frozen=True):
    """Seconds over sessions, wall and active, rounded to integers, and a rate of 2 places."""

    total_wall: int = 0
    total_active: int = 0
    avg_wall: int = 0
    avg_active: int = 0
    median_wall: int = 0
    median_active: int = 0
    engagement_rate: float = 0.0


class Rollup(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions together; without sessions all is zero or None. Times are unix milliseconds.

    Build and place are each those of the latest session (recordedAt, then session id) that has one.
    """

    sessions: int = 0
    devices: int = 0
    first_seen: int | None = None
    last_seen: int | None = None
    active_ms: int = 0
    stats: Stats = Stats()
    last_build: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None


def stats_of(n: int, wall_ms: int, active_ms: int, median_wall_ms: float, median_active_ms: float) -> Stats:
    """Statistics of `n` sessions, of which there is at least one."""
    return Stats(
        total_wall=half_up(wall_ms, 1000),
        total_active=half_up(active_ms, 1000),
        avg_wall=half_up(wall_ms, 1000 * n),
        avg_active=half_up(active_ms, 1000 * n),
        # The mean of two whole milliseconds: twice it is whole.
        median_wall=half_up(int(2 * median_wall_ms), 2000),
        median_active=half_up(int(2 * median_active_ms), 2000),
        engagement_rate=half_up_to(active_ms, wall_ms, 2),
    )


_LATEST: Final = ("build_id", "country", "region", "city")
_FIGURES: Final = (
    "count() AS n, uniqExactIf(player_id, player_id != ''), min(recorded), max(last_at), "
    "sum(wall), sum(active), quantileExactInclusive(0.5)(wall), quantileExactInclusive(0.5)(active), "
    + ", ".join(f"argMaxIf({name}, (recorded, session_id), {name} != '')" for name in _LATEST)
)
_EACH: Final = (
    f"SELECT player_id, session_id, {', '.join(_LATEST)}, {RECORDED} AS recorded, duration_ms AS wall, "  # noqa: S608 - constants
    "active_ms AS active, toUnixTimestamp64Milli(last_event_at) AS last_at FROM sessions"
)


async def build_rollup(
    queries: Queries, studio_id: str, game_id: str, build: str, environment: str | None
) -> Rollup | None:
    """The rollup of a build's sessions (in an environment, where one is given); None for an unknown build.

    A build that has sessions in other environments only has a rollup of none.
    """
    narrowed = "build_id = {build:String}"
    return await _scoped(
        queries, _of_game(studio_id, game_id).equal("build_id", "build", build), narrowed, environment
    )


async def tester_rollup(
    queries: Queries, studio_id: str, game_id: str, device_id: str, environment: str | None
) -> Rollup | None:
    """The rollup of all sessions of a device, as `build_rollup`; None for an unknown device."""
    narrowed = "player_id = {device:String}"
    return await _scoped(
        queries, _of_game(studio_id, game_id).equal("player_id", "device", device_id), narrowed, environment
    )


async def _scoped(
    queries: Queries, conditions: Conditions, narrowed: str, environment: str | None
) -> Rollup | None:
    """`narrowed`: a condition on the sessions' parts that makes the view read little."""
    parts = (
        "SELECT session_id FROM session_parts WHERE studio_id = {studio:String} "  # noqa: S608 - a constant
        f"AND game_id = {{game:String}} AND {narrowed}"
    )
    conditions.holds(f"session_id IN ({parts})")
    anywhere = str(conditions)
    conditions.equal("environment", "environment", environment)
    rows = await queries.query(
        f"SELECT {_FIGURES} FROM ({_EACH} WHERE {conditions})",  # noqa: S608 - placeholders only
        conditions.parameters,
    )
    found = _rollup(rows[0])
    if found.sessions or environment is None:
        return found if found.sessions else None
    known = await queries.query(
        f"SELECT 1 FROM sessions WHERE {anywhere} LIMIT 1",  # noqa: S608 - placeholders only
        conditions.parameters,
    )
    return found if known else None


def _of_game(studio_id: str, game_id: str) -> Conditions:
    return Conditions(studio_id).equal("game_id", "game", game_id)


def _rollup(row: Sequence[Any]) -> Rollup:
    n, devices, first_seen, last_seen, wall, active, median_wall, median_active, *latest = row
    if n == 0:
        return Rollup()
    build, country, region, city = (text or None for text in latest)
    return Rollup(
        sessions=n,
        devices=devices,
        first_seen=first_seen,
        last_seen=last_seen,
        active_ms=active,
        stats=stats_of(n, wall, active, median_wall, median_active),
        last_build=build,
        country=country,
        region=region,
        city=city,
    )
