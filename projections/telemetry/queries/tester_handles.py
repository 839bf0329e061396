"""The handle that a session shows: that of the tester its device was linked to when it began, else as sent.

Links and sessions are joined when they are read, so that it does not matter which of them came first.
Source: contract/playtests.md, "Key batches".
"""

from __future__ import annotations

from typing import Final

_LINKS: Final = (
    "SELECT game_id AS linked_game_id, device_id AS linked_device_id, "
    "groupArray((claimed_at, coalesce(unlinked_at, toDateTime64('2299-12-31', 3, 'UTC')), handle)) AS links "
    "FROM tester_links FINAL WHERE studio_id = {studio:String} GROUP BY game_id, device_id"
)
SHOWN: Final = (
    "coalesce(nullIf(arrayFirst(link -> link.1 <= first_event_at AND first_event_at < link.2, l.links).3, '')"
    ", tester_handle)"
)
"""SQL of a session's testerHandle, where its row is joined with its device's links."""

HOLDING: Final = (
    "SELECT game_id AS linked_game_id, device_id AS linked_device_id, claimed_at, "
    "coalesce(unlinked_at, toDateTime64('2299-12-31', 3, 'UTC')) AS linked_until, "
    "positionCaseInsensitiveUTF8(handle, {q:String}) > 0 AS link_holds "
    "FROM tester_links FINAL WHERE studio_id = {studio:String} AND claimed_at < linked_until"
)
"""SQL of the links, and whether the handle of each holds `q`. Those of a device don't overlap."""

LINKED_TO: Final = (
    "(game_id, player_id) IN (SELECT game_id, device_id FROM tester_links "
    "WHERE studio_id = {studio:String} AND positionCaseInsensitiveUTF8(handle, {q:String}) > 0)"
)
"""Condition on sessions that those meet for which a link shows a handle that holds `q`."""


def joined(conditions: str) -> str:
    """SQL: the sessions that meet the conditions, named `s`, with their devices' links, named `l`.

    The parameter `studio` is bound.
    """
    return linked(f"SELECT * FROM sessions WHERE {conditions}")  # noqa: S608


def linked(sessions: str) -> str:
    """SQL: the sessions of a SELECT, named `s`, with their devices' links, named `l`, for `SHOWN`."""
    return (
        f"({sessions}) AS s LEFT JOIN ({_LINKS}) AS l"
        " ON s.game_id = l.linked_game_id AND s.player_id = l.linked_device_id"
    )
