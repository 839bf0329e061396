"""S1's one write with a management key: messages of Discord threads, asked of the studio decider.

Source: the S1 reference and contract/analytics.md. The key travels in the URL, so nothing here names a query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from schemas.edge.errors import Refused
from schemas.edge.limits import RETRY_AFTER_UNAVAILABLE_S
from schemas.edge.routes import Found, Route
from schemas.envelope import Outcome
from schemas.studio.commands import COMMANDS, TakeDiscordMessages
from schemas.studio.discord import APPENDS_WITHIN_MS, DiscordAnswer
from schemas.telemetry.access import ManagementAccess, rate_limited, studio_game
from schemas.telemetry.errors import S1Text
from schemas.telemetry.s1_batch import InvalidBatch
from schemas.telemetry.s1_discord import BODY_BYTES_MAX, validate_discord
from streams.asking import CommandBuilder
from streams.gateway.commands import CommandClient
from streams.gateway.discord_routes import ROUTES, Ingested
from streams.gateway.http import Request, Response, json_response
from streams.gateway.pending_commands import CommandTooLarge, CommandUnavailable
from streams.gateway.refusals import refusal_in
from streams.gateway.services import Services

_answer: Final = msgspec.msgpack.Decoder(DiscordAnswer)


class DiscordWrites:
    """Serves the route for `streams.gateway.app`. `randomness` gives so many random bytes."""

    routes: Sequence[Route] = ROUTES

    def __init__(
        self, services: Services, commands: CommandClient, *, randomness: Callable[[int], bytes]
    ) -> None:
        self._services = services
        self._commands = commands
        self._access = ManagementAccess(services.directory, services.limiter)
        self._builder = CommandBuilder(COMMANDS, clock_ms=services.now_ms, randomness=randomness)

    async def __call__(self, request: Request, found: Found) -> Response:
        """The answer. Raises `Refused`, StoreUnavailable."""
        if request.method != found.route.method:
            raise Refused(405, f"{request.method} is not allowed here", headers=((b"allow", b"POST"),))
        services = self._services
        key = _key(request.scope["query_string"])
        caller = await self._access.enter(key, services.source_ip(request))
        data = await services.body(request, BODY_BYTES_MAX, caller.key_id)
        try:
            call, messages = validate_discord(data, services.now_ms())
        except InvalidBatch as error:
            raise Refused(400, S1Text.INVALID, issues=msgspec.to_builtins(error.issues)) from None
        studio_id = caller.studio.id
        game = await studio_game(services.game, services.directory, studio_id, call.game)
        if game is None:
            raise Refused(400, S1Text.UNKNOWN_GAME, code=S1Text.UNKNOWN_GAME)
        command = self._builder.build(
            TakeDiscordMessages(
                channel_id=call.channel_id,
                thread_id=call.thread_id or "",
                title=call.title or "",
                build=call.build or "",
                messages=messages,
            ),
            aggregate_id=studio_id,
            studio_id=studio_id,
            game_id=game.id,
        )
        try:
            outcome = await self._commands.submit(command)
        except CommandTooLarge as error:
            raise Refused(413, str(error)) from None
        except CommandUnavailable as error:
            raise _unavailable(error.retry_after_s) from None
        return self._answered(outcome)

    def _answered(self, outcome: Outcome) -> Response:
        refusal = refusal_in(outcome, "internal error")
        if refusal is None:
            answer = _answer.decode(outcome.body)
            ingested = Ingested(answer.sessions_created, answer.messages_ingested)
            return json_response(outcome.status, ingested)
        if outcome.status == 429:
            begun_ms = self._services.now_ms() % APPENDS_WITHIN_MS
            raise rate_limited(2 * APPENDS_WITHIN_MS - begun_ms, "key")
        if outcome.status == 404:
            raise Refused(400, refusal.message, code=S1Text.UNKNOWN_GAME)
        raise _unavailable(RETRY_AFTER_UNAVAILABLE_S)  # it came too late to the decider: it did not happen


def _key(query: bytes) -> str:
    """The key of the URL; empty where there is none, or two that differ."""
    keys = {value for name, value in parse_qsl(query.decode("latin-1")) if name == "key"}
    return keys.pop() if len(keys) == 1 else ""


def _unavailable(retry_after_s: int) -> Refused:
    return Refused(
        503,
        "not available right now; whether it happened is not known, send the same again",
        headers=((b"retry-after", b"%d" % retry_after_s),),
    )
