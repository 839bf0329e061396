from __future__ import annotations

import msgspec
import pytest

from schemas.codec import Message
from schemas.edge.ports import Game, Limits, StoreUnavailable
from schemas.envelope import Command, CommandRejected, Outcome
from schemas.identifiers import key_hash
from schemas.playtests.batch_commands import CloseBatch, DefineBatch
from schemas.playtests.commands import COMMANDS
from schemas.playtests.names import batch_aggregate
from schemas.playtests.ports import BatchRow
from schemas.playtests.tokens import share_token
from schemas.seal import Sealer
from schemas.studio.definitions import load_definitions
from schemas.studio.events import EVENTS, GameChanged
from schemas.studio.noun import STUDIO_EVENTS
from streams.asking import Asker
from streams.effect_reader import Reading, Retry
from streams.gateway.pending_commands import CommandUnavailable
from streams.playtests.batch_definitions import BatchDefinitions, fixed_changes
from tests.streams.deciders.playtests.given import AT_MS, GAME, STUDIO, Playtests
from tests.streams.read_log import ReadLog

SEALER = Sealer(b"secret")
FILE = """
studio: {slug: demo, name: Demo}
games:
  - slug: doom
    name: Doom
    batches:
"""
PRESS = "      - {id: ptb_press, name: Press}\n"
LATER = "      - {id: ptb_press, name: Press, expiresAt: 2027-07-14T00:00:00Z}\n"
OTHER_MODE = "      - {id: ptb_press, name: Press, redemptionMode: public}\n"
SHARED = "      - {id: ptb_all, name: All, redemptionMode: public, identityMode: anonymous}\n"


class World(ReadLog):
    """A game whose definition changes; the real decider answers, and its state is what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.decider = Playtests(credit_cents=0)
        self.held: Game | None = None
        self.asked: list[Message] = []
        self.away = self.behind = 0

    def declares(self, *batches: str) -> None:
        """Another definition of the game, and its event."""
        settings = load_definitions(FILE + "".join(batches or ["      []\n"])).games[0].settings
        version = len(self.records) + 1
        self.held = Game(
            id=GAME,
            studio_id=STUDIO,
            slug="doom",
            name="Doom",
            created_at_ms=0,
            limits=Limits(),
            definition=settings.definition,
            definition_version=version,
        )
        event = GameChanged(
            studio_id=STUDIO,
            game_id=GAME,
            settings=settings,
            definition_version=version,
            definition_hash="",
            created_at_ms=0,
            changed=["batches"],
            previous_slug="doom",
        )
        self.decided(STUDIO_EVENTS, EVENTS, [event], studio_id=STUDIO, at_ms=AT_MS)

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        del definition, partition
        body = COMMANDS.decode(command.type, command.body)
        self.asked.append(body)
        if self.away:
            self.away -= 1
            raise CommandUnavailable("away")
        assert (command.studio_id, command.game_id) == (STUDIO, GAME)
        verdict = self.decider.when(body)
        if isinstance(verdict, CommandRejected):
            refusal = msgspec.msgpack.encode(verdict)
            return Outcome(command_id="", fingerprint=b"", status=verdict.status, body=refusal)
        self.decider.given(body)
        return Outcome(command_id="", fingerprint=b"", status=200, body=b"")

    async def game(self, game_id: str) -> Game | None:
        assert game_id == GAME
        if self.behind and self.held is not None:
            self.behind -= 1
            if self.behind % 2:
                raise StoreUnavailable("away")
            return msgspec.structs.replace(self.held, definition={}, definition_version=0)
        return self.held

    async def batches(self, studio_id: str, game_id: str) -> list[BatchRow]:
        assert (studio_id, game_id) == (STUDIO, GAME)
        studio = self.decider.state.studios.get(STUDIO)
        known = studio.batches.values() if studio is not None else ()
        return [BatchRow(batch=one.batch, counts=one.counts) for one in known]

    async def carry(self, *, patience_s: float = 5) -> None:
        """Read from the position that is kept to the end."""
        asker = Asker(self, COMMANDS, clock_ms=lambda: AT_MS, randomness=lambda size: b"x" * size)
        reader = BatchDefinitions(
            asker,
            Reading(STUDIO_EVENTS, self, self),
            games=self,
            batches=self,
            sealer=SEALER,
            retry=Retry(patience_s, again_s=0.001),
        )
        begin = await reader.assigned(0)
        for record in self.records[begin:]:
            await reader.handle(record)

    async def stand(self) -> dict[str, str]:
        return {row.batch.definition.id: row.batch.status for row in await self.batches(STUDIO, GAME)}


@pytest.fixture
def world() -> World:
    return World()


async def test_what_a_game_declares_is_defined_and_what_it_leaves_out_closed(world: World) -> None:
    world.declares(PRESS, SHARED)
    await world.carry()
    assert await world.stand() == {"ptb_press": "open", "ptb_all": "open"}
    world.declares(SHARED)
    await world.carry()
    assert await world.stand() == {"ptb_press": "closed", "ptb_all": "open"}
    world.declares(LATER, SHARED)
    await world.carry()
    assert await world.stand() == {"ptb_press": "open", "ptb_all": "open"}
    world.declares()
    await world.carry()
    assert await world.stand() == {"ptb_press": "closed", "ptb_all": "closed"}
    assert [type(body) for body in world.asked] == [
        DefineBatch,
        DefineBatch,
        CloseBatch,
        DefineBatch,
        CloseBatch,
        CloseBatch,
    ]


async def test_a_public_batch_gets_the_token_that_its_link_is_made_of(world: World) -> None:
    world.declares(SHARED)
    await world.carry()
    (row,) = await world.batches(STUDIO, GAME)
    token = share_token(SEALER, batch_aggregate(STUDIO, GAME, "ptb_all"), 1)
    assert row.batch.share_token_hash == key_hash(token)


async def test_old_definitions_do_nothing_when_they_are_read_again(world: World) -> None:
    world.declares(PRESS)
    world.declares(SHARED)
    world.declares(PRESS, SHARED)
    await world.carry()
    asked = len(world.asked)
    assert asked == 2
    world.positions.clear()
    await world.carry()
    assert len(world.asked) == asked


async def test_it_waits_for_what_is_away_or_behind(world: World) -> None:
    world.declares(PRESS)
    world.behind, world.away = 3, 2
    await world.carry()
    assert await world.stand() == {"ptb_press": "open"}


async def test_without_patience_left_the_position_stays(world: World) -> None:
    world.declares(PRESS)
    world.away = 1
    with pytest.raises(CommandUnavailable):
        await world.carry(patience_s=0.0)
    assert world.positions == {}
    await world.carry()
    assert await world.stand() == {"ptb_press": "open"}


async def test_a_refused_change_holds_nothing_up(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.declares(PRESS)
    await world.carry()
    world.declares(OTHER_MODE, SHARED)
    await world.carry()
    assert "redemption mode and identity mode never change" in caplog.text
    assert world.held is not None
    assert fixed_changes(world.held, await world.batches(STUDIO, GAME)) == [
        "the batch ptb_press has another redemption_mode: that never changes"
    ]
    assert await world.stand() == {"ptb_press": "open", "ptb_all": "open"}
