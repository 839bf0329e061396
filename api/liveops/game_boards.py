"""A game's leaderboards: those in the stores, and those that its schedule promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api.liveops.schedule import ScheduledBoards
from api.liveops.views import BoardViews, Top
from schemas.liveops.ports import BoardRow

if TYPE_CHECKING:
    from schemas.edge.ports import Game
    from schemas.liveops.ports import BoardReads


class FoundBoard(msgspec.Struct, frozen=True):
    """A leaderboard of the game that was asked about."""

    board: BoardRow
    ends_at_ms: int | None
    """When its window ends (unix ms), where it is in no store yet; None: its finalization ends it."""


class GameBoards:
    """Finds boards by id. Another game's board is None, like one that never was."""

    def __init__(self, views: BoardViews, boards: BoardReads, schedule: ScheduledBoards) -> None:
        self._views = views
        self._boards = boards
        self._schedule = schedule

    async def find(self, game: Game, board_id: str) -> FoundBoard | None:
        """A board as it is stored now, else as scheduled."""
        board = await self._boards.board(game.id, board_id)
        if board is not None:
            return FoundBoard(board, None) if board.game_id == game.id else None
        scheduled = self._schedule.find(game, board_id)
        return FoundBoard(scheduled.board, scheduled.ends_at_ms) if scheduled is not None else None

    async def top(self, game: Game, board_id: str, limit: int) -> Top | None:
        """The first `limit` entries, at most a second old; none before the first start."""
        top = self._views.held(board_id, limit) or await self._views.top(game.id, board_id, limit)
        if top is None:
            scheduled = self._schedule.find(game, board_id)
            top = self._views.empty(scheduled.board, limit) if scheduled is not None else None
        return top if top is not None and top.board.game_id == game.id else None
