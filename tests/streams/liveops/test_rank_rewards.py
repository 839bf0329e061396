from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from schemas.codec import Message
from schemas.envelope import Decided, Event, EventsRecord
from schemas.liveops.commands import GiveRankReward
from schemas.liveops.event_windows import BoardChunkFinalized
from schemas.liveops.events import EVENTS
from schemas.liveops.names import pseudonym
from schemas.liveops.noun import LIVEOPS_EVENTS
from schemas.liveops.views import FinalEntry, RankReward
from schemas.log import LogRecord
from schemas.log_positions import Position, PositionRefused
from streams.effect_reader import RETRY, Reading, Retry
from streams.gateway.pending_commands import CommandUnavailable
from streams.liveops.rank_rewards import RankRewards, gifts
from streams.liveops.windows import WindowManager
from tests.streams.deciders.liveops.given import CRATE, GOLD, event
from tests.streams.liveops.world import World

REWARDS = [
    {"trigger": "rank <= 1", "crate": CRATE},
    {"trigger": "rank <= 3", "entries": [GOLD]},
    {"trigger": "rank <= 3", "entries": [GOLD]},
]


class Log:
    """The world's events as a log's tail."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.first_offset = 0

    async def log_id(self, topic: str) -> str:
        return f"log of {topic}"

    async def begin_offset(self, _topic: str, _partition: int) -> int:
        return self.first_offset

    async def end_offset(self, _topic: str, partition: int) -> int:
        return sum(record.partition == partition for record in self.world.records)

    async def read(
        self, _topic: str, partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        for record in self.world.records:
            if record.partition == partition and begin <= record.offset < (end or 2**60):
                yield record


class Held:
    """Positions in memory."""

    def __init__(self) -> None:
        self.offsets: dict[tuple[str, int], Position] = {}

    async def load(self, log_id: str, partition: int) -> Position:
        return self.offsets.get((log_id, partition), Position())

    async def save(self, log_id: str, partition: int, position: Position) -> None:
        self.offsets[log_id, partition] = position


@pytest.fixture
async def world() -> World:
    world = World(event(rewards=REWARDS))
    for number in range(5):
        await world.play(f"p{number}", float(number))
    world.at_ms = world.window.ends_at_ms
    await WindowManager(world.asker(), world, partitions=World.partitions).tick(world.at_ms)
    return world


def reader(world: World, held: Held, log: Log | None = None, retry: Retry = RETRY) -> RankRewards:
    return RankRewards(world.asker(), Reading(LIVEOPS_EVENTS, log or Log(world), held), retry=retry)


async def read_all(rewards: RankRewards, world: World) -> int:
    """Read every record to the end; return how many."""
    count = 0
    for partition in range(World.partitions):
        begin = await rewards.assigned(partition)
        async for record in Log(world).read("", partition, begin):
            await rewards.handle(record)
            count += 1
    return count


def given(world: World) -> dict[str, list[str]]:
    return {
        name: sorted(grant.trigger for grant in world.grants(name))
        for name in (f"p{number}" for number in range(5))
    }


WANTED = {
    "p4": ["rank <= 1", "rank <= 3", "rank <= 3"],
    "p3": ["rank <= 3", "rank <= 3"],
    "p2": ["rank <= 3", "rank <= 3"],
    "p1": [],
    "p0": [],
}


async def test_each_rank_gets_what_it_has_earned(world: World) -> None:
    await read_all(reader(world, Held()), world)
    assert given(world) == WANTED
    (crate,) = [grant for grant in world.grants("p4") if grant.trigger == "rank <= 1"]
    assert (crate.kind, crate.rank, crate.event_key) == ("crate", 1, "frags")
    assert crate.table_version == world.event.reference


async def test_a_lost_position_gives_nothing_twice(world: World) -> None:
    await read_all(reader(world, Held()), world)
    before = {name: world.grants(name) for name in WANTED}
    await read_all(reader(world, Held()), world)
    assert {name: world.grants(name) for name in WANTED} == before


async def test_a_position_of_lost_records_is_no_position(world: World) -> None:
    held = Held()
    rewards = reader(world, held)
    await read_all(rewards, world)
    await rewards.idle(10_000_000)
    before = {name: world.grants(name) for name in WANTED}
    for where, position in held.offsets.items():
        held.offsets[where] = msgspec.structs.replace(position, mark="0-0")
    assert {await reader(world, held).assigned(partition) for partition in range(World.partitions)} == {0}
    await read_all(reader(world, held), world)
    assert {name: world.grants(name) for name in WANTED} == before


@pytest.mark.parametrize("held", [Position(), Position(1, 0, "0-0")])
async def test_a_log_whose_beginning_is_gone_is_refused(world: World, held: Position) -> None:
    log, positions = Log(world), Held()
    log.first_offset = 2
    await positions.save(await log.log_id(LIVEOPS_EVENTS.name), 0, held)
    with pytest.raises(PositionRefused, match=r"rank rewards.*begins at 2.*Repair: restore"):
        await reader(world, positions, log).assigned(0)


async def test_a_position_without_a_mark_is_believed_once_and_gets_it(world: World) -> None:
    held = Held()
    rewards = reader(world, held)
    await read_all(rewards, world)
    await rewards.idle(10_000_000)
    kept = dict(held.offsets)
    for where, position in kept.items():
        held.offsets[where] = msgspec.structs.replace(position, mark="")
    for (_, partition), position in kept.items():
        assert await reader(world, held).assigned(partition) == position.offset
    assert held.offsets == kept


async def test_a_restart_begins_behind_what_was_given(world: World) -> None:
    held = Held()
    first = reader(world, held)
    await read_all(first, world)
    await first.idle(10_000_000)
    asked = len(world.asked)
    await read_all(reader(world, held), world)
    assert not [body for _, body in world.asked[asked:] if isinstance(body, GiveRankReward)]


async def test_the_position_stays_until_all_is_answered(world: World) -> None:
    held = Held()

    def first_is_away(_partition: int, body: Message) -> bool:
        return isinstance(body, GiveRankReward) and body.rank == 1

    world.away = first_is_away
    with pytest.raises(CommandUnavailable):
        await read_all(reader(world, held, retry=Retry(patience_s=0.0, again_s=0.0)), world)
    assert held.offsets == {}
    world.away = lambda _partition, _body: False
    await read_all(reader(world, held), world)
    assert given(world) == WANTED


async def test_another_writers_record_gives_nothing(world: World) -> None:
    (index,) = [
        number
        for number, record in enumerate(world.records)
        if gifts(msgspec.msgpack.decode(record.value, type=EventsRecord))
    ]
    record = world.records[index]
    strange = msgspec.msgpack.decode(record.value, type=EventsRecord)
    strange = msgspec.structs.replace(strange, src=strange.src + 1)
    world.records[index] = msgspec.structs.replace(record, value=msgspec.msgpack.encode(strange))
    await read_all(reader(world, Held()), world)
    assert not any(given(world).values())


def test_a_record_without_chunks_gives_nothing() -> None:
    assert gifts(EventsRecord(version=1, src=0, gateway_id="", record_id="", decided=[])) == []


def test_a_forgotten_player_earns_nothing() -> None:
    names = ("ann", pseudonym("a" * 32))
    chunk = BoardChunkFinalized(
        game_id="game_1",
        event_key="frags",
        window_id="w_1_2",
        board_id="lb_1",
        chunk=0,
        entries=[
            FinalEntry(rank=rank, external_id=name, score=1.0, achieved_at_ms=1)
            for rank, name in enumerate(names, start=1)
        ],
        rewards=[RankReward(rank_max=2, trigger="rank <= 2", ordinal=0)],
        table_version="1:ab",
    )
    event = Event(type=chunk.WIRE, aggregate_id="a", sequence=1, at_ms=1, data=EVENTS.encode(chunk))
    decided = Decided(
        command_id="c", studio_id="s", game_id="game_1", keyed=False, fingerprint=b"", events=[event]
    )
    record = EventsRecord(version=1, src=0, gateway_id="", record_id="", decided=[decided])
    assert [gift.external_id for gift in gifts(record)] == ["ann"]
