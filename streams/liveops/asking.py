"""How a process manager asks: commands without an idempotency key, repeats known by the decider's state.

A key would be wrong here: a 409 (`window_open`, `out_of_order`) would be remembered for a day, although the
same question is right a second later. Asking twice is harmless: a marker, a lobby, a chunk and a rank's grant
each exist once by their own names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from schemas.codec import Message
from schemas.envelope import Command, CommandFailed, CommandRejected, Outcome
from schemas.identifiers import random_command_id
from schemas.liveops.commands import COMMANDS

_RANDOM_BYTES: Final = 16


class Commands(Protocol):
    """The command client, as process managers use it."""

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        """The stored outcome. Raises CommandUnavailable, CommandTooLarge, CommandConflict."""
        ...


class Refused(Exception):
    """A decider refused a command, or failed on it (500). `status` and `code` are the refusal's."""

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Asker:
    """Submits liveops commands. `clock_ms` is unix milliseconds, `randomness` gives so many random bytes."""

    def __init__(
        self, commands: Commands, *, clock_ms: Callable[[], int], randomness: Callable[[int], bytes]
    ) -> None:
        self._commands = commands
        self._clock_ms = clock_ms
        self._randomness = randomness

    async def ask(
        self,
        body: Message,
        *,
        aggregate_id: str,
        studio_id: str,
        game_id: str,
        reference: str = "",
        definition: bytes = b"",
        partition: int | None = None,
    ) -> Outcome:
        """The outcome of a success, which its projection has already applied.

        Raises Refused, and the client's CommandUnavailable where the outcome is unknown: ask again.
        """
        encoded = COMMANDS.encode(body)
        command = Command(
            command_id=random_command_id(self._randomness(_RANDOM_BYTES)),
            type=body.WIRE,
            aggregate_id=aggregate_id,
            studio_id=studio_id,
            game_id=game_id,
            body=encoded,
            at_ms=self._clock_ms(),
            seed=self._randomness(_RANDOM_BYTES),
            fingerprint=hashlib.sha256(body.WIRE.encode() + b"\0" + encoded).digest(),
            keyed=False,
            definition=reference,
        )
        outcome = await self._commands.submit(command, definition=definition, partition=partition)
        if outcome.status == 500:
            failed = msgspec.msgpack.decode(outcome.body, type=CommandFailed)
            raise Refused(f"{body.WIRE} to {aggregate_id}: {failed.error}", status=500, code="failed")
        if outcome.status >= 400:
            refusal = msgspec.msgpack.decode(outcome.body, type=CommandRejected)
            raise Refused(
                f"{body.WIRE} to {aggregate_id}: {refusal.code}: {refusal.message}",
                status=outcome.status,
                code=refusal.code,
            )
        return outcome
