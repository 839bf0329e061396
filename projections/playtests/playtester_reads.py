"""Playtesters and money in Redis: the rest of `schemas.playtests.ports.PlaytestReads`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from projections.playtests import keys
from projections.playtests.order_reads import OrderQueries
from projections.playtests.read_rows import each_of, orders_of, playtesters_of
from projections.redis.read_batches import ReadBatches
from schemas.playtests.account_views import LedgerRow, Payment, Payout
from schemas.playtests.ports import LEDGER_HEAD, NoticeRow, Participation, Place, PlaytestLedgers
from schemas.playtests.views import Order, Playtester

_ledger: Final = msgspec.msgpack.Decoder(LedgerRow)
_payment: Final = msgspec.msgpack.Decoder(Payment)
_payout: Final = msgspec.msgpack.Decoder(Payout)
_notice: Final = msgspec.json.Decoder(NoticeRow)


class PlaytesterQueries(OrderQueries):
    """See the Protocol. What a ledger has beyond its head is asked of `older`."""

    def __init__(self, read_batches: ReadBatches, older: PlaytestLedgers) -> None:
        super().__init__(read_batches)
        self._older = older

    async def playtesters(self, studio_id: str, playtester_ids: Collection[str]) -> dict[str, Playtester]:
        """Those of a studio's panel that something is known of."""
        asked = list(dict.fromkeys(playtester_ids))
        if not asked:
            return {}
        (rows,) = await self._read(each_of(keys.of_playtester("playtester", studio_id, ""), "row", asked))
        return {one.id: one for one in playtesters_of(rows)}

    async def orders_and_playtesters(
        self, studio_id: str, order_ids: Collection[str], playtester_ids: Collection[str]
    ) -> tuple[dict[str, Order], dict[str, Playtester]]:
        """As `orders` and `playtesters`, of one moment."""
        if not order_ids or not playtester_ids:
            return await self.orders(order_ids), await self.playtesters(studio_id, playtester_ids)
        orders, panel = await self._read(
            each_of(keys.order_key(""), "order", order_ids),
            each_of(keys.of_playtester("playtester", studio_id, ""), "row", playtester_ids),
        )
        return {one.id: one for one in orders_of(orders)}, {one.id: one for one in playtesters_of(panel)}

    async def participation(self, studio_id: str, playtester_id: str) -> Participation:
        """What a playtester has taken part in."""
        played, accepted = await self._read(
            *(
                ("smembers", keys.of_playtester(kind, studio_id, playtester_id), "", "")
                for kind in ("played", "accepted")
            )
        )
        return Participation(
            games=frozenset(game.decode() for game in played),
            accepted_games=frozenset(game.decode() for game in accepted),
        )

    async def joined(self, studio_id: str, playtester_id: str, order_ids: Collection[str]) -> frozenset[str]:
        """Those of the orders that the playtester ever had a slot of, or applied to."""
        asked = list(order_ids)
        if not asked:
            return frozenset()
        key = keys.of_playtester("joined", studio_id, playtester_id)
        (found,) = await self._read(("which", key, "\0".join(asked), ""))
        return frozenset(one for one, there in zip(asked, found, strict=True) if there)

    async def forgotten(self, studio_id: str) -> frozenset[str]:
        """The pseudonyms of whom a studio has forgotten."""
        (found,) = await self._read(("smembers", keys.forgotten_key(studio_id), "", ""))
        return frozenset(one.decode() for one in found)

    async def notices(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[NoticeRow]:
        """What a playtester was told, by (at_ms, id)."""
        members = await self._page(keys.of_playtester("notices", studio_id, playtester_id), limit, before)
        return [_notice.decode(member.partition(b"\0")[2]) for member in members]

    async def balance(self, studio_id: str) -> int:
        """A studio's credit in cents; 0 where it never had any."""
        (cents,) = await self._read(("hget", f"account:{studio_id}", "balance", ""))
        return int(cents or 0)

    async def payment(self, payment_id: str) -> Payment | None:
        """A top-up."""
        (row,) = await self._read(("hget", f"payment:{payment_id}", "row", ""))
        return None if row is None else _payment.decode(row)

    async def payments(self, studio_id: str, *, limit: int, before: Place | None = None) -> list[Payment]:
        """A studio's top-ups, by (created_at_ms, id)."""
        rows = await self._rows(f"payments:{studio_id}", "payment:", limit, before)
        return [_payment.decode(flat[1]) for flat in rows if flat]

    async def payouts(self, studio_id: str, *, limit: int, before: Place | None = None) -> list[Payout]:
        """What was sent to a studio's playtesters, by (sent_at_ms, id)."""
        rows = await self._rows(f"payouts:{studio_id}", "payout:", limit, before)
        return [_payout.decode(flat[1]) for flat in rows if flat]

    async def ledger(self, studio_id: str, *, limit: int, before: Place | None = None) -> list[LedgerRow]:
        """A studio's movements, by (at_ms, id)."""
        return await self._ledger(f"ledger:{studio_id}", studio_id, "", limit, before)

    async def earnings(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[LedgerRow]:
        """What a playtester earned and was paid, by (at_ms, id)."""
        key = keys.of_playtester("earnings", studio_id, playtester_id)
        return await self._ledger(key, studio_id, playtester_id, limit, before)

    async def _ledger(
        self, key: str, studio_id: str, playtester_id: str, limit: int, before: Place | None
    ) -> list[LedgerRow]:
        (flat,) = await self._read(("hgetall", key, "", ""))
        head = [_ledger.decode(value) for value in flat[1::2]]
        found = {row.id: row for row in head if before is None or _place(row) < (before.at_ms, before.id)}
        if len(head) >= LEDGER_HEAD and len(_complete(head, found)) < limit:
            # Rows of the oldest moment may have left the head: those of ClickHouse come beside them.
            older = await self._older.ledger(studio_id, playtester_id, limit=limit, before=before)
            found |= {row.id: row for row in older}
        return sorted(found.values(), key=_place, reverse=True)[:limit]


def _place(row: LedgerRow) -> tuple[int, str]:
    return row.at_ms, row.id


def _complete(head: list[LedgerRow], found: dict[str, LedgerRow]) -> list[LedgerRow]:
    """Rows before which no other can come that is not in the head: all but those of its oldest moment."""
    oldest_ms = min(row.at_ms for row in head)
    return [row for row in found.values() if row.at_ms > oldest_ms]
