"""`/dashboard/data/board`, `/board/stream`, `/player` and `/ledger`: live-ops for a session's own games."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from fastapi import APIRouter, Request

from api.dashboard import answers
from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.answer_cache import SharedAnswers
from api.dashboard.board_events import BoardResponse
from api.dashboard.catalog_names import catalog_names
from api.dashboard.competitions import read_choice
from api.dashboard.parameters import read_id, read_number, read_text
from api.dashboard.rates import Rates
from api.dashboard.responses import NotFound, data_router
from api.dashboard.routes import LIVEOPS
from schemas.edge.routes import bind

if TYPE_CHECKING:
    from api.dashboard.ports import LiveopsSource
    from api.dashboard.responses import Answer

ENTRIES: Final = 50
LEDGER_PAGE: Final = 20
_NUMBER_MAX: Final = 2**53


class LiveopsData:
    """The endpoints. All are GET, need the session cookie, and hold only the session's games."""

    def __init__(self, authenticator: SessionAuthenticator, rates: Rates, source: LiveopsSource) -> None:
        self._authenticator = authenticator
        self._rates = rates
        self._source = source
        self._answers = SharedAnswers(authenticator.clock_ms, keep_ms=500)

    def router(self) -> APIRouter:
        """The routes under /dashboard/data."""
        handlers: dict[str, Answer] = {
            "board": self.board,
            "stream": self.stream,
            "player": self.player,
            "ledger": self.ledger,
        }
        return data_router(self._authenticator, self._rates, bind(LIVEOPS, handlers))

    async def board(self, request: Request, principal: Principal) -> bytes:
        """The events to choose from, and the chosen one's leaderboard; `board` is null where it has none."""
        game = await self._authenticator.game(principal, request.query_params.get("game", ""))
        choice = read_choice(request.query_params, game, self._authenticator.clock_ms())
        definition = choice.event.definition if choice.event is not None else None
        window = choice.window

        async def compute() -> bytes:
            top = await self._source.top(game, choice.board_id, ENTRIES) if choice.board_id else None
            return msgspec.json.encode(
                answers.BoardPanel(
                    events=choice.events,
                    event=definition.event_key if definition is not None else None,
                    order=definition.order if definition is not None else None,
                    starts_at=window.starts_at_ms if window is not None else None,
                    ends_at=window.ends_at_ms if window is not None else None,
                    board_id=choice.board_id or None,
                    board=None if top is None else msgspec.Raw(top),
                )
            )

        event_key = definition.event_key if definition is not None else ""
        key = (game.id, game.definition_version, event_key, window, choice.board_id)
        return await self._answers.get(key, compute)

    async def stream(self, request: Request, principal: Principal) -> BoardResponse:
        """The leaderboard's server-sent events: ready, score_update and closed, with ids to resume from."""
        game = await self._authenticator.game(principal, request.query_params.get("game", ""))
        found = await self._source.board(game, read_text(request.query_params, "board"))
        if found is None:
            raise NotFound("No such leaderboard, or not one of this game's.")
        return BoardResponse(self._source, game, found, request, self._authenticator)

    async def player(self, request: Request, principal: Principal) -> bytes:
        """Wallet, inventory and the newest movements; `player` is null where the game does not know them."""
        game = await self._authenticator.game(principal, request.query_params.get("game", ""))
        external_id = read_id(request.query_params, "player")
        whole = await self._source.player(game, external_id) if external_id else None
        if whole is None:
            return msgspec.json.encode(answers.PlayerPanel(external_id, None))
        page = await self._source.ledger(game, external_id, _NUMBER_MAX, LEDGER_PAGE)
        return msgspec.json.encode(
            answers.PlayerPanel(
                asked=external_id,
                player=whole.player,
                names=catalog_names(game),
                wallet=whole.wallet,
                inventory=whole.inventory,
                pending_grants=whole.pending_grants,
                ledger=msgspec.UNSET if page is None else page.ledger,
                next_cursor=msgspec.UNSET if page is None else page.next_cursor,
            )
        )

    async def ledger(self, request: Request, principal: Principal) -> bytes:
        """Older movements of a player: those numbered below `cursor`."""
        game = await self._authenticator.game(principal, request.query_params.get("game", ""))
        external_id = read_id(request.query_params, "player")
        below = read_number(request.query_params, "cursor", default=_NUMBER_MAX, highest=_NUMBER_MAX)
        page = await self._source.ledger(game, external_id, below, LEDGER_PAGE) if external_id else None
        if page is None:
            raise NotFound("This game has no player of that name.")
        return msgspec.json.encode(page)
