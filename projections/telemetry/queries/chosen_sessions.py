"""Which sessions the dashboard looks at, by what is known of a session alone: platform, country, tester.

An event, a point or a step has none of these itself; it has its session's.
"""

from __future__ import annotations

from typing import Final

from projections.telemetry.queries.tester_handles import SHOWN, linked

_TENANT: Final = "studio_id = {studio:String} AND game_id = {game:String}"
_PLAYED_BY: Final = f"(player_id = {{played_by:String}} OR {SHOWN} = {{played_by:String}})"


def of_chosen_sessions(*, platform: bool, country: bool, played_by: bool) -> str:
    """SQL: a condition on rows that have a `session_id`; empty where nothing is chosen.

    Platform and country are those that S1's `/sessions` shows. A tester is a device, as `/testers` counts its
    sessions, or a handle that sessions show, sent or linked. Binds `studio`, `game` and what is chosen.
    """
    conditions = [_TENANT]
    conditions += ["platform = {platform:String}"] if platform else []
    conditions += ["country = {country:String}"] if country else []
    if played_by:
        narrowed = _sessions("session_id, game_id, player_id, tester_handle, first_event_at", conditions)
        return f"session_id IN (SELECT session_id FROM {linked(narrowed)} WHERE {_PLAYED_BY})"  # noqa: S608 - placeholders only
    return f"session_id IN ({_sessions('session_id', conditions)})" if len(conditions) > 1 else ""


def _sessions(columns: str, conditions: list[str]) -> str:
    return f"SELECT {columns} FROM sessions WHERE {' AND '.join(conditions)}"  # noqa: S608 - placeholders only
