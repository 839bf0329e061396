"""What happens to windows, lobbies and final ranks, as operations."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from projections.liveops import keys
from projections.liveops.context import HOUR_MS, Context, Step, encode
from projections.liveops.players import set_entry
from projections.redis.operations import (
    add_member,
    delete_score,
    delete_score_when,
    expire_as,
    expire_at,
    expire_when,
    remove_member,
    set_field,
    set_score,
    tell,
)
from schemas.codec import Message
from schemas.liveops import event_windows as ev
from schemas.liveops.ports import WindowRow
from schemas.liveops.windows import window_from_id


def _opened(context: Context, event: ev.WindowOpened) -> None:
    row = WindowRow(
        studio_id=context.studio_id,
        game_id=event.game_id,
        event_key=event.event_key,
        window_id=event.window_id,
        ends_at_ms=event.ends_at_ms,
        reference=event.reference,
        definition=event.definition,
    )
    window = _name(context, event)
    context.operations += (
        set_field(f"window:{window}", str(context.partition), encode(row)),
        set_score(keys.WINDOWS, float(event.ends_at_ms), window),
    )


def _closing(context: Context, event: ev.WindowClosing) -> None:
    window = _name(context, event)
    context.operations.append(add_member(f"closed:{window}", str(context.partition)))
    _leave_when_done(context, window, event.window_id)


def _leave_when_done(context: Context, window: str, window_id: str) -> None:
    """A window that is closed everywhere and has no board left to finalize needs no more work.

    No event of it comes after that. What it was and where it closed goes last, since it is the condition.
    """
    pinned, closed, boards = f"window:{window}", f"closed:{window}", f"boards:{window}"
    gone_at_ms = keys.window_gone_at_ms(window_id)
    context.operations += (
        delete_score_when(keys.WINDOWS, window, empty=boards, whole=closed),
        expire_when(pinned, gone_at_ms, empty=boards, whole=closed),
        expire_when(closed, gone_at_ms, empty=boards, whole=closed),
    )


def _lobby_opened(context: Context, event: ev.LobbyOpened) -> None:
    key = keys.lobby_key(event.lobby_id)
    row = {
        "game_id": event.game_id,
        "event_key": event.event_key,
        "window_id": event.window_id,
        "size": event.size,
        "fills_at_ms": event.fills_at_ms,
    }
    context.operations += (set_field(key, "row", encode(row)), set_field(key, "status", "forming"))
    _lobby_expires(context, event, event.lobby_id)
    _due(context, event, event.lobby_id, event.fills_at_ms)


def _lobby_expires(context: Context, event: ev.EventWindowEvent, lobby_id: str) -> None:
    """After every change: on a late rebuild an earlier word has removed the key already."""
    ends_at_ms = window_from_id(event.window_id).ends_at_ms
    context.operations.append(expire_at(keys.lobby_key(lobby_id), ends_at_ms + HOUR_MS))


def _due(context: Context, event: ev.EventWindowEvent, lobby_id: str, due_at_ms: int | None) -> None:
    member = f"{_name(context, event)}/{lobby_id}"
    if due_at_ms is None:
        context.operations.append(delete_score(keys.LOBBIES, member))
    else:
        context.operations.append(set_score(keys.LOBBIES, float(due_at_ms), member))


def _lobby_joined(context: Context, event: ev.LobbyJoined) -> None:
    key = keys.lobby_key(event.lobby_id)
    joined = encode((event.players, event.joined_at_ms))
    context.operations.append(set_field(key, keys.lobby_field(event.external_id), joined))
    _lobby_expires(context, event, event.lobby_id)


def _lobby_activated(context: Context, event: ev.LobbyActivated) -> None:
    key = keys.lobby_key(event.lobby_id)
    context.operations += (
        set_field(key, "status", "active"),
        set_field(key, "bots", str(len(event.bots))),
    )
    if event.server is not UNSET:
        context.operations.append(set_field(key, "server", event.server.region))
    _lobby_expires(context, event, event.lobby_id)
    _due(context, event, event.lobby_id, event.next_due_ms)


def _lobby_closed(context: Context, event: ev.LobbyClosed) -> None:
    context.operations.append(set_field(keys.lobby_key(event.lobby_id), "status", "closed"))
    _lobby_expires(context, event, event.lobby_id)
    _due(context, event, event.lobby_id, None)


def _bots_scored(context: Context, event: ev.BotsScored) -> None:
    for scored in event.entries:
        set_entry(context, scored.bot_id, scored.entry, bot=True)
    _due(context, event, event.lobby_id, event.next_due_ms)


def _chunk(context: Context, event: ev.BoardChunkFinalized) -> None:
    frozen = event.entries[-1].rank if event.entries else 0
    key = keys.board_key(event.board_id)
    context.operations.append(set_field(key, "chunk", encode((event.chunk + 1, frozen))))


def _finalized(context: Context, event: ev.BoardFinalized) -> None:
    """Entries stay for an hour, until every reader of ClickHouse has them."""
    window = _name(context, event)
    final = encode((event.finalized_at_ms, event.total_players))
    board = keys.board_key(event.board_id)
    context.operations += (
        set_field(board, "final", final),
        set_field(board, "gone", str(event.finalized_at_ms + HOUR_MS)),
        remove_member(f"boards:{window}", event.board_id),
        expire_as(keys.entries_key(event.board_id), board),
        expire_as(keys.members_key(event.board_id), board),
        tell(keys.stream_key(event.board_id), context.at_ms, keys.entries_key(event.board_id), "", b""),
    )
    _leave_when_done(context, window, event.window_id)


def _name(context: Context, event: ev.EventWindowEvent | ev.MarkerEvent) -> str:
    return keys.window_name(context.studio_id, event.game_id, event.event_key, event.window_id)


STEPS: Final[dict[type[Message], Step]] = {
    ev.WindowOpened: _opened,
    ev.WindowClosing: _closing,
    ev.LobbyOpened: _lobby_opened,
    ev.LobbyJoined: _lobby_joined,
    ev.LobbyActivated: _lobby_activated,
    ev.LobbyClosed: _lobby_closed,
    ev.BotsScored: _bots_scored,
    ev.BoardChunkFinalized: _chunk,
    ev.BoardFinalized: _finalized,
}
"""GroupAssigned, EventJoined and LobbiesSettled are in the answers alone."""
