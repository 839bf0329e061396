"""What webhooks say of live-ops: its events as the JSON their receivers read. Pure.

`{"id", "type", "createdAt", "gameId", "data"}`; data has `externalId` and `attempt` or `grant` in the shapes
of the live-ops SDK, or of a finalized board `leaderboardId`, `eventKey`, `windowId`, `totalPlayers` and
`finalizedAt`. A subject is `p/<externalId>` or `b/<boardId>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from projections.webhooks.notifications import Dropped, Notification, Notified, standard_body
from schemas.codec import Message
from schemas.liveops import events as ev
from schemas.liveops import json as shapes
from schemas.liveops.event_windows import BoardFinalized
from schemas.liveops.events import EVENTS
from schemas.liveops.webhooks import WebhookType
from schemas.timestamps import iso_ms


def _notifications(message: Message, at_ms: int) -> Sequence[Notification]:
    """What an event is worth telling; an opened crate is a claimed grant and a created one."""
    match message:
        case ev.AttemptCompleted(attempt=attempt):
            return (
                _of_player("attempt.completed", message.external_id, {"attempt": shapes.attempt(attempt)}),
            )
        case ev.GrantCreated(grant=grant):
            return (_of_player("grant.created", message.external_id, {"grant": shapes.grant(grant, at_ms)}),)
        case ev.GrantClaimed(grant=grant):
            return (_of_player("grant.claimed", message.external_id, {"grant": shapes.grant(grant, at_ms)}),)
        case ev.CrateOpened(crate=crate, contents=contents):
            return (
                _of_player("grant.claimed", message.external_id, {"grant": shapes.grant(crate, at_ms)}),
                _of_player("grant.created", message.external_id, {"grant": shapes.grant(contents, at_ms)}),
            )
        case BoardFinalized():
            return (_of_board(message),)
        case _:
            return ()


def _dropped(message: Message) -> Sequence[Dropped]:
    """A forgotten player's deliveries, which have their id, don't wait any longer."""
    if not isinstance(message, ev.PlayerForgotten):
        return ()
    return (Dropped(message.game_id, _subject(message.external_id)),)


def _subject(external_id: str) -> str:
    return f"p/{external_id}"


def _of_player(kind: WebhookType, external_id: str, data: dict[str, Any]) -> Notification:
    return Notification(kind, _subject(external_id), {"externalId": external_id} | data)


def _of_board(board: BoardFinalized) -> Notification:
    data = {
        "leaderboardId": board.board_id,
        "eventKey": board.event_key,
        "windowId": board.window_id,
        "totalPlayers": board.total_players,
        "finalizedAt": iso_ms(board.finalized_at_ms),
    }
    return Notification("leaderboard.finalized", f"b/{board.board_id}", data)


LIVEOPS: Final = Notified(
    wire_names=frozenset(
        kind.WIRE
        for kind in (
            *(ev.AttemptCompleted, ev.GrantCreated, ev.GrantClaimed, ev.CrateOpened, BoardFinalized),
            ev.PlayerForgotten,
        )
    ),
    events=EVENTS,
    notifications=_notifications,
    body=standard_body,
    dropped=_dropped,
)
