"""A window's end: the marker in each partition, then ranks frozen chunk by chunk."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.liveops.commands import CloseWindow, FinalizeBoard
from schemas.liveops.event_windows import BoardChunkFinalized, BoardFinalized, WindowClosing
from schemas.liveops.names import event_aggregate, player_aggregate, window_aggregate
from schemas.liveops.views import FinalEntry
from schemas.liveops.windows import WindowIdInvalid, window_from_id
from streams.deciders.liveops.open_windows import pinned_window
from streams.deciders.liveops.refusals import conflict, invalid
from streams.deciders.liveops.state import Board, LiveopsState
from streams.deciders.noun import Request, Verdict

CHUNK_MAX: Final = 2000
"""Entries of a chunk: about 180 KiB, which a command record can hold."""


def close_window(state: LiveopsState, request: Request, command: CloseWindow) -> Verdict:
    """The marker, once. From then on this partition's clock is past the window's end."""
    try:
        window = window_from_id(command.window_id)
    except WindowIdInvalid as error:
        return invalid(str(error))
    if request.at_ms < window.ends_at_ms:
        return conflict("window_open", "the window is not over")
    marker = state.markers.get(window_aggregate(request.game_id, command.event_key, command.window_id))
    if marker is not None and marker.closed_at_ms is not None:
        return ()
    closing = WindowClosing(
        game_id=request.game_id,
        event_key=command.event_key,
        window_id=command.window_id,
        ends_at_ms=window.ends_at_ms,
    )
    return (closing,)


def finalize(state: LiveopsState, request: Request, command: FinalizeBoard) -> Verdict:
    """The next chunk of a board's ranks. What was frozen stays: idempotent."""
    opened = pinned_window(state, request, command.event_key, command.window_id)
    if isinstance(opened, CommandRejected):
        return opened
    if request.at_ms < opened.window.ends_at_ms:
        return conflict("window_open", "the window is not over")
    names = {
        "game_id": request.game_id,
        "event_key": command.event_key,
        "window_id": command.window_id,
        "board_id": command.board_id,
    }
    window = state.windows.get(event_aggregate(request.game_id, command.event_key, command.window_id))
    if window is not None and window.lobbies:
        return conflict("lobbies_open", "lobbies of the window are not settled")
    board = (window.boards.get(command.board_id) if window is not None else None) or Board(0, 0)
    if board.finalized or command.chunk < board.next_chunk:
        return ()
    problem = _chunk_problem(board, command)
    if problem is not None:
        return problem
    first = command.entries[0].rank if command.entries else 1
    events: list[Message] = [
        *opened.pinning,
        BoardChunkFinalized(
            chunk=command.chunk,
            entries=_without_forgotten(state, request.game_id, command.entries),
            rewards=[reward for reward in opened.rules.rank_rewards if reward.rank_max >= first],
            table_version=opened.reference,
            **names,
        ),
    ]
    if command.last:
        total = board.frozen + len(command.entries)
        finalized = BoardFinalized(
            chunks=command.chunk + 1, total_players=total, finalized_at_ms=request.at_ms, **names
        )
        events.append(finalized)
    return tuple(events)


def _without_forgotten(state: LiveopsState, game_id: str, entries: list[FinalEntry]) -> list[FinalEntry]:
    """A player who was forgotten meanwhile is frozen under their pseudonym."""
    if not state.forgotten:
        return entries
    return [
        entry
        if entry.is_bot or (gone := state.forgotten.get(player_aggregate(game_id, entry.external_id))) is None
        else replace(entry, external_id=gone.pseudonym)
        for entry in entries
    ]


def _chunk_problem(board: Board, command: FinalizeBoard) -> CommandRejected | None:
    if command.chunk != board.next_chunk:
        return conflict("out_of_order", f"chunk {board.next_chunk} comes next", next=board.next_chunk)
    if len(command.entries) > CHUNK_MAX:
        return invalid(f"a chunk has at most {CHUNK_MAX} entries", "entries")
    ranks = [entry.rank for entry in command.entries]
    if ranks != list(range(board.frozen + 1, board.frozen + 1 + len(ranks))):
        return invalid(f"ranks go on from {board.frozen + 1} without gaps", "entries")
    return None
