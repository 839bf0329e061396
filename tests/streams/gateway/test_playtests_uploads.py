"""Upload addresses: they come of no command, and are idempotent by their key all the same."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from schemas.edge.errors import Refused
from schemas.playtests import bodies, names
from schemas.playtests.access import Caller
from schemas.playtests.routes import WRITES
from schemas.playtests.views import Slot, SlotStatus
from schemas.seal import Sealer
from streams.gateway.pending_commands import CommandConflict
from streams.gateway.playtests.asking import Asking
from streams.gateway.playtests.handlers import Handlers
from streams.gateway.playtests.write import Stores, Write

NOW_MS = 1_800_000_000_000
ORDER = names.order_id("c1")
SLOT = Slot(
    id=names.slot_id(ORDER, 1),
    order_id=ORDER,
    studio_id="user_1",
    game_id="game_1",
    number=1,
    status="reserved",
    created_at_ms=NOW_MS,
    deadline_at_ms=NOW_MS + 1,
    playtester_id="ann",
)
(UPLOAD,) = (route for route in WRITES if route.name == "upload_url")


class World:
    """Answers that were given, one slot, and a store that signs addresses."""

    def __init__(self) -> None:
        self.row = SLOT
        self.answers: dict[str, bytes] = {}
        self.sealer = Sealer(b"deployment secret")
        self.asking = Asking(
            cast("Any", None), self.sealer, clock_ms=lambda: NOW_MS, randomness=lambda size: b"r" * size
        )
        here = cast("Any", self)
        self.handlers = Handlers(
            self.asking,
            cast("Any", None),
            Stores(reads=here, first_answers=here, objects=here, sealer=self.sealer),
            now_ms=lambda: NOW_MS,
            randomness=lambda size: b"r" * size,
            transcribes=False,
        )

    async def slot(self, slot_id: str) -> Slot | None:
        return self.row if slot_id == self.row.id else None

    async def names(self, folder: str) -> list[str]:
        return [] if folder else ["no folder"]

    def signed_upload_url(self, key: str, *, bytes_max: int, expires_at_ms: int) -> str:
        return f"https://objects/{key}?{bytes_max}&{expires_at_ms}"

    async def known(self, command_id: str) -> bytes | None:
        return self.answers.get(command_id)

    async def first(self, command_id: str, answer: bytes) -> bytes:
        return self.answers.setdefault(command_id, answer)

    async def ask(self, key: str, size: int = 5) -> tuple[int, Any]:
        body = bodies.UploadBody(size=size, content_type="video/mp4")
        caller = Caller("user_1", "ann", "key_1")
        asked = self.asking.asked(caller, f"upload_url/{SLOT.id}", key, body)
        status, data = await self.handlers(
            Write(asked=asked, route=UPLOAD, path={"slotId": SLOT.id}, body=body)
        )
        return status, msgspec.json.decode(data)


@pytest.mark.parametrize("status", ["submitted", "expired", "accepted"])
async def test_an_address_is_answered_again_under_its_key_whatever_became_of_the_slot(
    status: SlotStatus,
) -> None:
    world = World()
    given = await world.ask("k1")
    world.row = replace(SLOT, status=status)
    assert await world.ask("k1") == given
    with pytest.raises(CommandConflict):
        await world.ask("k1", size=6)
    with pytest.raises(Refused) as refused:
        await world.ask("k2")
    assert (refused.value.status, refused.value.details["reason"]) == (409, "wrong_status")


async def test_an_address_for_another_s_slot_is_404() -> None:
    world = World()
    world.row = replace(SLOT, playtester_id="ben")
    with pytest.raises(Refused) as refused:
        await world.ask("k1")
    assert refused.value.status == 404
    assert world.answers == {}
