"""One tester's sessions in order of time, with what was found in each.

A tester is asked for by handle or by device, the handle first. A handle means the sessions that sent it, or
whose device was linked to it, and their devices' sessions that have none: a device may have had several
handles, and a handle may be spelled like another device's id.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.insights import Insight, insights_of_sessions
from projections.telemetry.queries.session_ids import OWN_ID
from projections.telemetry.queries.sessions import RECORDED, Session, latest_sessions
from projections.telemetry.queries.tester_handles import SHOWN, joined
from projections.telemetry.queries.url_pieces import in_pieces
from schemas.telemetry.friction import TagCount
from schemas.telemetry.rule_summaries import narrative

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

ENTRIES_MAX: Final = 500
DEVICES_MAX: Final = 1_000
"""Of one handle, and no more than one query's parameters hold: the sessions without a handle of further
devices are left out."""
_PARTS_MAX: Final = ENTRIES_MAX + 1
TREND_SESSIONS: Final = 3
Trend = Literal["rising", "flat", "declining", "insufficient_data"]


class Totals(NamedTuple):
    """Of all sessions. The first and last active milliseconds are of closed sessions, in order of time."""

    sessions: int
    devices: int
    active_ms: int
    closed: int
    first_active_ms: list[int]
    last_active_ms: list[int]


class Journey(msgspec.Struct, frozen=True):
    """The latest sessions, oldest first, each with its insights by the session's id as shown."""

    sessions: list[Session]
    insights: dict[str, list[Insight]]
    totals: Totals

    @property
    def handle(self) -> str | None:
        """The handle of the latest session that has one, sent or linked."""
        handles = (session.tester_handle for session in reversed(self.sessions) if _has_handle(session))
        return next(handles, None)

    @property
    def summary(self) -> str:
        """By rule: of all sessions, and of the findings in these."""
        testers: dict[tuple[str, str], set[str]] = {}
        for found in self.insights.values():
            for insight in found:
                testers.setdefault((insight.type, insight.tag), set()).add(insight.device_id)
        counts = [TagCount(*key, len(devices - {""})) for key, devices in testers.items()]
        totals = self.totals
        return narrative(
            totals.sessions, totals.devices, totals.active_ms, [one for one in counts if one.testers]
        )

    @property
    def trend(self) -> Trend:
        """Of the active time of closed sessions."""
        return trend(self.totals)


_SENT: Final = f"({SHOWN} != player_id)"
"""A handle that was neither sent nor linked is the device's id."""
_OF_HANDLE: Final = f"({SHOWN} = {{tester:String}} AND {_SENT})"
_WITHOUT_HANDLE: Final = f"(player_id IN {{devices:Array(String)}} AND NOT {_SENT})"
_LINKED: Final = (
    "player_id IN (SELECT device_id FROM tester_links FINAL WHERE studio_id = {studio:String} "
    "AND game_id = {game:String} AND handle = {tester:String})"
)
_OF_DEVICE: Final = "player_id = {tester:String}"
_MAYBE_OF_HANDLE: Final = f"((tester_handle = {{tester:String}} AND tester_handle != player_id) OR {_LINKED})"


def _has_handle(session: Session) -> bool:
    return session.tester_handle not in {"", session.device_id}


async def journey(
    queries: Queries, studio_id: str, game_id: str, tester: str, environment: str | None
) -> Journey | None:
    """The journey of a handle or else a device; None where it has no session in the environment."""
    of_game = Conditions(studio_id).equal("game_id", "game", game_id).holds("1", tester=tester)
    few = await _few_sessions(queries, of_game)
    if few is not None:
        chosen = [session for session in few if environment in {None, session.environment}]
        latest, totals = chosen, _totals_of(chosen)
    else:
        latest, totals = await _many_sessions(queries, of_game, environment)
    if not latest:
        return None
    found = await insights_of_sessions(
        queries, studio_id, game_id, {session.given_id: session.id for session in latest}
    )
    return Journey(latest, found, totals)


async def _few_sessions(queries: Queries, of_game: Conditions) -> list[Session] | None:
    """All of a tester's sessions, oldest first; None where they may be more than are told.

    Those that may be meant are looked up by their ids, and chosen here: each query over the view costs more
    for its plan than for some hundred rows.
    """
    rows = await _parts(queries, of_game, "session_id, player_id", _MAYBE_OF_HANDLE)
    devices = sorted({device for _, device in rows if device})
    parts = f"({_MAYBE_OF_HANDLE} OR player_id IN {{devices:Array(String)}})" if rows else _OF_DEVICE
    pieces = in_pieces(devices, str)
    if len(rows) == _PARTS_MAX or len(pieces) > 1:
        return None
    of_game.holds("1", devices=devices)
    found_ids = await _parts(queries, of_game, "session_id", parts)
    ids = in_pieces([session_id for (session_id,) in found_ids], str)
    if len(found_ids) == _PARTS_MAX or len(ids) > 1:
        return None
    by_ids = of_game.copy().holds("1", ids=[*itertools.chain(*ids)])
    found = await latest_sessions(queries, by_ids, "session_id IN {ids:Array(String)}", "1", most=ENTRIES_MAX)
    tester = str(of_game.parameters["tester"])
    if not rows:
        return [session for session in found if session.device_id == tester]
    named = {
        session.device_id for session in found if _has_handle(session) and session.tester_handle == tester
    }
    chosen = [
        session
        for session in found
        if (session.tester_handle == tester if _has_handle(session) else session.device_id in named - {""})
    ]
    return chosen or None  # a handle that no session shows: the device of that name may have some


def _totals_of(sessions: list[Session]) -> Totals:
    closed = [session.active_ms for session in sessions if session.status != "pending"]
    return Totals(
        sessions=len(sessions),
        devices=len({session.device_id for session in sessions} - {""}),
        active_ms=sum(session.active_ms for session in sessions),
        closed=len(closed),
        first_active_ms=closed[:TREND_SESSIONS],
        last_active_ms=closed[-TREND_SESSIONS:],
    )


async def _many_sessions(
    queries: Queries, of_game: Conditions, environment: str | None
) -> tuple[list[Session], Totals]:
    """The newest of a tester's sessions, oldest first, and the totals of all, as ClickHouse counts them."""
    devices = await _devices_of_handle(queries, of_game)
    if devices is None:
        which = parts = _OF_DEVICE
    else:
        which = f"{_OF_HANDLE} OR {_WITHOUT_HANDLE}"
        parts = f"({_MAYBE_OF_HANDLE} OR player_id IN {{devices:Array(String)}})"
        of_game.holds("1", devices=devices)
    narrowed = _narrowed(of_game, parts)
    conditions = of_game.equal("environment", "environment", environment)
    totals, latest = await asyncio.gather(
        _totals(queries, conditions, narrowed, which),
        latest_sessions(queries, conditions, narrowed, which, most=ENTRIES_MAX),
    )
    return latest, totals


def trend(totals: Totals) -> Trend:
    """From the mean active time of the first closed sessions to that of the last."""
    if totals.closed < 2 * TREND_SESSIONS:
        return "insufficient_data"
    first, last = sum(totals.first_active_ms), sum(totals.last_active_ms)
    if first == last == 0:
        return "flat"
    if 4 * last >= 5 * first:
        return "rising"
    return "declining" if 4 * last <= 3 * first else "flat"


async def _devices_of_handle(queries: Queries, of_game: Conditions) -> list[str] | None:
    """The devices with a session of the handle in any environment; None where no session has it."""
    maybe = f"{of_game} AND {_narrowed(of_game, _MAYBE_OF_HANDLE)}"
    rows = await queries.query(
        f"SELECT DISTINCT player_id FROM {joined(maybe)} WHERE {_OF_HANDLE} "  # noqa: S608
        f"ORDER BY player_id LIMIT {DEVICES_MAX}",
        of_game.parameters,
    )
    devices = [device for (device,) in rows if device]
    return [*itertools.chain(*in_pieces(devices, str)[:1])] if rows else None


async def _totals(queries: Queries, conditions: Conditions, narrowed: str, which: str) -> Totals:
    closed = f"groupArrayIf(({RECORDED}, {OWN_ID}, active_ms), closed = 1)"
    rows = await queries.query(
        f"WITH arraySort({closed}) AS ordered "  # noqa: S608 - placeholders only
        "SELECT count(), uniqExactIf(player_id, player_id != ''), sum(active_ms), length(ordered), "
        f"arraySlice(ordered, 1, {TREND_SESSIONS}).3, arraySlice(ordered, -{TREND_SESSIONS}).3 "
        f"FROM {joined(f'{conditions} AND {narrowed}')} WHERE {which}",
        conditions.parameters,
    )
    return Totals(*rows[0])


def _narrowed(of_game: Conditions, parts: str) -> str:
    """A condition on session_id that leaves the sessions with such parts."""
    return f"session_id IN (SELECT session_id FROM session_parts WHERE {of_game} AND {parts})"  # noqa: S608


async def _parts(queries: Queries, of_game: Conditions, columns: str, parts: str) -> list[list[str]]:
    return await queries.query(
        f"SELECT DISTINCT {columns} FROM session_parts WHERE {of_game} AND {parts} LIMIT {_PARTS_MAX}",  # noqa: S608
        of_game.parameters,
    )
