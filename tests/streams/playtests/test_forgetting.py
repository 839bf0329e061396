"""A command for each of a person's ids, once, under the pseudonym that it was begun with."""

from __future__ import annotations

import hashlib

import pytest

from schemas.envelope import Command, CommandRejected, Outcome
from schemas.playtests import person_messages
from schemas.playtests.commands import COMMANDS
from schemas.playtests.person_messages import ForgetPerson
from streams.asking import Asker
from streams.gateway.pending_commands import CommandUnavailable
from streams.playtests.forgetting import PersonForgetting
from tests.streams.deciders.playtests.given import AT_MS, GAME, STUDIO, Playtests


class World:
    """The decider answers, but for who is `away`. Satisfies `Commands` and `ForgottenReads`."""

    def __init__(self) -> None:
        self.decider = Playtests()
        self.decider.accepted("ann")
        self.away = ""
        self.asked: list[ForgetPerson] = []

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        assert (command.studio_id, definition, partition) == (STUDIO, b"", None)
        body = COMMANDS.decode(command.type, command.body)
        assert isinstance(body, ForgetPerson)
        assert command.aggregate_id == f"playtester/{STUDIO}/{body.playtester_id}"
        if body.playtester_id == self.away:
            raise CommandUnavailable("away")
        self.asked.append(body)
        assert not isinstance(self.decider.when(body), CommandRejected)
        self.decider.given(body)
        return Outcome(command_id="", fingerprint=b"", status=200, body=b"")

    async def forgotten(self, studio_id: str) -> frozenset[str]:
        assert studio_id == STUDIO
        return frozenset(one.pseudonym for one in self.decider.studio.forgotten.values())

    def forgetting(self, *secrets: str) -> PersonForgetting:
        def fingerprints(*of: str) -> tuple[str, ...]:
            return tuple(hashlib.sha256(repr((one, *of)).encode()).hexdigest()[:32] for one in secrets)

        asker = Asker(self, COMMANDS, clock_ms=lambda: AT_MS, randomness=lambda size: b"x" * size)
        return PersonForgetting(asker, self, fingerprints=fingerprints)


async def test_each_id_is_asked_once_with_the_handles_beside_the_first() -> None:
    world = World()
    people = world.forgetting("secret")
    wanted = await people.of(STUDIO, ["ann", "device", "ann"])
    assert [(one.id, one.is_done) for one in wanted] == [("ann", False), ("device", False)]
    handles = [person_messages.TesterHandle(GAME, "Ann")]
    await people.ask(wanted, handles)
    assert [(one.playtester_id, one.handles) for one in world.asked] == [("ann", handles), ("device", [])]
    assert set(world.decider.studio.playtesters) == {wanted[0].pseudonym}
    again = await people.of(STUDIO, ["ann", "device", wanted[0].pseudonym])
    assert [(one.id, one.is_done) for one in again] == [("ann", True), ("device", True)]
    assert wanted[0].pseudonym != wanted[1].pseudonym


async def test_it_goes_on_where_it_was_away_under_the_pseudonym_of_then() -> None:
    world = World()
    world.away = "device"
    people = world.forgetting("old secret")
    with pytest.raises(CommandUnavailable):
        await people.ask(await people.of(STUDIO, ["ann", "device"]), [])
    world.away = ""
    later = world.forgetting("new secret", "old secret")
    wanted = await later.of(STUDIO, ["ann", "device"])
    assert [one.is_done for one in wanted] == [True, False]
    await later.ask(wanted, [])
    assert world.asked[0].pseudonym == world.asked[1].pseudonym
    assert all(one.is_done for one in await later.of(STUDIO, ["ann", "device"]))
