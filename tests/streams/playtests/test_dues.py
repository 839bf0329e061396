"""The timer asks for what is due, the longest due first; whatever it asks twice or early changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import itertools

import msgspec

from schemas.codec import Message
from schemas.envelope import Command, Outcome
from schemas.playtests import names
from schemas.playtests import slot_events as ev
from schemas.playtests.answers import DoneAnswer
from schemas.playtests.batch_commands import DefineBatch
from schemas.playtests.batch_events import BatchExpired
from schemas.playtests.commands import COMMANDS
from schemas.playtests.ports import DueRow
from streams.asking import Asker
from streams.dues import AT_ONCE, DUES_PER_TICK
from streams.gateway.pending_commands import CommandUnavailable
from streams.playtests.dues import DueManager
from tests.streams.deciders.playtests.given import DAY_MS, GAME, STUDIO, Playtests, block, only
from tests.streams.deciders.playtests.test_batches import definition


class World(Playtests):
    """Satisfies `Commands` and `DueReads`: the real decider answers, the dues are read from its state."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Message] = []
        self.happened: list[Message] = []
        self.away = 0
        self.early = 0
        self._names = itertools.count(1)

    def manager(self) -> DueManager:
        return DueManager(Asker(self, COMMANDS, clock_ms=lambda: self.at_ms, randomness=self._random), self)

    def _random(self, size: int) -> bytes:
        return hashlib.sha256(str(next(self._names)).encode()).digest()[:size]

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        assert (definition, partition) == (b"", None)
        assert (command.studio_id, command.game_id) == (STUDIO, GAME)
        body = COMMANDS.decode(command.type, command.body)
        self.asked.append(body)
        if self.away:
            self.away -= 1
            raise CommandUnavailable("away")
        assert command.aggregate_id == self.request(body).aggregate_id
        self.happened += self.given(body)
        return Outcome(
            command_id=command.command_id,
            fingerprint=command.fingerprint,
            status=200,
            body=msgspec.msgpack.encode(DoneAnswer()),
        )

    async def dues(self, now_ms: int, limit: int) -> list[DueRow]:
        rows = []
        for order_id, known in self.studio.orders.items():
            waits = [("review", order_id, known.progress.due_at_ms)]
            for number, slot in known.slots.items():
                kind = "block" if slot.status == "blocked" else "slot"
                waits.append((kind, names.slot_id(order_id, number), slot.due_at_ms))
            rows += [
                DueRow(kind=kind, studio_id=STUDIO, game_id=GAME, id=identifier, due_at_ms=at_ms)  # type: ignore[arg-type]
                for kind, identifier, at_ms in waits
                if at_ms is not None and at_ms <= now_ms + self.early
            ]
        for batch in self.studio.batches.values():
            definition = batch.batch.definition
            if batch.batch.status == "open" and (definition.expires_at_ms or now_ms + 1) <= now_ms:
                rows.append(
                    DueRow(
                        kind="batch",
                        studio_id=STUDIO,
                        game_id=GAME,
                        id=definition.id,
                        due_at_ms=definition.expires_at_ms or 0,
                    )
                )
        return sorted(rows, key=lambda row: row.due_at_ms)[:limit]


async def test_each_kind_is_asked_when_its_time_has_come_and_never_again() -> None:
    world = World()
    slot_id = world.claimed(world.active(), "ann")
    blocked = world.claimed(world.active(), "bea")
    world.given(block(blocked, "bea"))
    manual = world.active(selection_mode="manual", quantity=2)
    manager = world.manager()
    assert await manager.tick(world.at_ms) == 0
    world.at_ms += DAY_MS
    assert await manager.tick(world.at_ms) == 1
    assert only(ev.SlotExpired, world.happened).slot.id == slot_id
    world.at_ms += 6 * DAY_MS
    assert await manager.tick(world.at_ms) == 2
    assert only(ev.SlotCancelled, world.happened).slot.id == blocked
    expired = [event for event in world.happened if isinstance(event, ev.SlotExpired)]
    assert [event.order_id for event in expired[1:]] == [manual, manual]
    asked = len(world.asked)
    assert await manager.tick(world.at_ms) == 0
    assert len(world.asked) == asked


async def test_the_longest_due_comes_first_and_what_is_away_is_asked_again() -> None:
    world = World()
    slots = []
    for name in ("ann", "bea", "cid"):
        slots.append(world.claimed(world.active(), name))
        world.at_ms += 1
    world.at_ms += DAY_MS
    world.away = 1
    manager = world.manager()
    assert await manager.tick(world.at_ms) == 2
    assert [getattr(body, "slot_id", "") for body in world.asked] == slots
    assert await manager.tick(world.at_ms) == 1
    expired = [event.slot.id for event in world.happened if isinstance(event, ev.SlotExpired)]
    assert expired == [*slots[1:], slots[0]]


async def test_an_early_word_changes_nothing() -> None:
    world = World()
    world.claimed(world.active(), "ann")
    world.early = 10
    world.at_ms += DAY_MS - 1
    assert await world.manager().tick(world.at_ms) == 1
    assert world.happened == []
    world.at_ms += 1
    assert await world.manager().tick(world.at_ms) == 1
    only(ev.SlotExpired, world.happened)


async def test_a_batch_expires_once() -> None:
    world = World()
    world.given(DefineBatch(definition=definition(expires_at_ms=world.at_ms + 5)))
    manager = world.manager()
    assert await manager.tick(world.at_ms) == 0
    world.at_ms += 5
    assert await manager.tick(world.at_ms) == 1
    assert only(BatchExpired, world.happened).batch.status == "expired"
    assert await manager.tick(world.at_ms) == 0


class Waiting:
    """Many dues whose answers take a while: how many wait at once is what is asked."""

    def __init__(self) -> None:
        self.most = self.now = self.limit = 0

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        del definition, partition
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return Outcome(command_id=command.command_id, fingerprint=b"", status=200, body=b"\x80")

    async def dues(self, now_ms: int, limit: int) -> list[DueRow]:
        self.limit = limit
        order_id = names.order_id("c")
        return [
            DueRow(
                kind="slot",
                studio_id=STUDIO,
                game_id=GAME,
                id=names.slot_id(order_id, number),
                due_at_ms=now_ms,
            )
            for number in range(1, limit + 1)
        ]


async def test_an_outages_dues_are_asked_in_one_round_so_many_at_once() -> None:
    waiting = Waiting()
    asker = Asker(waiting, COMMANDS, clock_ms=lambda: 0, randomness=bytes)
    assert await DueManager(asker, waiting).tick(1) == DUES_PER_TICK
    assert (waiting.limit, waiting.most) == (DUES_PER_TICK, AT_ONCE)
