"""The command line as a gateway of the studio noun: commands in, outcomes out, and what is there now.

It appends to the same log as every other gateway and is answered by the same projector.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.clock import now_ms
from deploy.command_clients import open_commands
from projections.redis.client import connect
from projections.studio.directory import MAX_AGE_S
from projections.studio.projection import NOUN, Answer
from projections.studio.queries import StudioQueries
from schemas.edge.ports import KeyKind, StoreUnavailable
from schemas.identifiers import key_hash, key_value, keyed_command_id
from schemas.studio.commands import COMMANDS, CreateKey, DefineStudio, RevokeKey, RotateKey
from schemas.studio.noun import STUDIO_COMMANDS
from streams.asking import CommandBuilder, CommandRefused, succeeded
from streams.gateway.pending_commands import CommandConflict, CommandTooLarge, CommandUnavailable
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from deploy.settings import Settings
    from schemas.codec import Message
    from streams.gateway.commands import CommandClient

CACHES_S: Final = MAX_AGE_S + 0.2
"""After this time no process can still hold a value that was rotated or revoked."""


class Refused(Exception):
    """A command was refused or not answered; the message is for the person at the screen."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just created or rotated. `value` is shown once; only its hash is stored."""

    key_id: str
    kind: str
    value: str


class StudioDesk:
    """Asks for changes of studios and keys. Every method raises Refused or StoreUnavailable."""

    def __init__(self, commands: CommandClient, queries: StudioQueries, secret: bytes) -> None:
        self.queries = queries
        self._commands = commands
        self._builder = CommandBuilder(COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes)
        self._secret = secret

    async def define(self, definition: DefineStudio) -> Answer:
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
        await asyncio.sleep(CACHES_S)
        return NewKey(key_id=key_id, kind=kind, value=value)

    async def revoke_key(self, key_id: str, *, studio_id: str) -> None:
        """End a key. Returns only once its value is refused everywhere."""
        await self._submit(RevokeKey(key_id=key_id), studio_id)
        await asyncio.sleep(CACHES_S)

    async def holds(self, value: str) -> bool:
        """Whether a key's value is valid now."""
        return await self.queries.credential(key_hash(value)) is not None

    async def wait_until_ready(self, seconds: float) -> None:
        """Return once the projection can be read. Raises StoreUnavailable after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                await self.queries.studios()
            except StoreUnavailable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)  # the gate sends no notification: it is polled ten times a second
            else:
                return

    def _command_id(self, idempotency_key: str, game_id: str, studio_id: str, operation: str) -> str:
        """Without an idempotency key a random one."""
        if not idempotency_key:
            return self._builder.new_id()
        return keyed_command_id(
            game_id=game_id, subject=studio_id, operation=operation, idempotency_key=idempotency_key
        )

    async def _submit(
        self, body: Message, studio_id: str, *, game_id: str = "", command_id: str = "", keyed: bool = False
    ) -> Answer:
        command = self._builder.build(
            body,
            aggregate_id=studio_id,
            studio_id=studio_id,
            game_id=game_id,
            command_id=command_id,
            keyed=keyed,
        )
        try:
            outcome = succeeded(await self._commands.submit(command))
        except CommandUnavailable as error:
            raise Refused(
                f"no outcome in time ({error}): it may or may not have happened; try again", 503
            ) from None
        except CommandConflict as error:
            raise Refused(str(error), 409) from None
        except CommandTooLarge as error:
            raise Refused(str(error), 413) from None
        except CommandRefused as error:
            failed = "the decider failed on it: see `questlog dlq list`"
            raise Refused(failed if error.status == 500 else str(error), error.status) from None
        return msgspec.msgpack.decode(outcome.body, type=Answer)


@asynccontextmanager
async def studio_desk(settings: Settings) -> AsyncIterator[StudioDesk]:
    """A desk on the running stack. Raises SettingsError without a deployment secret."""
    secret = settings.deployment_secret()
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        appender = KafkaAppender(settings.kafka, client_id="questlog-cli")
        stack.push_async_callback(appender.stop)
        commands = await open_commands(
            stack, STUDIO_COMMANDS, NOUN, appender=appender, redis=redis, client="cli"
        )
        yield StudioDesk(commands, StudioQueries(redis), secret)
