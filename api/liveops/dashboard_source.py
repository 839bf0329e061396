"""Live-ops' reads for the dashboard, which authorizes its requests itself.

Implements `api.dashboard.ports.LiveopsSource` over the same views, players and stream reader as the routes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from api.liveops.game_boards import FoundBoard, GameBoards
from api.liveops.http import Call
from api.liveops.players import PlayerRoutes
from api.liveops.routes import STREAM
from api.liveops.sse import Streams, Subscription
from api.liveops.stream_quotas import shares_of
from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused
from schemas.edge.routes import Found
from schemas.liveops.responses import LedgerResponse, ServerPlayerResponse

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from schemas.edge.ports import Game


class DashboardSource:
    """Performs no authorization: the caller has, and passes a game of its principal."""

    def __init__(
        self,
        players: PlayerRoutes,
        boards: GameBoards,
        streams: Streams,
        source_ip: Callable[[Call], str],
    ) -> None:
        self._players = players
        self._boards = boards
        self._streams = streams
        self._source_ip = source_ip

    async def board(self, game: Game, board_id: str) -> FoundBoard | None:
        """One of the game's boards; None for another's."""
        return await self._boards.find(game, board_id)

    async def top(self, game: Game, board_id: str, limit: int) -> bytes | None:
        """LeaderboardResponse, at most a second old; None where the game has no such board."""
        top = await self._boards.top(game, board_id, limit)
        return None if top is None else top.body(None)

    async def follow(
        self,
        game: Game,
        found: FoundBoard,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        headers: RawHeaders,
    ) -> tuple[int, str] | None:
        """Serve the board's stream on this connection, to its end.

        A status and a sentence where it was refused before anything was sent: 400 for a Last-Event-ID that is
        none, 429 where the game or the address has its share of streams, 503 where this process is full.
        """
        call = Call(Found(STREAM, {"leaderboardId": found.board.id}), scope, receive)
        shares = tuple(shares_of(game, self._source_ip(call)))
        subscription = Subscription(found.board, found.ends_at_ms, shares)
        try:
            await self._streams.serve(call, subscription, send, headers)
        except Refused as refused:
            return refused.status, refused.message
        return None

    async def player(self, game: Game, external_id: str) -> ServerPlayerResponse | None:
        """Everything of one player; None for an unknown one."""
        return await self._players.overview(game, external_id)

    async def ledger(self, game: Game, external_id: str, below: int, limit: int) -> LedgerResponse | None:
        """Movements numbered below `below`, newest first, and the next cursor."""
        return await self._players.ledger(game, external_id, below, limit)
