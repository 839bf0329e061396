"""S3's writes: authorize, parse, submit the command, answer in the reference's shape.

Every write is idempotent by its key, in the body or in the `Idempotency-Key` header; where a client sends
none, one is made and returned, so that a lost answer can still be asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused
from schemas.edge.limits import RETRY_AFTER_UNAVAILABLE_S
from schemas.edge.ports import StoreUnavailable
from schemas.edge.routes import Found, Route
from schemas.envelope import Outcome
from schemas.identifiers import id_problem, idempotency_key_problem, key_hash
from schemas.liveops import answers
from schemas.liveops import commands as ask
from schemas.liveops import json as shapes
from schemas.liveops.access import SECRET_AGE_MAX_S, Access, Caller, check_kind
from schemas.liveops.names import player_aggregate
from schemas.liveops.ports import BoardReads, PinReads, PlayerReads
from schemas.liveops.resources import Shape
from streams.gateway.commands import CommandClient
from streams.gateway.http import Request, Response
from streams.gateway.liveops import responses
from streams.gateway.liveops.asking import Asked, Asking
from streams.gateway.liveops.attempt_start import Forming, Starting
from streams.gateway.liveops.bodies import Body, ProgressBody, StartBody, read_as
from streams.gateway.liveops.definitions import Definitions
from streams.gateway.liveops.routes import REGISTER, ROTATE_SECRET, ROUTES
from streams.gateway.liveops.secrets import player_secret, unguessable
from streams.gateway.liveops.window_pins import WindowPins
from streams.gateway.liveops.write_commands import Asker, command_of, operation_of
from streams.gateway.pending_commands import CommandConflict, CommandTooLarge, CommandUnavailable
from streams.gateway.services import Services

CACHES_S: Final = SECRET_AGE_MAX_S + 0.2
"""After this time no process can still take a player secret that was replaced."""
_NONCE_BYTES: Final = 16
_SHOWN_ONCE: Final = (
    "the player was registered under this key, and the secret is shown again only where the key is a random"
    " UUID (version 4 or 7): have the studio's server rotate the secret"
)


class LiveopsWrites:
    """Serves one write at a time for `streams.gateway.app`."""

    routes: Final = ROUTES

    def __init__(
        self,
        services: Services,
        commands: CommandClient,
        players: PlayerReads,
        boards: BoardReads,
        pins: PinReads,
        *,
        secret: bytes,
        randomness: Callable[[int], bytes],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._services = services
        self._players = players
        self._boards = boards
        self._secret = secret
        self._randomness = randomness
        self._sleep = sleep
        self._access = Access(services.credentials, services.limiter, players, time.monotonic)
        self._asking = Asking(commands, clock_ms=services.now_ms, randomness=randomness)
        self._starting = Starting(self._asking, players, WindowPins(pins, commands.partitions))
        self._definitions = Definitions()

    async def __call__(self, request: Request, found: Found) -> Response:
        """The answer, errors included. Only defects are raised."""
        headers: RawHeaders = ()
        try:
            if request.method != "POST":
                allow = b"POST, OPTIONS" if self._services.surfaces.client_safe(request.path) else b"POST"
                raise Refused(405, f"{request.method} is not allowed here", headers=((b"allow", allow),))  # noqa: TRY301
            ip, player = self._services.source_ip(request), found.names["externalId"]
            caller = await self._access.caller(request.raw_headers, ip)
            check_kind(caller, found.route.keys)
            headers = await self._access.count(
                caller, "write", ip=ip, player=player, register=found.route is REGISTER
            )
            _check_names(found)
            await self._access.prove(request.raw_headers, caller, found.route.proof, player)
            body = await self._body(request, found.route, caller)
            asked = self._asked(request, found, caller, body)
            headers = (*headers, (b"idempotency-key", asked.key.encode("ascii")))
            return await self._write(request, found, asked, body, headers)
        except Refused as refused:
            return responses.error_response(refused, headers)
        except Forming as forming:
            return _forming(forming, headers)
        except (CommandConflict, CommandTooLarge, CommandUnavailable, StoreUnavailable) as error:
            return responses.error_response(_refused(error), headers)

    async def _body(self, request: Request, route: Route, caller: Caller) -> Body:
        if route.body is None:
            raise TypeError(f"{route.template} is no write")
        (kind,) = route.body.kinds
        data = await self._services.body(request, route.body.bytes_max, caller.credential.key_id)
        body: Body = read_as(kind, data)
        return body

    async def _write(
        self, request: Request, found: Found, asked: Asked, body: Body, headers: RawHeaders
    ) -> Response:
        route, now_ms = found.route, self._services.now_ms()
        game = asked.caller.game
        resolved = self._definitions.of(game)
        if route in {REGISTER, ROTATE_SECRET}:
            return await self._secrets(request, route, asked, headers)
        if isinstance(body, StartBody):
            event_key = found.names["eventKey"]
            event = resolved.events.get(event_key)
            outcome = await self._starting.start(asked, body, event_key, event, now_ms)
        else:
            command = command_of(found, body, Asker(resolved, asked.caller.is_server))
            outcome = await self._asking.ask(asked, command, player_aggregate(game.id, asked.player))
        responses.raise_refusal(outcome)
        content: Shape
        if isinstance(body, ProgressBody):
            answer = msgspec.msgpack.decode(outcome.body, type=answers.ProgressAnswer)
            rank = await self._boards.rank(game.id, answer.entry.board_id, asked.player)
            content = responses.progress(answer, rank, now_ms)
        else:
            content = responses.shown(route, outcome, now_ms)
        return Response(outcome.status, shapes.encode(content), headers)

    async def _secrets(self, request: Request, route: Route, asked: Asked, headers: RawHeaders) -> Response:
        """Register or rotate: the secret follows from the command's id and is shown in this answer alone.

        A registration under a key that can be guessed gives its secret to the request that made it, and to
        none that repeats it: 409.
        """
        force = route is REGISTER and asked.caller.is_test and _forced(request)
        once = route is REGISTER and not unguessable(asked.key, asked.player)
        nonce = self._randomness(_NONCE_BYTES) if once else b""
        secret = player_secret(self._secret, asked.command_id, nonce)
        command: ask.RegisterPlayer | ask.RotatePlayerSecret = (
            ask.RegisterPlayer(secret_hash=key_hash(secret), force=force)
            if route is REGISTER
            else ask.RotatePlayerSecret(secret_hash=key_hash(secret))
        )
        outcome: Outcome = await self._asking.ask(
            asked, command, player_aggregate(asked.caller.game.id, asked.player)
        )
        responses.raise_refusal(outcome)
        if once:
            row = await self._players.player(asked.caller.game.id, asked.player)
            if row is None or row.secret_hash != key_hash(secret):
                raise Refused(409, _SHOWN_ONCE, reason="secret_shown_once")
        if force or route is ROTATE_SECRET:
            await self._sleep(CACHES_S)  # a replaced secret is refused everywhere once this is answered
        answer = msgspec.msgpack.decode(outcome.body, type=answers.PlayerAnswer)
        return Response(outcome.status, shapes.encode(responses.player(answer, secret)), headers)

    def _asked(self, request: Request, found: Found, caller: Caller, body: Body) -> Asked:
        in_header = _key_header(request)
        in_body = "" if body.idempotency_key is None else _checked_key(body.idempotency_key)
        if in_header and in_body and in_header != in_body:
            message = "the Idempotency-Key header and idempotencyKey in the body differ"
            raise Refused(400, message, field="idempotencyKey")
        given = in_body or in_header
        return Asked(
            caller=caller,
            player=found.names["externalId"],
            operation=operation_of(found, request.scope.get("query_string") or b""),
            key=given or self._asking.new_key(),
            given=bool(given),
            meaning=body,
        )


def _key_header(request: Request) -> str:
    if request.repeated(b"idempotency-key"):
        raise Refused(
            400, "the Idempotency-Key header came twice with different values", field="idempotencyKey"
        )
    value = request.headers.get(b"idempotency-key", b"").decode("latin-1").strip(" \t")
    return _checked_key(value) if value else ""


def _checked_key(value: str) -> str:
    problem = idempotency_key_problem(value)
    if problem is not None:
        raise Refused(400, f"an idempotency key {problem}", field="idempotencyKey")
    return value


def _check_names(found: Found) -> None:
    for name, value in found.names.items():
        problem = id_problem(value)
        if problem is not None:
            raise Refused(400, f"{name} {problem}", field=name)


def _forced(request: Request) -> bool:
    """`?force=true`. Anything that is neither true nor false is 400."""
    query: bytes = request.scope.get("query_string") or b""
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name == b"force":
            text = value.lower()
            if text in {b"true", b"1"}:
                return True
            if text not in {b"false", b"0", b"", b"null"}:
                raise Refused(400, "force must be true or false", field="force")
    return False


def _forming(forming: Forming, headers: RawHeaders) -> Response:
    error = {
        "code": "lobby_forming",
        "message": "the lobby is still forming; poll it until it is active, then start again",
        "details": {"lobbyId": forming.lobby_id, "retryAfterMs": forming.retry_after_ms},
    }
    wait = max(1, -(-forming.retry_after_ms // 1000))
    return Response(202, shapes.encode({"error": error}), (*headers, (b"retry-after", b"%d" % wait)))


def _refused(error: Exception) -> Refused:
    if isinstance(error, CommandConflict):
        return Refused(409, str(error), reason="idempotency_key_reused")
    if isinstance(error, CommandTooLarge):
        return Refused(413, str(error))
    if isinstance(error, CommandUnavailable):
        return _unavailable(error.retry_after_s)
    return _unavailable(RETRY_AFTER_UNAVAILABLE_S)


def _unavailable(retry_after_s: int) -> Refused:
    message = "not available right now; it may or may not have happened: retry with the same Idempotency-Key"
    return Refused(503, message, headers=((b"retry-after", b"%d" % retry_after_s),))
