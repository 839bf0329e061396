"""Orders, slots and applications in Redis: the owner's part of `schemas.playtests.ports.PlaytestReads`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from projections.playtests import keys
from projections.playtests.read_rows import (
    BatchedReads,
    application_of,
    each_of,
    ids_of,
    known,
    order_of,
    orders_of,
    slots_of,
    slots_page_of,
    state_of,
)
from schemas.playtests import names
from schemas.playtests.ports import OrderRow, Place
from schemas.playtests.views import Application, ApplicationState, Order, Slot, SlotStatus


class OrderQueries(BatchedReads):
    """See the Protocol."""

    async def order(self, order_id: str) -> OrderRow | None:
        """An order."""
        (flat,) = await self._read(("hgetall", keys.order_key(order_id), "", ""))
        return order_of(flat)

    async def orders(self, order_ids: Collection[str]) -> dict[str, Order]:
        """Several by their ids, without their money and slots; those that there are."""
        asked = list(dict.fromkeys(order_ids))
        if not asked:
            return {}
        (rows,) = await self._read(each_of(keys.order_key(""), "order", asked))
        return {one.id: one for one in orders_of(rows)}

    async def game_orders(
        self, studio_id: str, game_id: str, *, limit: int, before: Place | None = None
    ) -> list[OrderRow]:
        """A game's orders, by (created_at_ms, id)."""
        return await self._orders(f"orders:{studio_id}/{game_id}", limit, before)

    async def offered(self, studio_id: str, *, limit: int, before: Place | None = None) -> list[OrderRow]:
        """Active orders of a studio with an open slot, by (activated_at_ms, id), for any playtester."""
        return await self._orders(f"offered:{studio_id}", limit, before)

    async def _orders(self, key: str, limit: int, before: Place | None) -> list[OrderRow]:
        return known(map(order_of, await self._rows(key, "order:", limit, before)))

    async def trial_free(self, studio_id: str, game_id: str) -> bool:
        """Whether the game may still have its free trial."""
        (used,) = await self._read(("hget", f"used-trials:{studio_id}", game_id, ""))
        return used is None

    async def active_orders(self, studio_id: str) -> int:
        """How many orders of a studio are active."""
        (count,) = await self._read(("count", f"active:{studio_id}", "", ""))
        return int(count)

    async def order_and_slots(
        self, order_id: str, *, limit: int, before: Place | None = None
    ) -> tuple[Order | None, list[Slot]]:
        """An order, and a page of its slots by (created_at_ms, id), of one moment."""
        row, rows = await self._read(
            ("hget", keys.order_key(order_id), "order", ""),
            slots_page_of(f"slots:{order_id}", max(0, limit), before),
        )
        (order,) = orders_of([row]) or (None,)
        return order, slots_of(rows)

    async def studio_slots(
        self, studio_id: str, status: SlotStatus, *, limit: int, before: Place | None = None
    ) -> list[Slot]:
        """A studio's slots of one status, by (created_at_ms, id)."""
        return await self._slots(keys.status_key(studio_id, status), limit, before)

    async def playtester_slots(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[Slot]:
        """A playtester's slots, by (created_at_ms, id)."""
        return await self._slots(keys.of_playtester("own-slots", studio_id, playtester_id), limit, before)

    async def _slots(self, key: str, limit: int, before: Place | None) -> list[Slot]:
        if limit <= 0:
            return []
        (rows,) = await self._read(slots_page_of(key, limit, before))
        return slots_of(rows)

    async def slot(self, slot_id: str) -> Slot | None:
        """A slot."""
        (row,) = await self._read(("hget", keys.slot_rows(slot_id), slot_id, ""))
        return None if row is None else slots_of([row])[0]

    async def slots_of_status(self, studio_id: str, status: SlotStatus) -> int:
        """How many slots of a studio have a status."""
        (count,) = await self._read(("count", keys.status_key(studio_id, status), "", ""))
        return int(count)

    async def game_keys(self, slots: Sequence[Slot]) -> list[str | None]:
        """Each slot's game key, sealed; None where it has none."""
        wanted = [slot for slot in slots if slot.key_number is not None]
        if not wanted:
            return [None] * len(slots)
        answers = await self._read(
            *(("hget", f"keys:{slot.order_id}", str(slot.key_number), "") for slot in wanted)
        )
        found = {slot.id: key for slot, key in zip(wanted, answers, strict=True)}
        return [None if (key := found.get(slot.id)) is None else key.decode() for slot in slots]

    async def applications(self, order_id: str) -> list[Application]:
        """An order's whole pool (2,000 at most), in no order."""
        order, flat = await self._read(
            ("hgetall", keys.order_key(order_id), "", ""), ("hgetall", keys.pool_key(order_id), "", "")
        )
        row = order_of(order)
        states = [(order_id, state_of(value)) for value in flat[1::2]]
        return [] if row is None else await self._with_texts(row.order.studio_id, states)

    async def application(self, application_id: str) -> Application | None:
        """An application."""
        place = names.place_of("application", application_id)
        if place is None:
            return None
        order_id, _ = place
        order, value = await self._read(
            ("hgetall", keys.order_key(order_id), "", ""),
            ("hget", keys.pool_key(order_id), application_id, ""),
        )
        row = order_of(order)
        if row is None or value is None:
            return None
        return (await self._with_texts(row.order.studio_id, [(order_id, state_of(value))]))[0]

    async def playtester_applications(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[Application]:
        """A playtester's applications, by (created_at_ms, id)."""
        own = keys.of_playtester("own-applications", studio_id, playtester_id)
        ids = ids_of(await self._page(own, limit, before))
        places = known(names.place_of("application", one) for one in ids)
        if not places:
            return []
        values = await self._read(
            *(
                ("hget", keys.pool_key(order_id), one, "")
                for one, (order_id, _) in zip(ids, places, strict=True)
            )
        )
        states = [
            (order_id, state_of(value))
            for (order_id, _), value in zip(places, values, strict=True)
            if value is not None
        ]
        return await self._with_texts(studio_id, states)

    async def _with_texts(
        self, studio_id: str, states: list[tuple[str, ApplicationState]]
    ) -> list[Application]:
        if not states:
            return []
        texts = await self._read(
            *(
                ("hget", keys.of_playtester("texts", studio_id, state.playtester_id), state.id, "")
                for _, state in states
            )
        )
        return [
            application_of(order_id, studio_id, state, text)
            for (order_id, state), text in zip(states, texts, strict=True)
        ]
