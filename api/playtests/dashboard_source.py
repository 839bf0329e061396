"""S2's reads for the dashboard, which authorizes its requests itself.

Implements `api.dashboard.ports.PlaytestsSource` over the same handlers as the routes.
"""

from __future__ import annotations

from typing import Any, Final

from api.playtests.applications import ApplicationRoutes
from api.playtests.billing import BillingRoutes
from api.playtests.http import Asked, Shown
from api.playtests.orders import OrderRoutes
from api.playtests.slots import SlotRoutes
from schemas.edge.ports import Game
from schemas.playtests.access import Caller
from schemas.playtests.ports import BatchReads, BatchRow, Place
from schemas.playtests.responses import Balance, DownloadUrl, Stats
from schemas.playtests.views import SlotStatus

PAGE_ROWS: Final = 50


class DashboardSource:
    """Performs no authorization: the caller has, and passes a studio or a game of its principal.

    Raises `Refused`: 404 for what is not the studio's, 400 for applications to an automatic playtest, 422 for
    a cursor of another pool.
    """

    def __init__(
        self,
        orders: OrderRoutes,
        slots: SlotRoutes,
        applications: ApplicationRoutes,
        billing: BillingRoutes,
        batches: BatchReads,
    ) -> None:
        self._orders = orders
        self._slots = slots
        self._applications = applications
        self._billing = billing
        self._batches = batches

    async def stats(self, studio_id: str) -> Stats:
        """The studio's summary."""
        stats: Stats = (await self._orders.stats(_asked(studio_id))).data
        return stats

    async def balance(self, studio_id: str) -> Balance:
        """The studio's credit."""
        balance: Balance = (await self._billing.balance(_asked(studio_id))).data
        return balance

    async def orders(self, game: Game, before: Place | None) -> Shown:
        """A page of `GamePlaytests`."""
        return await self._orders.listed(_page(game.studio_id, before, gameId=game.id))

    async def slots(self, studio_id: str, order_id: str, before: Place | None) -> Shown:
        """A page of `Slots`."""
        return await self._slots.listed(_page(studio_id, before, playtestId=order_id))

    async def submissions(self, studio_id: str, status: SlotStatus, before: Place | None) -> Shown:
        """A page of `Submissions`."""
        asked = _page(studio_id, before)
        return await self._slots.submissions(
            Asked(caller=asked.caller, names={}, query={**asked.query, "status": status})
        )

    async def applications(self, studio_id: str, order_id: str, before: Place | None) -> Shown:
        """A page of `Applications`."""
        asked = _page(studio_id, before, playtestId=order_id)
        return await self._applications.listed(
            Asked(caller=asked.caller, names=asked.names, query={**asked.query, "status": None})
        )

    async def recording(self, studio_id: str, slot_id: str) -> DownloadUrl:
        """Where a slot's recording can be read for an hour."""
        shown = await self._slots.download_url(_asked(studio_id, slotId=slot_id))
        url: DownloadUrl = shown.data
        return url

    async def batches(self, game: Game) -> list[BatchRow]:
        """The game's key batches, the newest first."""
        return (await self._batches.batches(game.studio_id, game.id))[::-1]


def _asked(studio_id: str, **names: str) -> Asked:
    return Asked(caller=Caller(studio_id), names=names, query={})


def _page(studio_id: str, before: Place | None, **names: str) -> Asked:
    query: dict[str, Any] = {"limit": PAGE_ROWS, "cursor": before}
    return Asked(caller=Caller(studio_id), names=names, query=query)
