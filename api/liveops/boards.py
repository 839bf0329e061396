"""Leaderboards and lobbies: what is not one player's. Source: the S3 reference and the live-ops contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.liveops.access import Access
from api.liveops.http import Answer, Call, Refused, check_id, truth, whole_number
from api.liveops.schedule import ScheduledBoards
from api.liveops.sharing import shares_of
from api.liveops.sse import Hearing
from api.liveops.views import BoardViews
from schemas.edge.authentication import s3_key
from schemas.liveops import json as shapes

if TYPE_CHECKING:
    from schemas.liveops.ports import BoardReads, PlayerReads

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
_NO_BOARD: Final = "there is no such leaderboard"


class BoardRoutes:
    """Handlers; each checks who asks first."""

    def __init__(
        self,
        access: Access,
        views: BoardViews,
        boards: BoardReads,
        players: PlayerReads,
        schedule: ScheduledBoards,
    ) -> None:
        self._access = access
        self._views = views
        self._boards = boards
        self._players = players
        self._schedule = schedule

    async def leaderboard(self, call: Call) -> Answer:
        """LeaderboardResponse. Another game's board is 404 like one that never was."""
        caller = await self._access.sdk(call)
        query = call.query("limit", "includeSelf", "externalId")
        limit = whole_number(query, "limit", default=LIMIT_DEFAULT, lowest=1, highest=LIMIT_MAX)
        with_self = truth(query, "includeSelf")
        top = self._views.held(call.parameter, limit) or await self._views.top(call.parameter, limit)
        if top is None:
            scheduled = self._schedule.find(caller.game, call.parameter)
            top = self._views.empty(scheduled.board, limit) if scheduled is not None else None
        if top is None or top.board.game_id != caller.game.id:
            raise Refused(404, _NO_BOARD)
        if not with_self:
            return Answer(200, top.body(None))
        external_id = query.get("externalId", "")
        if not external_id:
            raise Refused(400, "includeSelf needs externalId", field="externalId")
        check_id("externalId", external_id)
        return Answer(200, await self._views.with_place(top, limit, external_id))

    async def listened(self, call: Call) -> Hearing:
        """Who asks for a stream, and of which board."""
        caller = await self._access.sdk(call)
        board, ends_at_ms = await self._boards.board(call.parameter), None
        if board is None:
            scheduled = self._schedule.find(caller.game, call.parameter)
            if scheduled is not None:
                board, ends_at_ms = scheduled.board, scheduled.ends_at_ms
        if board is None or board.game_id != caller.game.id:
            raise Refused(404, _NO_BOARD)
        shares = tuple(shares_of(caller.game, self._access.source_ip(call)))
        return Hearing(board, ends_at_ms, shares, s3_key(call.raw_headers))

    async def lobby(self, call: Call) -> Answer:
        """LobbyResponse. Another game's lobby is 404."""
        caller = await self._access.sdk(call)
        lobby = await self._players.lobby(call.parameter)
        if lobby is None or lobby.game_id != caller.game.id:
            raise Refused(404, "there is no such lobby")
        return Answer(200, shapes.encode({"lobby": shapes.lobby(lobby)}))
