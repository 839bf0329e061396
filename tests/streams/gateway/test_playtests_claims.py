"""Claims of a full playtest: what the gateway refuses by itself, and what it leaves to the decider."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from schemas.edge.errors import Refused
from schemas.envelope import Command, CommandRejected, Outcome
from schemas.playtests import bodies
from schemas.playtests.access import Caller
from schemas.playtests.commands import COMMANDS
from schemas.playtests.ports import OrderRow
from schemas.playtests.routes import WRITES
from schemas.playtests.views import Money
from schemas.seal import Sealer
from streams.gateway.playtests.asking import Asking
from streams.gateway.playtests.handlers import Handlers
from streams.gateway.playtests.write import Stores, Write
from tests.schemas.playtests.test_shapes import ORDER
from tests.streams.deciders.playtests.given import AT_MS, STUDIO, Playtests

(CLAIM,) = (route for route in WRITES if route.name == "claim")


class World:
    """The decider answers; the store shows an order that is full, of which `ann` has the slot."""

    def __init__(self) -> None:
        self.decider = Playtests()
        self.order_id = self.decider.active()
        self.slot_id = self.decider.claimed(self.order_id)
        self.asked = 0
        sealer, here = Sealer(b"deployment secret"), cast("Any", self)
        self.asking = Asking(here, sealer, clock_ms=lambda: AT_MS, randomness=lambda size: b"r" * size)
        self.handlers = Handlers(
            self.asking,
            here,
            Stores(reads=here, first_answers=here, objects=here, sealer=sealer),
            now_ms=lambda: AT_MS,
            randomness=lambda size: b"r" * size,
            transcribes=False,
        )

    async def order(self, order_id: str) -> OrderRow:
        order = replace(ORDER, id=order_id, studio_id=STUDIO)
        return OrderRow(order=order, money=Money(), slots={"reserved": 1})

    async def joined(self, studio_id: str, playtester_id: str, order_ids: Collection[str]) -> frozenset[str]:
        assert studio_id == STUDIO
        return frozenset(order_ids) if playtester_id == "ann" else frozenset()

    async def submit(self, command: Command, *, fresh: bool) -> Outcome:
        del fresh
        self.asked += 1
        verdict = self.decider.when(COMMANDS.decode(command.type, command.body))
        assert isinstance(verdict, CommandRejected)
        body = msgspec.msgpack.encode(verdict)
        return Outcome(command_id="", fingerprint=b"", status=verdict.status, body=body)

    async def reason(self, playtester_id: str) -> str:
        caller = Caller(STUDIO, playtester_id, "key_1")
        body = bodies.ChangeBody()
        asked = self.asking.asked(caller, f"claim/{self.order_id}", "", body)
        with pytest.raises(Refused) as refused:
            await self.handlers(
                Write(asked=asked, route=CLAIM, path={"playtestId": self.order_id}, body=body)
            )
        return str(refused.value.details["reason"])


async def test_a_full_playtest_is_refused_here_to_who_never_had_a_slot() -> None:
    world = World()
    assert await world.reason("ben") == "no_open_slot"
    assert world.asked == 0


async def test_who_has_a_slot_of_a_full_playtest_is_told_so() -> None:
    world = World()
    assert await world.reason("ann") == "already_claimed"
    assert world.asked == 1
