"""`/dashboard/data/playtests/*`: playtests for sessions of a management key, and the key that they act with.

Rows are S2's, in its shapes. Nothing is written here: the page's decisions go to S2's own routes, with the
key that `key` gives it for minutes (`schemas.edge.session_keys`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from fastapi import APIRouter, Request

from api.dashboard.access import Principal, SessionAuthenticator
from api.dashboard.parameters import BadParameter, read_text
from api.dashboard.playtests_answers import BatchFigures, BatchPanel, Credit, Page
from api.dashboard.rates import Rates
from api.dashboard.responses import NotFound
from api.dashboard.routes_playtests import PLAYTESTS
from api.dashboard.studio_data import StudioData
from api.playtests.dashboard_source import PAGE_ROWS
from schemas.edge.errors import Refused
from schemas.edge.ports import StoreUnavailable
from schemas.objects import ObjectStoreError
from schemas.playtests.pages import CURSOR_CHARACTERS_MAX, cursor_of, place_of
from schemas.playtests.requests import path_id

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from api.dashboard.ports import PlaytestsSource
    from api.dashboard.responses import Answer
    from api.playtests.http import Shown
    from schemas.edge.session_keys import SessionKeys
    from schemas.playtests.ports import BatchRow, Place

STUDIO_KEY_ONLY: Final = (
    "Playtests and their money are the studio's: sign in with a management key to see them and decide."
)
FoundT = TypeVar("FoundT")


class PlaytestsData:
    """The endpoints. All need the session cookie of a management key and hold only its studio's rows."""

    def __init__(
        self,
        authenticator: SessionAuthenticator,
        rates: Rates,
        source: PlaytestsSource,
        session_keys: SessionKeys,
    ) -> None:
        self._session = StudioData(authenticator, rates, session_keys, otherwise=STUDIO_KEY_ONLY)
        self._source = source

    def router(self) -> APIRouter:
        """The routes under /dashboard/data/playtests."""
        handlers: dict[str, Answer] = {
            "playtests_credit": self.credit,
            "playtests_orders": self.orders,
            "playtests_slots": self.slots,
            "playtests_reviews": self.reviews,
            "playtests_applications": self.applications,
            "playtests_recording": self.recording,
            "playtests_batches": self.batches,
            "playtests_key": self.key,
        }
        return self._session.router(PLAYTESTS, handlers)

    async def credit(self, _: Request, principal: Principal) -> bytes:
        """The studio's credit and what waits for it."""
        studio_id = self._session.studio(principal)
        balance, stats = await self._source.balance(studio_id), await self._source.stats(studio_id)
        return msgspec.json.encode(Credit(balance=balance, stats=stats))

    async def orders(self, request: Request, principal: Principal) -> bytes:
        """A page of the game's playtests."""
        return _page(
            await self._source.orders(await self._session.game(request, principal), _before(request))
        )

    async def slots(self, request: Request, principal: Principal) -> bytes:
        """A page of a playtest's slots."""
        studio_id, order_id = self._session.studio(principal), _id(request, "playtest")
        return _page(await _found(self._source.slots(studio_id, order_id, _before(request))))

    async def reviews(self, request: Request, principal: Principal) -> bytes:
        """A page of the submissions that wait for their review, of all games of the studio."""
        return _page(
            await self._source.submissions(self._session.studio(principal), "submitted", _before(request))
        )

    async def applications(self, request: Request, principal: Principal) -> bytes:
        """A page of a playtest's applications."""
        studio_id, order_id = self._session.studio(principal), _id(request, "playtest")
        return _page(await _found(self._source.applications(studio_id, order_id, _before(request))))

    async def recording(self, request: Request, principal: Principal) -> bytes:
        """Where a slot's recording can be played for an hour."""
        found = self._source.recording(self._session.studio(principal), _id(request, "slot"))
        return msgspec.json.encode(await _found(found))

    async def batches(self, request: Request, principal: Principal) -> bytes:
        """The game's key batches, how many keys are redeemed and how many left."""
        rows = await self._source.batches(await self._session.game(request, principal))
        panel = BatchPanel(batches=[_batch(row) for row in rows[:PAGE_ROWS]], total=len(rows))
        return msgspec.json.encode(panel)

    async def key(self, request: Request, principal: Principal) -> bytes:
        """A key of S2 with the studio's authority, for five minutes and this session's page."""
        return self._session.key(request, principal)


def _id(request: Request, name: str) -> str:
    try:
        return path_id(request.query_params.get(name, ""))
    except Refused as refused:
        raise NotFound("No such playtest, or not one of this studio's.") from refused


def _before(request: Request) -> Place | None:
    if "cursor" not in request.query_params:
        return None
    place = place_of(read_text(request.query_params, "cursor", CURSOR_CHARACTERS_MAX))
    if place is None:
        raise BadParameter("cursor", "is none that a page answered")
    return place


async def _found(asked: Awaitable[FoundT]) -> FoundT:
    """What S2's handlers find, their refusals as this page's."""
    try:
        return await asked
    except Refused as refused:
        if refused.status == 422:
            raise BadParameter("cursor", "is of another list") from refused
        if refused.status == 400:
            raise BadParameter("playtest", "takes no applications") from refused
        raise NotFound("No such playtest or recording, or not one of this studio's.") from refused
    except ObjectStoreError as error:
        raise StoreUnavailable(str(error)) from error


def _page(shown: Shown) -> bytes:
    cursor = cursor_of(shown.last) if shown.more and shown.last is not None else None
    return msgspec.json.encode(Page(data=shown.data, cursor=cursor))


def _batch(row: BatchRow) -> BatchFigures:
    definition, counts = row.batch.definition, row.counts
    return BatchFigures(
        id=definition.id,
        name=definition.name,
        status=row.batch.status,
        mode=definition.redemption_mode,
        target=definition.distribution_target,
        created_at=row.batch.created_at_ms,
        expires_at=definition.expires_at_ms,
        keys=counts.keys,
        available=counts.available,
        reserved=counts.reserved,
        redeemed=counts.redeemed,
        revoked=counts.revoked,
    )
