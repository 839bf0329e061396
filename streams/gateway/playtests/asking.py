"""From one of S2's writes to its command: who is meant, beside what every keyed request says."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from schemas.codec import Message
from schemas.envelope import Outcome
from schemas.operations import principal_of_key
from schemas.playtests.access import Caller
from schemas.playtests.commands import COMMANDS
from schemas.seal import Sealer
from streams.gateway.commands import CommandClient
from streams.gateway.keyed_requests import KeyedRequest, KeyedRequests


class Asked(KeyedRequest, frozen=True, kw_only=True, gc=False):
    """One write as it is asked for. A playtester has keys of their own, an owner the studio's."""

    caller: Caller


class Asking:
    """Asks playtests' decider. `clock_ms` is unix milliseconds, `randomness` gives so many random bytes."""

    def __init__(
        self,
        commands: CommandClient,
        sealer: Sealer,
        *,
        clock_ms: Callable[[], int],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._requests = KeyedRequests(commands, COMMANDS, sealer, clock_ms=clock_ms, randomness=randomness)
        self.fingerprints = self._requests.fingerprints
        self.stored = self._requests.stored

    def asked(self, caller: Caller, operation: str, key: str, body: msgspec.Struct) -> Asked:
        """A write under its key; one is made where the client gave none."""
        return Asked(
            caller=caller,
            scope=caller.studio_id,
            subject=caller.playtester_id,
            operation=operation,
            key=key or self._requests.new_key(),
            given=bool(key),
            body=body,
            by=principal_of_key(caller.key_id),
        )

    async def ask(self, asked: Asked, body: Message, aggregate_id: str, *, game_id: str = "") -> Outcome:
        """The outcome of a keyed command, this one's or the first one's. Raises as the client does."""
        studio_id = asked.caller.studio_id
        return await self._requests.ask(asked, body, aggregate_id, studio_id=studio_id, game_id=game_id)
