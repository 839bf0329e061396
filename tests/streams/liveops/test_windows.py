from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from schemas.codec import Message
from schemas.envelope import Command, Outcome
from schemas.identifiers import partition_of
from schemas.liveops.answers import JoinAnswer, SettleAnswer
from schemas.liveops.commands import COMMANDS, CloseWindow, FinalizeBoard, JoinEvent, SettleLobbies
from schemas.liveops.event_windows import BoardChunkFinalized, BoardFinalized, LobbyClosed, WindowClosing
from schemas.liveops.ports import WindowBoard, WindowRow
from schemas.liveops.views import FinalEntry, RankReward
from streams.asking import Asker
from streams.deciders.liveops.boards import CHUNK_MAX
from streams.deciders.liveops.noun import LIVEOPS
from streams.gateway.pending_commands import CommandTooLarge
from streams.liveops import windows
from streams.liveops.lobbies import LobbyManager
from streams.liveops.windows import (
    CHUNK_BYTES_MAX,
    GIFTS_MAX,
    WindowManager,
    chunk_of,
    closing_order,
    entries_max,
)
from tests.streams.deciders.liveops.given import event
from tests.streams.liveops.world import World


def manager(world: World, **limits: int) -> WindowManager:
    return WindowManager(world.asker(), world, partitions=World.partitions, **limits)


async def over(definition: dict[str, object] | None = None, players: int = 5) -> World:
    """A window that was played in and has just ended."""
    world = World(definition)
    for number in range(players):
        await world.play(f"p{number}", float(number))
    world.at_ms = world.window.ends_at_ms
    return world


async def test_nothing_happens_before_the_end() -> None:
    world = await over()
    asked = len(world.asked)
    assert await manager(world).tick(world.window.ends_at_ms - 1) == 0
    assert len(world.asked) == asked


async def test_a_window_ends_in_one_round_with_its_ranks() -> None:
    world = await over()
    assert await manager(world).tick(world.at_ms) == 1
    assert world.closed() == frozenset(range(World.partitions))
    (chunk,) = world.found(BoardChunkFinalized)
    assert [(entry.rank, entry.external_id) for entry in chunk.entries] == [
        (rank, f"p{5 - rank}") for rank in range(1, 6)
    ]
    assert world.found(BoardFinalized)[0].total_players == 5
    assert await manager(world).tick(world.at_ms) == 0


async def test_every_partition_is_closed_before_ranks_are_read_and_lobbies_are_settled_before_the_last() -> (
    None
):
    world = await over()
    world.asked.clear()
    await manager(world).tick(world.at_ms)
    order = [type(body).__name__ for _, body in world.asked]
    assert order == [
        "CloseWindow",
        "SettleLobbies",
        *["CloseWindow"] * (World.partitions - 1),
        "FinalizeBoard",
    ]
    assert world.asked[0][0] == partition_of(world.event_aggregate, World.partitions)


async def test_a_partition_that_is_away_holds_the_ranks_until_it_is_back() -> None:
    world = await over()
    world.away = lambda partition, body: partition == World.partitions - 1 and isinstance(body, CloseWindow)
    assert await manager(world).tick(world.at_ms) == 0
    assert world.found(BoardChunkFinalized) == []
    world.away = lambda _partition, _body: False
    assert await manager(world).tick(world.at_ms) == 1
    assert len(world.found(WindowClosing)) == World.partitions
    assert len(world.found(BoardFinalized)) == 1


async def test_two_timers_at_once_end_a_window_once() -> None:
    world = await over()
    (row,) = await world.windows_over(world.at_ms, 1)
    one, other = manager(world), manager(world)
    await one._advance(row)
    await other._advance(row)  # it still holds what it read before
    assert len(world.found(WindowClosing)) == World.partitions
    assert len(world.found(BoardChunkFinalized)) == len(world.found(BoardFinalized)) == 1


async def test_a_stop_between_two_chunks_goes_on_where_it_stood() -> None:
    world = await over()
    chunks = 0

    def second_is_away(_partition: int, body: Message) -> bool:
        nonlocal chunks
        if isinstance(body, FinalizeBoard):
            chunks += 1
            return chunks == 2
        return False

    world.away = second_is_away
    assert await manager(world, chunk_max=2).tick(world.at_ms) == 0
    assert await manager(world, chunk_max=2).tick(world.at_ms) == 1
    frozen = [[entry.rank for entry in chunk.entries] for chunk in world.found(BoardChunkFinalized)]
    assert frozen == [[1, 2], [3, 4], [5]]
    assert [done.chunks for done in world.found(BoardFinalized)] == [3]


async def test_a_window_that_was_only_joined_ends_with_its_lobby_closed() -> None:
    world = World(event(matchmaking={"size": 4, "minPlayers": 2, "fillSeconds": 20}))
    await world.ask(
        JoinEvent(event_key="frags", window_id=world.window.id, external_id="ann"), world.event_aggregate
    )
    world.at_ms = world.window.ends_at_ms
    assert await manager(world).tick(world.at_ms) == 1
    assert [closed.reason for closed in world.found(LobbyClosed)] == ["window_over"]
    assert await world.windows_over(world.at_ms, 1) == []
    assert await world.lobbies_due(world.at_ms, 1) == []


async def test_bots_of_a_lobby_that_filled_slowly_are_ranked_with_the_players() -> None:
    world = World(
        event(matchmaking={"size": 3, "minPlayers": 1, "fillSeconds": 20, "bots": {"perMinute": 3}})
    )
    join = JoinEvent(event_key="frags", window_id=world.window.id, external_id="ann")
    joined = await world.ask(join, world.event_aggregate)
    lobby_id = msgspec.msgpack.decode(joined.body, type=JoinAnswer).lobby_id
    lobbies = LobbyManager(world.asker(), world)
    assert await lobbies.tick(world.at_ms) == 0
    world.at_ms += 20_000
    assert await lobbies.tick(world.at_ms) == 1
    await world.play("ann", 1.0, lobby_id)
    world.at_ms += 60_000
    assert await lobbies.tick(world.at_ms) == 1
    assert await lobbies.tick(world.at_ms) == 0
    world.at_ms = world.window.ends_at_ms
    await manager(world).tick(world.at_ms)
    (chunk,) = world.found(BoardChunkFinalized)
    assert sorted(entry.is_bot for entry in chunk.entries) == [False, True, True]
    assert SettleLobbies in {type(body) for _, body in world.asked}


def test_chunks_end_at_their_count_and_at_their_bytes() -> None:
    def entries(count: int, name: str) -> list[FinalEntry]:
        return [
            FinalEntry(rank=rank, external_id=name, score=1.0, achieved_at_ms=1)
            for rank in range(1, count + 1)
        ]

    assert chunk_of([], CHUNK_MAX, 0) == ([], True)
    assert [len(chunk_of(entries(n, "p"), CHUNK_MAX, 0)[0]) for n in (1, CHUNK_MAX, CHUNK_MAX + 1)] == [
        1,
        CHUNK_MAX,
        CHUNK_MAX,
    ]
    assert chunk_of(entries(CHUNK_MAX, "p"), CHUNK_MAX, 0)[1]
    assert not chunk_of(entries(CHUNK_MAX + 1, "p"), CHUNK_MAX, 0)[1]
    long, last = chunk_of(entries(CHUNK_MAX, "p" * 250), CHUNK_MAX, 0)
    assert not last
    assert len(long) == CHUNK_BYTES_MAX // 330
    assert len(chunk_of(entries(2, "p"), CHUNK_MAX, CHUNK_BYTES_MAX)[0]) == 1


def test_a_chunk_earns_so_many_rewards_and_no_more() -> None:
    rewards = [RankReward(rank_max=rank_max, trigger="t", ordinal=0) for rank_max in (10, 5000, 5000, 10**6)]
    assert [entries_max(rewards, frozen, CHUNK_MAX) for frozen in (0, 10, 5000, 10**6)] == [
        GIFTS_MAX // 4,
        GIFTS_MAX // 3,
        CHUNK_MAX,
        CHUNK_MAX,
    ]
    assert entries_max(rewards * 5000, 0, CHUNK_MAX) == 1


def test_the_home_partition_comes_first() -> None:
    assert closing_order(frozenset({0}), 2, 4) == ([2], [1, 3])
    assert closing_order(frozenset({2}), 2, 4) == ([], [0, 1, 3])


class Stuck:
    """Windows that are over, the oldest first; those of `refused` are refused for ever."""

    def __init__(self, count: int, refused: int) -> None:
        self.open = {f"w{number:03}": number < refused for number in range(count)}
        self.asked: list[str] = []

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        del definition, partition
        body: CloseWindow | SettleLobbies = LIVEOPS.commands.decode(command.type, command.body)  # type: ignore[assignment]  # no boards, so no other
        self.asked.append(body.window_id)
        if self.open.get(body.window_id):
            raise CommandTooLarge("always")
        if isinstance(body, SettleLobbies):
            self.open.pop(body.window_id, None)
        answer = msgspec.msgpack.encode(SettleAnswer(remaining=0))
        return Outcome(command_id="c", fingerprint=b"", status=200, body=answer)

    async def windows_over(self, now_ms: int, limit: int) -> list[WindowRow]:
        del now_ms
        return [
            WindowRow(
                studio_id="s",
                game_id="g",
                event_key="e",
                window_id=name,
                ends_at_ms=1,
                reference="",
                definition=b"",
                closed_partitions=frozenset(range(1, World.partitions)),
            )
            for name in list(self.open)[:limit]
        ]

    async def boards_of(self, row: WindowRow, limit: int) -> list[WindowBoard]:
        del row, limit
        return []

    async def ranks(self, game_id: str, board_id: str, start: int, count: int) -> list[FinalEntry]:
        raise AssertionError(game_id, board_id, start, count)

    async def lobbies_due(self, now_ms: int, limit: int) -> list[Any]:
        raise AssertionError(now_ms, limit)


async def test_windows_that_are_refused_for_ever_hold_up_no_newer_one() -> None:
    stuck = Stuck(count=250, refused=windows.WINDOWS_PER_TICK + 20)
    manager = WindowManager(
        Asker(stuck, COMMANDS, clock_ms=lambda: 1, randomness=bytes), stuck, partitions=World.partitions
    )
    for second in range(10):
        await manager.tick(second * 1000)
    assert len(stuck.open) == windows.WINDOWS_PER_TICK + 20
    tries = Counter(stuck.asked)
    assert {tries[name] for name in stuck.open} <= {3, 4}  # after 0, 1, 3 and 7 seconds
