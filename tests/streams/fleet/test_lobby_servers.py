"""Lobbies get their servers: live-ops' real events, the fleet's real decider, and a log between them."""

from __future__ import annotations

import msgspec
import pytest

from schemas.codec import Message
from schemas.edge.ports import Game, StoreUnavailable, Studio
from schemas.envelope import Command, Outcome
from schemas.fleet.commands import COMMANDS, EndLobbyServer, StartLobbyServer
from schemas.fleet.names import lobby_instance_id, project_aggregate
from schemas.liveops.commands import JoinEvent, SettleLobbies
from schemas.liveops.noun import LIVEOPS_EVENTS
from streams.asking import Asker
from streams.effect_reader import Reading, Retry
from streams.fleet.lobby_servers import LobbyServers
from streams.gateway.pending_commands import CommandUnavailable
from tests.streams.deciders.fleet.given import Fleet
from tests.streams.deciders.liveops.given import GAME_ID, event
from tests.streams.liveops.test_rank_rewards import Held, Log
from tests.streams.liveops.world import STUDIO_ID, World, game_of

SERVER = {"region": "us-east", "computeSize": "micro"}
DEFINITION = event(matchmaking={"size": 2, "fillSeconds": 20, "server": SERVER})


class Both:
    """A game of duels; `away` commands to the fleet get no answer, `unknown` look-ups find nothing."""

    def __init__(self) -> None:
        self.liveops = World(DEFINITION)
        self.fleet = Fleet()
        self.held = Held()
        self.asked: list[Message] = []
        self.away = 0
        self.lost_answers = 0
        self.unknown = 0

    async def studio(self, studio_id: str) -> Studio | None:
        assert studio_id == STUDIO_ID
        self.unknown -= self.unknown > 0
        return (
            None if self.unknown else Studio(id=STUDIO_ID, slug="s", name="S", plan="studio", created_at_ms=0)
        )

    async def game(self, game_id: str) -> Game | None:
        assert game_id == GAME_ID
        return game_of(DEFINITION)

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        del definition, partition
        assert command.aggregate_id == project_aggregate(STUDIO_ID, GAME_ID)
        body: Message = COMMANDS.decode(command.type, command.body)
        if self.away:
            self.away -= 1
            raise CommandUnavailable("away")
        self.asked.append(body)
        self.fleet.given(body)
        if self.lost_answers:
            self.lost_answers -= 1
            raise CommandUnavailable("nobody knows")
        return Outcome(command_id="", fingerprint=b"", status=200, body=b"")

    async def join(self, *players: str) -> None:
        for player in players:
            await self.liveops.asker().ask(
                JoinEvent(event_key="frags", window_id=self.liveops.window.id, external_id=player),
                aggregate_id=self.liveops.event_aggregate,
                studio_id=STUDIO_ID,
                game_id=GAME_ID,
                reference=self.liveops.event.reference,
                definition=self.liveops.event.encoded,
            )

    async def settle(self) -> None:
        self.liveops.at_ms = self.fleet.at_ms = self.liveops.window.ends_at_ms
        await self.liveops.asker().ask(
            SettleLobbies(event_key="frags", window_id=self.liveops.window.id),
            aggregate_id=self.liveops.event_aggregate,
            studio_id=STUDIO_ID,
            game_id=GAME_ID,
        )

    async def read_on(self, *, patience_s: float = 5) -> None:
        """As a process that begins, reads to the end and goes."""
        reader = LobbyServers(
            Asker(self, COMMANDS, clock_ms=lambda: self.fleet.at_ms, randomness=lambda size: b"x" * size),
            Reading(LIVEOPS_EVENTS, Log(self.liveops), self.held),
            directory=self,
            retry=Retry(patience_s, again_s=0.001),
        )
        for partition in range(World.partitions):
            begin = await reader.assigned(partition)
            async for record in Log(self.liveops).read("", partition, begin):
                await reader.handle(record)

    @property
    def servers(self) -> dict[str, str]:
        """What runs or is to run, by lobby."""
        return {
            known.server.match_id or "": known.server.phase for known in self.fleet.state.servers.values()
        }

    @property
    def lobbies(self) -> list[str]:
        found = self.asked
        return list(dict.fromkeys(one.lobby_id for one in found if isinstance(one, StartLobbyServer)))


@pytest.fixture
def both() -> Both:
    return Both()


async def test_active_lobbies_get_a_server_each_and_lose_it_when_they_close(both: Both) -> None:
    await both.join("ann", "bob", "cat", "dan", "eve")
    await both.read_on()
    assert len(both.lobbies) == 2  # one player waits, without a server
    assert both.servers == dict.fromkeys(both.lobbies, "starting")
    server = both.fleet.server(lobby_instance_id(both.lobbies[0]))
    assert msgspec.json.decode(server.custom_data or "") == {
        "eventKey": "frags",
        "windowId": both.liveops.window.id,
    }
    await both.settle()
    await both.read_on()
    assert both.servers == dict.fromkeys(both.lobbies, "stopping")
    assert sum(isinstance(one, EndLobbyServer) for one in both.asked) == 2


async def test_what_is_asked_again_begins_and_ends_nothing(both: Both) -> None:
    await both.join("ann", "bob")
    both.lost_answers, both.away, both.unknown = 2, 2, 3
    await both.read_on()
    assert list(both.servers.values()) == ["starting"]
    both.held.offsets.clear()  # the store is lost: all is read from the log's start
    before = both.fleet.state.projects
    await both.read_on()
    assert both.fleet.state.projects == before
    await both.settle()
    await both.read_on()
    for instance_id in list(both.fleet.state.servers):
        both.fleet.exits(instance_id)
    both.held.offsets.clear()
    await both.read_on()
    assert both.servers == {}


async def test_a_lobby_that_turned_active_and_closed_while_nobody_read_gets_nothing(both: Both) -> None:
    await both.join("ann", "bob")
    await both.settle()
    await both.read_on()
    assert len(both.asked) == 2
    assert both.servers == {}


async def test_the_position_stays_until_it_is_answered(both: Both) -> None:
    await both.join("ann", "bob")
    both.unknown = 1_000_000
    with pytest.raises((CommandUnavailable, StoreUnavailable)):
        await both.read_on(patience_s=0)
    assert both.held.offsets == {}
    both.unknown = 0
    await both.read_on()
    assert list(both.servers.values()) == ["starting"]
