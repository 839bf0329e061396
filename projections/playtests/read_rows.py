"""How rows of playtests come back from Redis, and how lists are read page by page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec

from projections.playtests import keys
from projections.redis.read_batches import ReadBatches, Request
from schemas.playtests import names
from schemas.playtests.ports import OrderRow, Place
from schemas.playtests.views import (
    Application,
    ApplicationState,
    Order,
    Playtester,
    Progress,
    Slot,
)

RowT = TypeVar("RowT")
_order: Final = msgspec.msgpack.Decoder(Order)
_progress: Final = msgspec.msgpack.Decoder(Progress)
_orders: Final = msgspec.msgpack.Decoder(list[Order])
_slots: Final = msgspec.msgpack.Decoder(list[Slot])
_playtesters: Final = msgspec.msgpack.Decoder(list[Playtester])
_application: Final = msgspec.msgpack.Decoder(ApplicationState)


class BatchedReads:
    """Base of the reads: what is asked in one turn of the event loop goes to Redis in one call."""

    def __init__(self, read_batches: ReadBatches) -> None:
        self._read = read_batches.read

    async def _rows(self, key: str, prefix: str, limit: int, before: Place | None) -> list[list[bytes]]:
        """A page of a list: each member's hash, flat."""
        if limit <= 0:
            return []
        (answer,) = await self._read(page_of(key, limit, before, prefix))
        return list(answer[1::2])

    async def _page(self, key: str, limit: int, before: Place | None) -> list[bytes]:
        if limit <= 0:
            return []
        (members,) = await self._read(page_of(key, limit, before))
        return list(members)


def page_of(key: str, limit: int, before: Place | None, rows: str = "") -> Request:
    """The request for a page of a list; with the prefix of `rows`, for the hash of each member too."""
    start = _start(before)
    return ("rows", key, start, f"{limit}\0{rows}") if rows else ("page", key, start, str(limit))


def slots_page_of(key: str, limit: int, before: Place | None) -> Request:
    """The request for the rows of a page of a list of slots."""
    where = f"{limit}\0{keys.SLOT_ROWS}\0{names.SHARED_CHARACTERS}"
    return ("fields", key, _start(before), where)


def each_of(prefix: str, field: str, ids: Iterable[str]) -> Request:
    """The request for one field of several hashes, by what is after their prefix: an argument, not many."""
    return ("each", prefix, field, "\0".join(ids))


def _start(before: Place | None) -> str:
    return "" if before is None else keys.place(before.at_ms, before.id)


def ids_of(members: list[bytes]) -> list[str]:
    """The ids of a list's members."""
    return [member[keys.PLACE_CHARACTERS :].decode() for member in members]


def order_of(flat: list[bytes]) -> OrderRow | None:
    """An order as its hash has it; None for an empty one."""
    fields = _fields(flat)
    if b"order" not in fields:
        return None
    progress = _part(_progress, fields, b"progress") or Progress()
    return OrderRow(
        order=_order.decode(fields[b"order"]),
        money=progress.money,
        slots=progress.slots.by_status(),
    )


def slots_of(rows: list[bytes]) -> list[Slot]:
    """Slots as their rows have them."""
    return _slots.decode(_one_list(rows))


def orders_of(rows: list[bytes | None]) -> list[Order]:
    """Those orders that are there, as their hashes have them."""
    return _orders.decode(_one_list(known(rows)))


def playtesters_of(rows: list[bytes | None]) -> list[Playtester]:
    """Those of a panel that something is known of, as their rows have them."""
    return _playtesters.decode(_one_list(known(rows)))


def _one_list(rows: list[bytes]) -> bytes:
    """Rows to be decoded together, which takes a third of what each alone would."""
    return b"\xdc%b%b" % (len(rows).to_bytes(2, "big"), b"".join(rows))


def _fields(flat: list[bytes]) -> dict[bytes, bytes]:
    """A hash by its fields."""
    each = iter(flat)
    return dict(zip(each, each, strict=True))


def _part(decoder: msgspec.msgpack.Decoder[Any], fields: dict[bytes, bytes], name: bytes) -> Any:
    value = fields.get(name)
    return None if value is None else decoder.decode(value)


def known(rows: Iterable[RowT | None]) -> list[RowT]:
    """Those that are there."""
    return [row for row in rows if row is not None]


def state_of(value: bytes) -> ApplicationState:
    """An application in its pool."""
    return _application.decode(value)


def application_of(order_id: str, studio_id: str, held: ApplicationState, text: bytes | None) -> Application:
    """An application and its text, which is empty once its playtester is forgotten."""
    return Application(
        order_id=order_id,
        studio_id=studio_id,
        qualifications_response=(text or b"").decode(),
        **msgspec.structs.asdict(held),
    )
