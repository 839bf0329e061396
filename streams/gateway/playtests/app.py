"""S2's writes: authorize, parse, submit the command, answer in the reference's shape.

Every write is idempotent by its `Idempotency-Key`; where a client sends none, one is made and returned, so
that a lost answer can still be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from schemas.edge.authentication import Ambiguous, bearer
from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused
from schemas.edge.limited import Limited
from schemas.edge.routes import Found, Route
from schemas.edge.session_keys import SessionKeys
from schemas.playtests import json as shapes
from schemas.playtests.access import Access, Caller
from schemas.playtests.bodies import ProviderEventBody
from schemas.playtests.owner_routes import PROVIDER_EVENT, TRIALS
from schemas.playtests.requests import not_found, path_id, request_id
from schemas.playtests.route_parts import operation
from schemas.playtests.routes import WRITES, allowed
from schemas.playtests.validation import Fields, Problems, read_body, read_idempotency_key
from schemas.webhooks import SIGNATURE_HEADER
from streams.gateway.commands import CommandClient
from streams.gateway.http import Request, Response
from streams.gateway.keyed_requests import AWAY, refused_by
from streams.gateway.playtests.asking import Asking
from streams.gateway.playtests.handlers import Handlers
from streams.gateway.playtests.keyless import is_signed, is_token
from streams.gateway.playtests.write import Stores, Write
from streams.gateway.playtests.write_commands import operation_of
from streams.gateway.services import Services

_SIGNATURE: Final = SIGNATURE_HEADER.lower().encode()


class PlaytestWrites:
    """Serves one write at a time for `streams.gateway.app`.

    `operator_token` and `payments_secret` may be empty: their routes are 404 then. `transcribes` says that
    the deployment has a transcriber. `session_keys` lets the dashboard's sessions act for their studios.
    """

    routes: Sequence[Route] = WRITES

    def __init__(
        self,
        services: Services,
        commands: CommandClient,
        stores: Stores,
        *,
        randomness: Callable[[int], bytes],
        operator_token: str = "",
        payments_secret: str = "",
        transcribes: bool = False,
        session_keys: SessionKeys | None = None,
    ) -> None:
        self._services = services
        self._reads = stores.reads
        self._operator_token = operator_token
        self._payments_secret = payments_secret
        self._access = Access(services.directory, services.limiter, services.now_ms, session_keys)
        self._asking = Asking(commands, stores.sealer, clock_ms=services.now_ms, randomness=randomness)
        self._handlers = Handlers(
            self._asking,
            services.directory,
            stores,
            now_ms=services.now_ms,
            randomness=randomness,
            transcribes=transcribes,
        )

    async def __call__(self, request: Request, found: Found) -> Response:
        """The answer, errors included. Only defects are raised."""
        name = request_id(request.raw_headers)
        request.id = name.encode()
        limited = Limited()
        made: RawHeaders = ()
        try:
            caller, data = await self._enter(request, found, limited)
            key, body = await self._services.validated(
                lambda: _read(request, found.route, data), data, limited.charge
            )
            if not caller.key_id:
                caller = await self._on_behalf(found, body)
            path = await self._path(caller, found)
            asked = self._asking.asked(caller, operation_of(operation(found.route), path), key, body)
            made = ((b"idempotency-key", asked.key.encode("ascii")),)
            write = Write(asked=asked, route=found.route, path=path, body=body)
            status, shown = await self._handlers(write)
        except Refused as refused:
            return self._refusal(refused, name, (*limited.headers, *made))
        except AWAY as error:
            return self._refusal(
                refused_by(error, mismatch="IDEMPOTENCY_MISMATCH"), name, (*limited.headers, *made)
            )
        content = shapes.enveloped(shown, shapes.about(name, self._services.now_ms()))
        return Response(status, content, (*limited.headers, *made))

    async def _enter(self, request: Request, found: Found, limited: Limited) -> tuple[Caller, bytes]:
        """Who calls, and the body. Raises `Refused`: 401, 429, 403, 405, 413."""
        route, ip = found.route, self._services.source_ip(request)
        if request.method != route.method:
            await self._access.enter(request.raw_headers, ip, (), limited)
            allow = ((b"allow", allowed(request.scope).encode()),)
            raise Refused(405, f"{request.method} is not allowed here", headers=allow)
        if route.keys:
            caller = await self._access.enter(request.raw_headers, ip, route.keys, limited)
        else:
            caller = await self._enter_keyless(request, route, ip, limited)
        if route.body is None:
            raise TypeError(f"{route.template} is no write")
        data = await self._services.body(request, route.body.bytes_max, caller.key_id or "keyless")
        if route is PROVIDER_EVENT:
            signature = request.headers.get(_SIGNATURE, b"").decode("latin-1")
            if not is_signed(signature, data, self._payments_secret, self._services.now_ms() // 1000):
                raise await self._access.unknown(ip, limited, "the signature is not valid, or too old")
        return caller, data

    async def _enter_keyless(self, request: Request, route: Route, ip: str, limited: Limited) -> Caller:
        if not (self._operator_token if route in TRIALS else self._payments_secret):
            await self._access.count_address(ip, limited)
            raise not_found()
        if route in TRIALS:
            try:
                presented = bearer(request.raw_headers)
            except Ambiguous:
                presented = ""
            if not is_token(presented, self._operator_token):
                raise await self._access.unknown(ip, limited, "the operator's token is missing or another")
        await self._access.count_address(ip, limited)
        return Caller("")

    async def _on_behalf(self, found: Found, body: Fields) -> Caller:
        """The studio whose order or payment it is about. Raises `Refused` (404)."""
        if isinstance(body, ProviderEventBody):
            payment = await self._reads.payment(body.payment_id)
            studio_id = "" if payment is None else payment.studio_id
        else:
            row = await self._reads.order(path_id(found.names["playtestId"]))
            studio_id = "" if row is None else row.order.studio_id
        if not studio_id:
            raise not_found()
        return Caller(studio_id)

    async def _path(self, caller: Caller, found: Found) -> Mapping[str, str]:
        """What the path names, a game by its id: under its slug it is the same. Raises `Refused` (404)."""
        name = found.names.get("gameId")
        if name is None:
            return found.names
        directory = self._services.directory
        game = await directory.game_by_slug(caller.studio_id, name) or await directory.game(name)
        if game is None or game.studio_id != caller.studio_id:
            raise not_found()
        return {"gameId": game.id}

    def _refusal(self, refused: Refused, name: str, headers: RawHeaders) -> Response:
        body = shapes.refused(refused, name, self._services.now_ms())
        return Response(refused.status, body, (*refused.headers, *headers))


def _read(request: Request, route: Route, data: bytes) -> tuple[str, Fields]:
    """The idempotency key and the body. Raises `Refused` (400, 422)."""
    problems: Problems = {}
    key = read_idempotency_key(
        [value for header, value in request.raw_headers if header == b"idempotency-key"], problems
    )
    return key, read_body(_kind(route), data, problems)


def _kind(route: Route) -> type[Fields]:
    if route.body is None:
        raise TypeError(f"{route.template} is no write")
    kind: type[Fields] = route.body.kinds[0]
    return kind
