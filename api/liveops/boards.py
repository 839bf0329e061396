"""Leaderboards and lobbies: what is not one player's. Source: the S3 reference and the live-ops contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from api.http import Answer
from api.liveops.game_boards import GameBoards
from api.liveops.http import Call, check_id
from api.liveops.sse import Subscription
from api.liveops.stream_quotas import shares_of
from api.liveops.views import BoardViews
from schemas.edge.authentication import s3_key
from schemas.edge.errors import Refused
from schemas.liveops import json as shapes
from schemas.liveops.access import Caller
from schemas.liveops.responses import LobbyResponse

if TYPE_CHECKING:
    from schemas.fleet.ports import LobbyServerReads
    from schemas.liveops.ports import PlayerReads

_NO_BOARD: Final = "there is no such leaderboard"


class BoardRoutes:
    """Handlers of authorized requests."""

    def __init__(
        self,
        source_ip: Callable[[Call], str],
        views: BoardViews,
        boards: GameBoards,
        players: PlayerReads,
        *,
        servers: LobbyServerReads,
        now_ms: Callable[[], int],
    ) -> None:
        self._source_ip = source_ip
        self._views = views
        self._boards = boards
        self._players = players
        self._servers = servers
        self._now_ms = now_ms

    async def leaderboard(self, call: Call, caller: Caller) -> Answer:
        """LeaderboardResponse. Another game's board is 404 like one that never was."""
        board_id, query = call.names["leaderboardId"], call.query()
        limit: int = query["limit"]
        top = await self._boards.top(caller.game, board_id, limit)
        if top is None:
            raise Refused(404, _NO_BOARD)
        if not query["includeSelf"]:
            return Answer(200, top.body(None))
        external_id: str = query["externalId"] or ""
        if not external_id:
            raise Refused(400, "includeSelf needs externalId", field="externalId")
        check_id("externalId", external_id)
        return Answer(200, await self._views.with_place(top, limit, external_id))

    async def listened(self, call: Call, caller: Caller) -> Subscription:
        """Authorizes a stream of a board."""
        found = await self._boards.find(caller.game, call.names["leaderboardId"])
        if found is None:
            raise Refused(404, _NO_BOARD)
        shares = tuple(shares_of(caller.game, self._source_ip(call)))
        return Subscription(found.board, found.ends_at_ms, shares, s3_key(call.raw_headers))

    async def lobby(self, call: Call, caller: Caller) -> Answer:
        """LobbyResponse. Another game's lobby is 404."""
        lobby = await self._players.lobby(caller.game.id, call.names["lobbyId"])
        if lobby is None or lobby.game_id != caller.game.id:
            raise Refused(404, "there is no such lobby")
        given = await self._servers.given(lobby.id, self._now_ms()) if lobby.server_region else None
        return Answer(200, shapes.encode(LobbyResponse(lobby=shapes.lobby(lobby, given))))
