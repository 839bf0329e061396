"""Boards in Redis. Implements `schemas.liveops.ports.BoardReads`."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from projections.liveops import keys
from projections.liveops.read_base import BatchedReads, pairs_of
from projections.redis.read_batches import Request
from schemas.liveops.ports import BoardEntryRow, BoardRow, BoardView

_row: Final = msgspec.msgpack.Decoder(BoardRow)
_final: Final = msgspec.msgpack.Decoder(tuple[int, int])


class BoardQueries(BatchedReads):
    """See the Protocol."""

    async def board(self, game_id: str, board_id: str) -> BoardRow | None:
        """By id, looked for where the game's are: the caller compares `game_id`. Finalized ones are kept."""
        (fields,) = await self._read(game_id, _board(board_id))
        return _board_row(fields)

    async def view(
        self, game_id: str, board_id: str, limit: int, external_id: str | None = None
    ) -> BoardView | None:
        """The first `limit` entries and `external_id`'s own; None where there is no such board."""
        requests = [_board(board_id), ("top", keys.entries_key(board_id), str(limit), "")]
        if external_id is not None:
            requests.append(_place(board_id, external_id))
        fields, (total, *flat), *places = await self._read(game_id, *requests)
        board = _board_row(fields)
        if board is None:
            return None
        entries = [
            _entry(board, rank, member, score) for rank, (member, score) in enumerate(pairs_of(flat), start=1)
        ]
        own = None
        if places and places[0]:
            member, rank, score = places[0]
            own = _entry(board, rank, member.decode(), float(score))
        finalized = board.finalized_at_ms is not None
        total_players = board.total_players if finalized else total
        return BoardView(board=board, total_players=total_players, entries=entries, self_entry=own)

    async def rank(self, game_id: str, board_id: str, external_id: str) -> int | None:
        """A player's rank, from 1; None where they have no entry (or the board is no longer in Redis)."""
        (found,) = await self._read(game_id, _place(board_id, external_id))
        return int(found[1]) if found else None


def _board(board_id: str) -> Request:
    return ("hmget", keys.board_key(board_id), "row\0final", "")


def _place(board_id: str, external_id: str) -> Request:
    return ("place", keys.entries_key(board_id), keys.members_key(board_id), keys.who(external_id))


def _board_row(fields: list[Any]) -> BoardRow | None:
    row, final = fields
    if row is None:
        return None
    board = _row.decode(row)
    if final is None:
        return board
    finalized_at_ms, total_players = _final.decode(final)
    return replace(board, finalized_at_ms=finalized_at_ms, total_players=total_players)


def _entry(board: BoardRow, rank: int, member: str, score: float) -> BoardEntryRow:
    achieved_at_ms, external_id, bot = keys.read_place(member)
    return BoardEntryRow(
        rank=rank,
        external_id=external_id,
        score=(-score if board.order == "desc" else score) + 0.0,
        achieved_at_ms=achieved_at_ms,
        is_bot=bot,
    )
