"""Builds commands and asks deciders with them: for HTTP writes, process managers and the command line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from schemas.codec import Codec, Message
from schemas.envelope import Command, CommandFailed, CommandRejected, Outcome
from schemas.identifiers import random_command_id
from streams.gateway.pending_commands import CommandConflict, CommandTooLarge, CommandUnavailable

_RANDOM_BYTES: Final = 16


class Commands(Protocol):
    """The command client, as process managers use it."""

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        """The stored outcome. Raises CommandUnavailable, CommandTooLarge, CommandConflict."""
        ...


class CommandRefused(Exception):
    """A decider refused a command, or failed on it (500). `status`, `code` and `field` are the refusal's."""

    def __init__(self, message: str, *, status: int, code: str, field: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field


class CommandBuilder:
    """Builds commands of one noun, whose codec it is given.

    `clock_ms` is unix milliseconds, `randomness` gives so many random bytes. `by` is who asks, where that is
    one for all.
    """

    def __init__(
        self,
        codec: Codec[Any],
        *,
        clock_ms: Callable[[], int],
        randomness: Callable[[int], bytes],
        by: str = "",
    ) -> None:
        self._by = by
        self._codec = codec
        self._clock_ms = clock_ms
        self._randomness = randomness

    def new_id(self) -> str:
        """A command's id that nothing follows from."""
        return random_command_id(self._randomness(_RANDOM_BYTES))

    def build(
        self,
        body: Message,
        *,
        aggregate_id: str,
        studio_id: str,
        game_id: str = "",
        command_id: str = "",
        fingerprint: bytes = b"",
        keyed: bool = False,
        reference: str = "",
        by: str = "",
    ) -> Command:
        """A command, without an id under a new one.

        `keyed` says that the id follows from an idempotency key: its outcome is remembered, and the same id
        with another fingerprint (SHA-256; the body's where none is given) is a conflict. `reference` names
        the definition that is submitted with it.
        """
        encoded = self._codec.encode(body)
        return Command(
            command_id=command_id or self.new_id(),
            type=body.WIRE,
            aggregate_id=aggregate_id,
            studio_id=studio_id,
            game_id=game_id,
            body=encoded,
            at_ms=self._clock_ms(),
            seed=self._randomness(_RANDOM_BYTES),
            fingerprint=fingerprint or hashlib.sha256(body.WIRE.encode() + b"\0" + encoded).digest(),
            keyed=keyed,
            definition=reference,
            by=by or self._by,
        )


class Asker:
    """How a process manager asks: commands without an idempotency key, repeats known by the decider's state.

    A key would be wrong here: a 409 (`window_open`, `out_of_order`) would be remembered for a day, although
    the same question is right a second later. Asking twice is harmless: a marker, a lobby, a chunk and a
    rank's grant each exist once by their own names.
    """

    def __init__(
        self,
        commands: Commands,
        codec: Codec[Any],
        *,
        clock_ms: Callable[[], int],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._commands = commands
        self._builder = CommandBuilder(codec, clock_ms=clock_ms, randomness=randomness)

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

        Raises CommandRefused, and the client's CommandUnavailable where the outcome is unknown: ask again.
        """
        command = self._builder.build(
            body, aggregate_id=aggregate_id, studio_id=studio_id, game_id=game_id, reference=reference
        )
        outcome = await self._commands.submit(command, definition=definition, partition=partition)
        return succeeded(outcome, f"{body.WIRE} to {aggregate_id}: ")


def succeeded(outcome: Outcome, asked: str = "") -> Outcome:
    """The outcome itself. Raises CommandRefused for a refusal or a failure; `asked` begins its text."""
    if outcome.status == 500:
        failed = msgspec.msgpack.decode(outcome.body, type=CommandFailed)
        raise CommandRefused(f"{asked}{failed.error}", status=500, code="failed")
    if outcome.status >= 400:
        refusal = msgspec.msgpack.decode(outcome.body, type=CommandRejected)
        where = f"{refusal.field}: " if refusal.field else ""
        where = f"{asked}{refusal.code}: {where}" if asked else where
        raise CommandRefused(
            f"{where}{refusal.message}",
            status=outcome.status,
            code=refusal.code,
            field=refusal.field or "",
        )
    return outcome


async def succeeded_or_told(commands: Commands, command: Command) -> Outcome:
    """The outcome of a success. Raises CommandRefused with a message for a person, whatever went wrong.

    Its status is 503 where no outcome came in time.
    """
    try:
        return succeeded(await commands.submit(command))
    except CommandUnavailable as error:
        unknown = f"no outcome in time ({error}): it may or may not have happened; try again"
        raise CommandRefused(unknown, status=503, code="unavailable") from None
    except CommandConflict as error:
        raise CommandRefused(str(error), status=409, code="conflict") from None
    except CommandTooLarge as error:
        raise CommandRefused(str(error), status=413, code="too_large") from None
    except CommandRefused as error:
        if error.status == 500:
            failed = "the decider failed on it: see `questlog dlq list`"
            raise CommandRefused(failed, status=500, code=error.code) from None
        raise
