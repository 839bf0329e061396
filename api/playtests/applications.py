"""An owner's read of a pool of applications: pending ones first, then the newest.

Whether an application is pending changes, so a page's cursor holds the time as of which the pool is listed:
later pages list it as it was then, whatever was decided or came meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from api.playtests.http import Asked, Shown
from api.playtests.rows import Rows
from schemas.playtests import json as shapes
from schemas.playtests import resources, responses
from schemas.playtests.pages import LIMIT_DEFAULT, cut
from schemas.playtests.ports import OrderRow, Place
from schemas.playtests.validation import refuse
from schemas.playtests.views import Application, Playtester
from schemas.timestamps import iso_ms

_OPENED_AT_ONCE: Final = 50


class ApplicationRoutes:
    """Handlers of authorized requests."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def listed(self, asked: Asked) -> Shown:
        """The pool, all of it unless `status`, `limit` or `cursor` is given."""
        studio_id = asked.caller.studio_id
        row = await self._rows.order(studio_id, asked.name("playtestId"))
        pool = await self._rows.reads.applications(row.order.id)
        after: Place | None = asked.query["cursor"]
        as_of_ms = _newest_change(pool) if after is None else after.at_ms
        found = in_order(pool, as_of_ms, asked.query["status"])
        if after is not None:
            known = [one.id for one in in_order(pool, as_of_ms)]
            if after.id not in known:
                refuse({"cursor": "is of another list"})
            rest = {*known[known.index(after.id) + 1 :]}
            found = [one for one in found if one.id in rest]
        limit = asked.query["limit"]
        if limit is None and (after is not None or asked.query["status"] is not None):
            limit = LIMIT_DEFAULT
        shown, more = cut(found, len(found) if limit is None else limit)
        applicants = await self._rows.reads.playtesters(studio_id, {one.playtester_id for one in shown})
        games = await self._rows.games([row.order.game_id])
        data = responses.Applications(
            request=_request(row, games[row.order.game_id].name),
            counts=resources.ApplicationCounts(
                approved_count=sum(one.status == "approved" for one in pool),
                pending_count=sum(one.status == "pending" for one in pool),
                slots_remaining=row.slots.get("open", 0),
            ),
            applications=await self._shown(shown, applicants),
        )
        return Shown(data=data, more=more, last=Place(as_of_ms, shown[-1].id) if shown else None)

    async def _shown(
        self, listed: Sequence[Application], applicants: Mapping[str, Playtester]
    ) -> list[resources.Application]:
        """A whole pool's texts take tens of milliseconds to open: others are served meanwhile."""
        found = []
        for index, one in enumerate(listed, 1):
            found.append(shapes.application(one, applicants.get(one.playtester_id), self._rows.response(one)))
            if index % _OPENED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return found


def in_order(pool: Sequence[Application], as_of_ms: int, status: str | None = None) -> list[Application]:
    """The pool as it was at a time: pending ones first, then the newest. Of one status where it is named."""

    def pending(one: Application) -> bool:
        return one.reviewed_at_ms is None or one.reviewed_at_ms > as_of_ms

    listed = [
        one
        for one in pool
        if one.created_at_ms <= as_of_ms
        and (status is None or status == ("pending" if pending(one) else one.status))
    ]
    return sorted(listed, key=lambda one: (pending(one), one.created_at_ms, one.id), reverse=True)


def _newest_change(pool: Sequence[Application]) -> int:
    return max((max(one.created_at_ms, one.reviewed_at_ms or 0) for one in pool), default=0)


def _request(row: OrderRow, game_name: str) -> resources.ApplicationsRequest:
    order = row.order
    ends_at_ms = order.applications_expire_at_ms
    return resources.ApplicationsRequest(
        id=order.id,
        game_id=order.game_id,
        game_name=game_name,
        quantity=order.quantity,
        qualifications=order.qualifications,
        selection_mode=order.selection_mode,
        applications_expire_at=None if ends_at_ms is None else iso_ms(ends_at_ms),
        scheduled_at=None,
    )
