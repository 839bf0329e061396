"""A playtester's own reads: profile, offers, slots, applications, earnings, notices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from api.playtests.http import Asked, Shown, place_of
from api.playtests.rows import Rows
from schemas.playtests import json as shapes
from schemas.playtests import responses, slot_json
from schemas.playtests.offers import eligible, exists_for
from schemas.playtests.ports import OrderRow, Place
from schemas.playtests.requests import not_found

_SCANNED_PAGES_MAX: Final = 10
_SCANNED_ROWS: Final = 101


class PlaytesterRoutes:
    """Handlers of authorized requests."""

    def __init__(self, rows: Rows, now_ms: Callable[[], int]) -> None:
        self._rows = rows
        self._now_ms = now_ms

    async def me(self, asked: Asked) -> Shown:
        """The playtester."""
        caller = asked.caller
        return Shown(data=shapes.profile(await self._rows.playtester(caller.studio_id, caller.playtester_id)))

    async def available(self, asked: Asked) -> Shown:
        """Playtests that the playtester may claim or apply to now, newest first."""
        limit = asked.query["limit"]
        before: Place | None = asked.query["cursor"]
        shown: list[OrderRow] = []
        more = False
        for _ in range(_SCANNED_PAGES_MAX):
            scanned = await self._rows.reads.offered(
                asked.caller.studio_id, limit=_SCANNED_ROWS, before=before
            )
            for row in await self._open_to(asked, scanned[: _SCANNED_ROWS - 1]):
                if len(shown) == limit:
                    return await self._offers(shown, _activated(shown[-1]), more=True)
                shown.append(row)
            more = len(scanned) == _SCANNED_ROWS
            if not more:
                break
            before = _activated(scanned[_SCANNED_ROWS - 2])
        last = before if more else _activated(shown[-1]) if shown else None
        return await self._offers(shown, last, more=more)

    async def _open_to(self, asked: Asked, rows: list[OrderRow]) -> list[OrderRow]:
        """Those of a studio's active orders that the playtester may ask for."""
        caller = asked.caller
        known = await self._rows.reads.participation(caller.studio_id, caller.playtester_id)
        now_ms = self._now_ms()
        found = [
            row
            for row in rows
            if exists_for(row.order, caller.studio_id, caller.playtester_id)
            and eligible(row.order, known)
            and (row.order.applications_expire_at_ms is None or now_ms < row.order.applications_expire_at_ms)
        ]
        if not found:
            return []
        joined = await self._rows.reads.joined(
            caller.studio_id, caller.playtester_id, [row.order.id for row in found]
        )
        return [row for row in found if row.order.id not in joined]

    async def _offers(self, rows: list[OrderRow], last: Place | None, *, more: bool) -> Shown:
        games = await self._rows.games(row.order.game_id for row in rows)
        data = responses.Available(
            playtests=[shapes.available(row, games[row.order.game_id]) for row in rows]
        )
        return Shown(data=data, more=more, last=last)

    async def slots(self, asked: Asked) -> Shown:
        """The playtester's slots, newest first."""
        caller = asked.caller
        found = await self._rows.reads.playtester_slots(caller.studio_id, caller.playtester_id, **asked.page)
        slots, more = asked.cut(found)
        orders = await self._rows.reads.orders({slot.order_id for slot in slots})
        games = await self._rows.games(slot.game_id for slot in slots)
        keys = await self._rows.game_keys(slots)
        data = responses.OwnSlots(
            slots=[
                slot_json.own_slot_detail(
                    slot,
                    orders[slot.order_id],
                    games[slot.game_id],
                    key,
                    self._rows.public_url(slot),
                )
                for slot, key in zip(slots, keys, strict=True)
                if slot.order_id in orders
            ]
        )
        return Shown(data=data, more=more, last=place_of(slots))

    async def slot(self, asked: Asked) -> Shown:
        """One of the playtester's slots."""
        caller = asked.caller
        slot = await self._rows.slot(caller.studio_id, asked.name("slotId"))
        if slot.playtester_id != caller.playtester_id:
            raise not_found()
        row = await self._rows.order(caller.studio_id, slot.order_id)
        games = await self._rows.games([slot.game_id])
        (key,) = await self._rows.game_keys([slot])
        detail = slot_json.own_slot_detail(
            slot, row.order, games[slot.game_id], key, self._rows.public_url(slot)
        )
        return Shown(data=responses.OneOwnSlotDetail(slot=detail))

    async def applications(self, asked: Asked) -> Shown:
        """The playtester's applications, newest first."""
        caller = asked.caller
        found = await self._rows.reads.playtester_applications(
            caller.studio_id, caller.playtester_id, **asked.page
        )
        rows, more = asked.cut(found)
        data = responses.OwnApplications(
            applications=[shapes.own_application(row, self._rows.response(row)) for row in rows]
        )
        return Shown(data=data, more=more, last=place_of(rows))

    async def earnings(self, asked: Asked) -> Shown:
        """What was earned and paid out, newest first."""
        caller = asked.caller
        found = await self._rows.reads.earnings(caller.studio_id, caller.playtester_id, **asked.page)
        rows, more = asked.cut(found)
        data = responses.Earnings(earnings=[shapes.movement(row) for row in rows])
        return Shown(data=data, more=more, last=Place(rows[-1].at_ms, rows[-1].id) if rows else None)

    async def notices(self, asked: Asked) -> Shown:
        """What the playtester is told, newest first."""
        caller = asked.caller
        found = await self._rows.reads.notices(caller.studio_id, caller.playtester_id, **asked.page)
        rows, more = asked.cut(found)
        data = responses.Notices(notices=[shapes.notice(row) for row in rows])
        return Shown(data=data, more=more, last=Place(rows[-1].at_ms, rows[-1].id) if rows else None)


def _activated(row: OrderRow) -> Place:
    return Place(row.order.activated_at_ms or 0, row.order.id)
