"""What calls about key batches have in common: limits by address, what is asked of a batch's decider, 503."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from schemas.edge.errors import Refused, retry_after
from schemas.edge.limits import MINUTE_MS, RETRY_AFTER_UNAVAILABLE_S
from schemas.edge.ports import StoreUnavailable
from schemas.edge.proxy import counted_address
from schemas.edge.zod import Issue, issue_of
from schemas.envelope import Outcome
from schemas.log import LogUnavailable
from schemas.playtests.commands import COMMANDS
from schemas.playtests.names import batch_aggregate
from schemas.playtests.ports import RedeemLink
from schemas.telemetry.s1 import json_object
from schemas.telemetry.s1_batch import InvalidBatch
from streams.asking import CommandBuilder
from streams.gateway.commands import CommandClient
from streams.gateway.http import Request
from streams.gateway.pending_commands import CommandConflict, CommandTooLarge, CommandUnavailable
from streams.gateway.refusals import refusal_in
from streams.gateway.services import Services

Body = TypeVar("Body", bound=msgspec.Struct)
CALLS_PER_MINUTE: Final = 20
"""Of one address, to all links together; likewise to claims."""
AWAY: Final = (CommandUnavailable, CommandConflict, CommandTooLarge, StoreUnavailable, LogUnavailable)


class Links:
    """Asks a batch's decider on behalf of who followed a link, or shows a token."""

    def __init__(
        self,
        services: Services,
        commands: CommandClient,
        *,
        randomness: Callable[[int], bytes],
    ) -> None:
        self._services = services
        self._commands = commands
        self._builder = CommandBuilder(COMMANDS, clock_ms=services.now_ms, randomness=randomness)
        self.new_id = self._builder.new_id

    async def ask(
        self,
        link: RedeemLink,
        body: Any,
        *,
        command_id: str = "",
        fingerprint: bytes = b"",
        keyed: bool = False,
    ) -> Outcome:
        """The outcome of a success. Raises `Refused` with the decider's refusal, and one of `AWAY`."""
        command = self._builder.build(
            body,
            aggregate_id=batch_aggregate(link.studio_id, link.game_id, link.batch_id),
            studio_id=link.studio_id,
            game_id=link.game_id,
            command_id=command_id,
            fingerprint=fingerprint,
            keyed=keyed,
        )
        outcome = await self._commands.submit(command)
        refusal = refusal_in(outcome, "internal error")
        if refusal is None:
            return outcome
        raise Refused(outcome.status, refusal.message, code=refusal.code)

    async def count(self, request: Request, what: str, limit: float = CALLS_PER_MINUTE) -> None:
        """Count a call of this address. Raises `Refused` (429)."""
        bucket = f"{what}:{counted_address(self._services.source_ip(request))}"
        verdict = await self._services.limiter.take(bucket, limit=limit, period_ms=MINUTE_MS)
        if not verdict.allowed:
            wait = retry_after(verdict.retry_after_ms)
            raise Refused(
                429,
                f"Try again in {wait} s.",
                headers=((b"retry-after", wait.encode()),),
                retryAfterMs=verdict.retry_after_ms,
                scope="ip",
            )


def check_method(request: Request, *allowed: str) -> None:
    """Raises `Refused` (405)."""
    if request.method not in allowed:
        names = ", ".join((*allowed, "OPTIONS"))
        raise Refused(405, f"{request.method} is not allowed here", headers=((b"allow", names.encode()),))


def decoded(data: bytes, kind: type[Body]) -> Body:
    """A JSON object of a kind. Raises `Refused` (400) in S1's words."""
    try:
        return msgspec.convert(json_object(data), kind)
    except msgspec.ValidationError as error:
        issues = [issue_of(error, [])]
    except InvalidBatch as invalid:
        issues = invalid.issues
    raise not_right(issues[0].message, issues)


def not_right(message: str, issues: Sequence[Issue]) -> Refused:
    """400; pages show the message."""
    return Refused(400, message, issues=msgspec.to_builtins(issues))


def unavailable() -> Refused:
    """What became of it is not known: one of `AWAY` was raised."""
    return Refused(
        503,
        "It may or may not have happened: try again.",
        headers=((b"retry-after", b"%d" % RETRY_AFTER_UNAVAILABLE_S),),
    )
