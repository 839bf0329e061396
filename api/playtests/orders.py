"""An owner's reads of orders."""

from __future__ import annotations

from api.playtests.http import Asked, Shown, place_of
from api.playtests.rows import Rows
from schemas.playtests import json as shapes
from schemas.playtests import responses


class OrderRoutes:
    """Handlers of authorized requests."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def listed(self, asked: Asked) -> Shown:
        """A game's playtests, newest first."""
        studio_id = asked.caller.studio_id
        game = await self._rows.game(studio_id, asked.names["gameId"])
        found = await self._rows.reads.game_orders(studio_id, game.id, **asked.page)
        rows, more = asked.cut(found)
        data = responses.GamePlaytests(
            playtests=[shapes.playtest(row) for row in rows],
            eligible_for_free_trial=await self._rows.reads.trial_free(studio_id, game.id),
        )
        return Shown(data=data, more=more, last=place_of([row.order for row in rows]))

    async def one(self, asked: Asked) -> Shown:
        """A playtest with its game's name."""
        row = await self._rows.order(asked.caller.studio_id, asked.name("playtestId"))
        games = await self._rows.games([row.order.game_id])
        detail = shapes.playtest_detail(row, games[row.order.game_id].name)
        return Shown(data=responses.OnePlaytestDetail(playtest=detail))

    async def stats(self, asked: Asked) -> Shown:
        """Summary for the dashboard."""
        studio_id = asked.caller.studio_id
        data = responses.Stats(
            total_games=len(await self._rows.directory.games(studio_id)),
            active_playtests=await self._rows.reads.active_orders(studio_id),
            pending_reviews=await self._rows.reads.slots_of_status(studio_id, "submitted"),
        )
        return Shown(data=data)
