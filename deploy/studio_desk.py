"""The command line as a gateway of the studio noun: commands in, outcomes out, and what is there now.

It appends to the same log as every other gateway and is answered by the same projector.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from projections.redis.client import connect
from projections.redis.outcomes import RedisOutcomes
from projections.studio.directory import MAX_AGE_S
from projections.studio.projection import NOUN, Answer
from projections.studio.queries import StudioQueries
from schemas.edge.ports import KeyKind, StoreUnavailable
from schemas.envelope import Command, CommandRejected
from schemas.identifiers import key_hash, key_value, keyed_command_id, random_command_id
from schemas.studio.commands import COMMANDS, CreateKey, DefineStudio, RevokeKey, RotateKey
from schemas.topics import STUDIO_COMMANDS
from streams.gateway.commands import CommandClient
from streams.gateway.pending_commands import CommandConflict, CommandTooLarge, CommandUnavailable
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from deploy.settings import Settings
    from schemas.codec import Message

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


class _Id(msgspec.Struct, frozen=True):
    """A command's id, and whether its client may ask for it again."""

    text: str
    keyed: bool

    @classmethod
    def new(
        cls, idempotency_key: str = "", game_id: str = "", studio_id: str = "", operation: str = ""
    ) -> _Id:
        """Without an idempotency key a random one."""
        if not idempotency_key:
            return cls(random_command_id(secrets.token_bytes(16)), keyed=False)
        text = keyed_command_id(
            game_id=game_id, subject=studio_id, operation=operation, idempotency_key=idempotency_key
        )
        return cls(text, keyed=True)


class StudioDesk:
    """Asks for changes of studios and keys. Every method raises Refused or StoreUnavailable."""

    def __init__(self, commands: CommandClient, queries: StudioQueries, secret: bytes) -> None:
        self.queries = queries
        self._commands = commands
        self._secret = secret

    async def define(self, definition: DefineStudio) -> Answer:
        """Apply a definition, whole or not at all. Again: nothing changes."""
        studio = await self.queries.studio_by_slug(definition.slug)
        return await self._submit(definition, studio.id if studio else definition.slug, _Id.new())

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
        command = _Id.new(idempotency_key, game_id, studio_id, operation)
        value = key_value(self._secret, kind, command.text)
        body = CreateKey(kind=kind, hash=key_hash(value), name=name, game_id=game_id, tester_id=tester_id)
        if idempotency_key:
            held = await self.queries.credential(body.hash)
            if held is not None:  # made before, perhaps longer ago than outcomes are kept
                return NewKey(key_id=held.key_id, kind=held.kind, value=value)
        answer = await self._submit(body, studio_id, command, game_id)
        return NewKey(key_id=answer.key_id, kind=kind, value=value)

    async def rotate_key(
        self, key_id: str, *, studio_id: str, kind: KeyKind, idempotency_key: str = ""
    ) -> NewKey:
        """Give a key a new value. Returns only once the old one is refused everywhere."""
        command = _Id.new(idempotency_key, "", studio_id, f"key-rotate/{key_id}")
        value = key_value(self._secret, kind, command.text)
        await self._submit(RotateKey(key_id=key_id, hash=key_hash(value)), studio_id, command)
        await asyncio.sleep(CACHES_S)
        return NewKey(key_id=key_id, kind=kind, value=value)

    async def revoke_key(self, key_id: str, *, studio_id: str) -> None:
        """End a key. Returns only once its value is refused everywhere."""
        await self._submit(RevokeKey(key_id=key_id), studio_id, _Id.new())
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

    async def _submit(self, body: Message, studio_id: str, command: _Id, game_id: str = "") -> Answer:
        encoded = COMMANDS.encode(body)
        envelope = Command(
            command_id=command.text,
            type=body.WIRE,
            aggregate_id=studio_id,
            studio_id=studio_id,
            game_id=game_id,
            body=encoded,
            at_ms=_now_ms(),
            seed=secrets.token_bytes(16),
            fingerprint=hashlib.sha256(body.WIRE.encode() + b"\0" + encoded).digest(),
            keyed=command.keyed,
        )
        return await self._answer(envelope)

    async def _answer(self, command: Command) -> Answer:
        try:
            outcome = await self._commands.submit(command)
        except CommandUnavailable as error:
            raise Refused(
                f"no outcome in time ({error}): it may or may not have happened; try again", 503
            ) from None
        except CommandConflict as error:
            raise Refused(str(error), 409) from None
        except CommandTooLarge as error:
            raise Refused(str(error), 413) from None
        if outcome.status == 200:
            return msgspec.msgpack.decode(outcome.body, type=Answer)
        if outcome.status == 500:
            raise Refused("the decider failed on it: see `questlog dlq list`", 500)
        refusal = msgspec.msgpack.decode(outcome.body, type=CommandRejected)
        where = f"{refusal.field}: " if refusal.field else ""
        raise Refused(f"{where}{refusal.message}", refusal.status)


@asynccontextmanager
async def studio_desk(settings: Settings) -> AsyncIterator[StudioDesk]:
    """A desk on the running stack. Raises SettingsError without a deployment secret."""
    secret = settings.deployment_secret()
    redis = connect(settings.redis_url)
    appender = KafkaAppender(settings.kafka, client_id="questlog-cli")
    commands = CommandClient(
        topic=STUDIO_COMMANDS,
        appender=appender,
        answers=RedisOutcomes(redis, NOUN),
        gateway_id=f"cli-{uuid.uuid4().hex}",
        new_record_id=lambda: uuid.uuid4().hex,
    )
    try:
        await commands.start()
        yield StudioDesk(commands, StudioQueries(redis), secret)
    finally:
        await commands.stop()
        await appender.stop()
        await redis.aclose()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
