"""From a write to its command: who is meant, under which id, with what meaning."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec

from schemas.codec import Message
from schemas.envelope import Outcome
from schemas.identifiers import keyed_command_id
from schemas.liveops.access import Caller
from schemas.liveops.commands import COMMANDS
from schemas.liveops.definitions import ResolvedEvent
from streams.asking import CommandBuilder
from streams.gateway.commands import CommandClient

_canonical: Final = msgspec.msgpack.Encoder(order="deterministic")


class Asked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One write as it is asked for."""

    caller: Caller
    player: str
    operation: str
    """The operation with its path ids: a key used on two paths makes two commands."""
    key: str
    """The client's idempotency key, or the one made for it."""
    given: bool
    """Whether the client gave it: only then can the command have been decided before."""
    meaning: msgspec.Struct
    """The body. Its idempotency key is not part of what it means."""

    @property
    def command_id(self) -> str:
        """The same request, the same command, through whichever gateway."""
        return keyed_command_id(
            game_id=self.caller.game.id,
            subject=self.player,
            operation=self.operation,
            idempotency_key=self.key,
        )

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of what is asked: the same key with another one is a conflict."""
        fields = msgspec.structs.asdict(self.meaning)
        fields.pop("idempotency_key", None)
        return hashlib.sha256(self.operation.encode() + b"\0" + _canonical.encode(fields)).digest()


class Asking:
    """Asks liveops' deciders. `clock_ms` is unix milliseconds, `randomness` gives so many random bytes."""

    def __init__(
        self, commands: CommandClient, *, clock_ms: Callable[[], int], randomness: Callable[[int], bytes]
    ) -> None:
        self._commands = commands
        self._builder = CommandBuilder(COMMANDS, clock_ms=clock_ms, randomness=randomness)

    def new_key(self) -> str:
        """An idempotency key for a client that sent none."""
        return self._builder.new_id()

    async def stored(self, asked: Asked, aggregate_id: str) -> Outcome | None:
        """The outcome of an earlier request with the same key; None where there is none yet.

        Raises CommandConflict for another body, CommandUnavailable where it can't be known.
        """
        if not asked.given:
            return None
        game_id = asked.caller.game.id
        return await self._commands.stored(aggregate_id, asked.command_id, asked.fingerprint, game_id=game_id)

    async def ask(
        self, asked: Asked, body: Message, aggregate_id: str, *, event: ResolvedEvent | None = None
    ) -> Outcome:
        """The outcome of a keyed command, this one's or the first one's. Raises as the client does."""
        command = self._builder.build(
            body,
            aggregate_id=aggregate_id,
            studio_id=asked.caller.game.studio_id,
            game_id=asked.caller.game.id,
            command_id=asked.command_id,
            fingerprint=asked.fingerprint,
            keyed=True,
            reference=event.reference if event else "",
        )
        return await self._commands.submit(
            command, definition=event.encoded if event else b"", fresh=not asked.given
        )

    async def anew(self, asked: Asked, body: Message, aggregate_id: str, event: ResolvedEvent) -> Outcome:
        """The outcome of a command that leads up to the one that is asked for: a join, a window's opening.

        Never keyed: a join's answer changes until the lobby is full, and a refusal holds for a moment only.
        """
        command = self._builder.build(
            body,
            aggregate_id=aggregate_id,
            studio_id=asked.caller.game.studio_id,
            game_id=asked.caller.game.id,
            reference=event.reference,
        )
        return await self._commands.submit(command, definition=event.encoded)
