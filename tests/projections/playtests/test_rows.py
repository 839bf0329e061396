"""A slot's row as Redis holds it. Pure: that scripts put it together like this, `test_projection` tries."""

from __future__ import annotations

import msgspec

from projections.playtests import keys
from projections.playtests.context import encode
from projections.playtests.read_rows import slots_of
from projections.playtests.slots import SlotHead
from schemas.playtests import names
from schemas.playtests.views import Slot

ORDER = names.order_id("a command")
HEAD = SlotHead(
    id=names.slot_id(ORDER, 1),
    number=1,
    status="reserved",
    created_at_ms=1_796_000_000_000,
    playtester_id="ann",
    order_id=ORDER,
    studio_id="studio",
    game_id="game",
)


def test_a_head_is_a_slot() -> None:
    assert {*SlotHead.__struct_fields__} < {*Slot.__struct_fields__}
    (found,) = slots_of([encode(HEAD)])
    assert found == Slot(**msgspec.structs.asdict(HEAD))
    assert slots_of([]) == []
    assert [slot.id for slot in slots_of([encode(HEAD)] * 20)] == [HEAD.id] * 20


def test_what_is_stored_stays_or_is_another_layout() -> None:
    """Where this fails, what older workers wrote is no longer what is read: raise `keys.LAYOUT`."""
    assert (keys.LAYOUT, keys.STORED) == (2, "playtests~2")
    assert keys.slot_rows(HEAD.id) == f"slot-rows:{ORDER[:23]}"
    assert msgspec.msgpack.decode(encode(HEAD)) == {
        "id": HEAD.id,
        "number": 1,
        "status": "reserved",
        "created_at_ms": 1_796_000_000_000,
        "playtester_id": "ann",
        "order_id": ORDER,
        "studio_id": "studio",
        "game_id": "game",
    }


def test_ids_of_an_order_share_what_its_rows_are_named_by() -> None:
    for number in (1, 2, 500, 2**39):
        identifier = names.slot_id(ORDER, number)
        assert identifier[: names.SHARED_CHARACTERS] == ORDER[: names.SHARED_CHARACTERS]
        assert names.place_of("slot", identifier) == (ORDER, number)
    other = names.order_id("another command")
    assert other[: names.SHARED_CHARACTERS] != ORDER[: names.SHARED_CHARACTERS]
