"""Keyed writes across a change of the deployment secret: what was answered before is answered again."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from schemas.envelope import Command, Outcome
from schemas.playtests.commands import COMMANDS
from schemas.playtests.order_commands import PayPlaytest
from schemas.seal import Sealer
from streams.gateway.keyed_requests import KeyedRequest, KeyedRequests
from streams.gateway.pending_commands import OTHER_BODY, CommandConflict


class Commands:
    """Answers each id once, as the command client compares them; commands that were decided are counted."""

    def __init__(self) -> None:
        self.held: dict[str, Outcome] = {}

    async def submit(self, command: Command, **_more: Any) -> Outcome:
        made = Outcome(
            command_id=command.command_id, fingerprint=command.fingerprint, status=200, body=command.seed
        )
        held = self.held.setdefault(command.command_id, made)
        if held.fingerprint != command.fingerprint:
            raise CommandConflict(OTHER_BODY)
        return held

    async def stored(self, key: str, command_id: str, fingerprint: bytes) -> Outcome | None:
        assert key == "studio"
        held = self.held.get(command_id)
        if held is not None and held.fingerprint != fingerprint:
            raise CommandConflict(OTHER_BODY)
        return held


class Body(msgspec.Struct):
    text: str


def asked(text: str, key: str = "k1") -> KeyedRequest:
    return KeyedRequest(scope="studio", operation="pay", key=key, given=True, body=Body(text))


class Process:
    """A gateway that knows these secrets."""

    def __init__(self, commands: Commands, seed: int, *secrets: bytes) -> None:
        client: Any = commands
        self._requests = KeyedRequests(
            client,
            COMMANDS,
            Sealer(secrets[0], secrets[1:]),
            clock_ms=lambda: 1,
            randomness=Random(seed).randbytes,
        )

    async def ask(self, request: KeyedRequest) -> bytes:
        body = PayPlaytest(order_id="o")
        return (await self._requests.ask(request, body, "order/studio/o", studio_id="studio")).body

    async def stored(self, request: KeyedRequest) -> bytes | None:
        outcome = await self._requests.stored(request)
        return None if outcome is None else outcome.body


async def test_a_repeat_after_the_change_gets_the_first_answer() -> None:
    commands = Commands()
    before, after = Process(commands, 1, b"first"), Process(commands, 2, b"second", b"zeroth", b"first")
    first = await before.ask(asked("a"))
    assert await after.stored(asked("a")) == first
    assert await after.ask(asked("a")) == first
    assert await after.stored(asked("a", "k2")) is None
    assert await after.ask(asked("a", "k2")) != first


async def test_another_body_is_a_conflict_under_whichever_secret() -> None:
    commands = Commands()
    await Process(commands, 1, b"first").ask(asked("a"))
    for secrets in ([b"first"], [b"second", b"first"], [b"second"]):
        after = Process(commands, 2, *secrets)
        with pytest.raises(CommandConflict):
            await after.stored(asked("b"))
        with pytest.raises(CommandConflict):
            await after.ask(asked("b"))


async def test_while_processes_are_replaced_those_that_know_both_secrets_agree() -> None:
    commands = Commands()
    old, new = Process(commands, 1, b"first", b"second"), Process(commands, 2, b"second", b"first")
    first = await new.ask(asked("a"))
    assert await old.ask(asked("a")) == first
    second = await old.ask(asked("a", "k2"))
    assert await new.ask(asked("a", "k2")) == second
