"""From a keyed write to its command: under which id, with what meaning. For nouns whose bodies hold secrets.

A retry under the same idempotency key makes the same command; with another body it is a mismatch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from schemas.codec import Codec, Message
from schemas.edge.errors import Refused
from schemas.edge.limits import RETRY_AFTER_UNAVAILABLE_S
from schemas.edge.ports import StoreUnavailable
from schemas.envelope import Outcome
from schemas.identifiers import keyed_command_id
from schemas.objects import ObjectStoreError
from schemas.seal import Sealer
from streams.asking import CommandBuilder
from streams.gateway.commands import CommandClient
from streams.gateway.pending_commands import (
    OTHER_BODY,
    CommandConflict,
    CommandTooLarge,
    CommandUnavailable,
)

AWAY: Final = (CommandConflict, CommandTooLarge, CommandUnavailable, StoreUnavailable, ObjectStoreError)
"""What a keyed write may meet. `refused_by` says what is answered then."""
_UNAVAILABLE: Final = (
    "not available right now; it may or may not have happened: retry with the same Idempotency-Key"
)
_canonical: Final = msgspec.msgpack.Encoder(order="deterministic")


class KeyedRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One write as it is asked for."""

    scope: str
    """Whose keys it shares, which its partition follows from as well: a studio or a game."""
    subject: str = ""
    """Who asks in there, where each has keys of their own."""
    operation: str
    """The operation with its path ids: a key used on two paths makes two commands."""
    key: str
    """The client's idempotency key, or the one made for it."""
    given: bool
    """Whether the client gave it: only then can the command have been decided before."""
    body: msgspec.Struct
    """With the operation, what is asked: the same key with another one is a mismatch."""
    by: str = ""
    """Who asks, as `questlog audit` shows it."""

    @property
    def command_id(self) -> str:
        """The same request, the same command, through whichever gateway."""
        return keyed_command_id(
            game_id=self.scope, subject=self.subject, operation=self.operation, idempotency_key=self.key
        )


class KeyedRequests:
    """Asks a noun's decider. `clock_ms` is unix milliseconds, `randomness` gives so many random bytes."""

    def __init__(
        self,
        commands: CommandClient,
        codec: Codec[Any],
        sealer: Sealer,
        *,
        clock_ms: Callable[[], int],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._commands = commands
        self._sealer = sealer
        self._builder = CommandBuilder(codec, clock_ms=clock_ms, randomness=randomness)

    def new_key(self) -> str:
        """The key of a request that came without one."""
        return self._builder.new_id()

    def fingerprints(self, asked: KeyedRequest) -> list[bytes]:
        """Of what is asked. Bodies hold secrets and are short: what the log has of one is a keyed hash.

        One under each known secret, the current one's first: an answer given before a change is known again.
        """
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(asked.body).items()
            if not isinstance(value, msgspec.UnsetType)
        }
        meaning = f"{asked.operation}\0{_canonical.encode(fields).hex()}"
        return [bytes.fromhex(one) for one in self._sealer.fingerprints(asked.scope, "request", meaning)]

    async def stored(self, asked: KeyedRequest) -> Outcome | None:
        """The outcome of an earlier request with the same key; None where there is none yet.

        Raises CommandConflict for another body, CommandUnavailable where it can't be known.
        """
        if not asked.given:
            return None
        current, *former = self.fingerprints(asked)
        try:
            return await self._commands.stored(asked.scope, asked.command_id, current)
        except CommandConflict:
            return await self._before(asked, former)

    async def ask(
        self, asked: KeyedRequest, body: Message, aggregate_id: str, *, studio_id: str, game_id: str = ""
    ) -> Outcome:
        """The outcome of a keyed command, this one's or the first one's. Raises as the client does."""
        current, *former = self.fingerprints(asked)
        command = self._builder.build(
            body,
            aggregate_id=aggregate_id,
            studio_id=studio_id,
            game_id=game_id,
            command_id=asked.command_id,
            fingerprint=current,
            keyed=True,
            by=asked.by,
        )
        try:
            return await self._commands.submit(command, fresh=not asked.given)
        except CommandConflict:
            outcome = await self._before(asked, former)
            if outcome is None:
                raise
            return outcome

    async def _before(self, asked: KeyedRequest, former: list[bytes]) -> Outcome | None:
        """The outcome under a former secret. Raises CommandConflict where it is of another body."""
        for fingerprint in former:
            with contextlib.suppress(CommandConflict):
                return await self._commands.stored(asked.scope, asked.command_id, fingerprint)
        raise CommandConflict(OTHER_BODY)


def refused_by(error: Exception, *, mismatch: str) -> Refused:
    """What a keyed write is refused with that met one of `AWAY`.

    `mismatch` is the surface's code for a key that was used with another body.
    """
    if isinstance(error, CommandConflict):
        return Refused(422, str(error), code=mismatch)
    if isinstance(error, CommandTooLarge):
        return Refused(413, str(error))
    wait = error.retry_after_s if isinstance(error, CommandUnavailable) else RETRY_AFTER_UNAVAILABLE_S
    return Refused(503, _UNAVAILABLE, headers=((b"retry-after", b"%d" % wait),))
