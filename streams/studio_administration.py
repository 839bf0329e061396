"""Changes of studios and keys, asked of their decider: what `questlog apply` and `questlog keys` do.

The commands go into the same log as every gateway's and are answered by the same projector.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import msgspec

from schemas.codec import Message
from schemas.edge.ports import Credential, KeyKind, Studio
from schemas.identifiers import key_hash, key_value, keyed_command_id
from schemas.studio.answers import StudioAnswer
from schemas.studio.commands import (
    COMMANDS,
    CreateKey,
    DefineStudio,
    ExperimentCommand,
    RevokeKey,
    RotateKey,
)
from streams.asking import Asker, CommandBuilder, Commands, succeeded_or_told


class StudioReads(Protocol):
    """What is there now. Raises StoreUnavailable."""

    async def studio_by_slug(self, slug: str) -> Studio | None:
        """A studio; None where there is none."""
        ...

    async def credential(self, key_hash: str) -> Credential | None:
        """A key's, by `schemas.identifiers.key_hash` of its value; None for an unknown one."""
        ...


ReadsT = TypeVar("ReadsT", bound=StudioReads)


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just created or rotated. `value` is shown once; only its hash is stored."""

    key_id: str
    kind: str
    value: str


class StudioAdministration(Generic[ReadsT]):
    """Asks for changes of studios and keys.

    Every method raises StoreUnavailable, and CommandRefused with a message for a person: its status is 503
    where no outcome came in time: the change may or may not have happened, and can be asked for again.
    """

    def __init__(
        self,
        commands: Commands,
        queries: ReadsT,
        *,
        secret: bytes,
        credentials_age_max_s: float,
        clock_ms: Callable[[], int],
        randomness: Callable[[int], bytes],
        by: str = "",
    ) -> None:
        """`secret` is the deployment's; no process uses a credential that is older than that."""
        self.queries = queries
        self._commands = commands
        self._builder = CommandBuilder(COMMANDS, clock_ms=clock_ms, randomness=randomness, by=by)
        self._clock_ms = clock_ms
        self._randomness = randomness
        self._secret = secret
        self._credentials_age_max_s = credentials_age_max_s

    async def define(self, definition: DefineStudio) -> StudioAnswer:
        """Apply a definition, whole or not at all. Again: nothing changes."""
        studio = await self.queries.studio_by_slug(definition.slug)
        return await self._submit(definition, studio.id if studio else definition.slug)

    async def create_key(
        self,
        kind: KeyKind,
        *,
        studio_id: str,
        game_id: str = "",
        tester_id: str = "",
        name: str = "",
        idempotency_key: str = "",
    ) -> NewKey:
        """Create a key. With an idempotency key, asking again gives the same key and value."""
        operation = f"key-create/{kind}/{tester_id}"
        command_id = self._command_id(idempotency_key, game_id, studio_id, operation)
        value = key_value(self._secret, kind, command_id)
        body = CreateKey(kind=kind, hash=key_hash(value), name=name, game_id=game_id, tester_id=tester_id)
        if idempotency_key:
            held = await self.queries.credential(body.hash)
            if held is not None:  # made before, perhaps longer ago than outcomes are kept
                return NewKey(key_id=held.key_id, kind=held.kind, value=value)
        answer = await self._submit(
            body, studio_id, game_id=game_id, command_id=command_id, keyed=bool(idempotency_key)
        )
        return NewKey(key_id=answer.key_id, kind=kind, value=value)

    async def rotate_key(
        self, key_id: str, *, studio_id: str, kind: KeyKind, idempotency_key: str = ""
    ) -> NewKey:
        """Give a key a new value. Returns only once the old one is refused everywhere."""
        command_id = self._command_id(idempotency_key, "", studio_id, f"key-rotate/{key_id}")
        value = key_value(self._secret, kind, command_id)
        body = RotateKey(key_id=key_id, hash=key_hash(value))
        await self._submit(body, studio_id, command_id=command_id, keyed=bool(idempotency_key))
        await asyncio.sleep(self._credentials_age_max_s)
        return NewKey(key_id=key_id, kind=kind, value=value)

    async def revoke_key(self, key_id: str, *, studio_id: str) -> None:
        """End a key. Returns only once its value is refused everywhere."""
        await self._submit(RevokeKey(key_id=key_id), studio_id)
        await asyncio.sleep(self._credentials_age_max_s)

    async def experiment(self, command: ExperimentCommand, *, studio_id: str) -> StudioAnswer:
        """Change an experiment's life. Readers see it at once, edge processes within a second."""
        return await self._submit(command, studio_id)

    async def ask_about_ai(self, command: Message, *, studio_id: str) -> StudioAnswer:
        """Set, clear or pause a key of an AI provider, or ask a provider something."""
        return await self._submit(command, studio_id)

    def asker(self) -> Asker:
        """What asks without idempotency keys, as process managers do."""
        return Asker(self._commands, COMMANDS, clock_ms=self._clock_ms, randomness=self._randomness)

    async def holds(self, value: str) -> bool:
        """Whether a key's value is valid now."""
        return await self.queries.credential(key_hash(value)) is not None

    def _command_id(self, idempotency_key: str, game_id: str, studio_id: str, operation: str) -> str:
        """Without an idempotency key a random one."""
        if not idempotency_key:
            return self._builder.new_id()
        return keyed_command_id(
            game_id=game_id, subject=studio_id, operation=operation, idempotency_key=idempotency_key
        )

    async def _submit(
        self, body: Message, studio_id: str, *, game_id: str = "", command_id: str = "", keyed: bool = False
    ) -> StudioAnswer:
        command = self._builder.build(
            body,
            aggregate_id=studio_id,
            studio_id=studio_id,
            game_id=game_id,
            command_id=command_id,
            keyed=keyed,
        )
        outcome = await succeeded_or_told(self._commands, command)
        return msgspec.msgpack.decode(outcome.body, type=StudioAnswer)
