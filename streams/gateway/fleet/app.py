"""S5's writes: authorize, read, submit the command, answer in the reference's shape.

Every write is idempotent by its `Idempotency-Key`; where a client sends none, one is made and returned, so
that a lost answer can still be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from msgspec.structs import replace

from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused, error_body
from schemas.edge.limited import Limited
from schemas.edge.routes import Found, Route
from schemas.edge.session_keys import SessionKeys
from schemas.edge.zod import not_an_option
from schemas.fleet.access import SERVER, Access, Caller
from schemas.fleet.bodies import StatusBody
from schemas.fleet.commands import COMMANDS
from schemas.fleet.errors import S5
from schemas.fleet.limits import BODY_BYTES_MAX
from schemas.fleet.routes import V2, WRITES, allowed, find_write, operation, with_slashes
from schemas.fleet.validation import Fields, read_body, read_idempotency_key, read_query, refuse
from schemas.operations import principal_of_key
from streams.gateway.commands import CommandClient
from streams.gateway.fleet.handlers import Handlers, Stores
from streams.gateway.fleet.writes import ProcessFields, StopFields, UploadFields, Write
from streams.gateway.http import Request, Response, json_response
from streams.gateway.keyed_requests import AWAY, KeyedRequest, KeyedRequests, refused_by
from streams.gateway.services import Services

_QUERIES: Final[dict[str, type[Fields]]] = {
    "stop_server": StopFields,
    "upload_url": UploadFields,
    "process_build": ProcessFields,
}
"""What the query of a write says, where it has no body."""


_SERVER_STATUSES: Final[dict[str, Literal["running", "stopped"]]] = {
    "running": "running",
    "stopped": "stopped",
}


class FleetWrites:
    """Serves one write at a time for `streams.gateway.app`."""

    routes: Sequence[Route] = with_slashes({route.template: route for route in WRITES}.values())
    """One for each path: which method it takes is asked after the key."""

    def __init__(
        self,
        services: Services,
        commands: CommandClient,
        stores: Stores,
        *,
        randomness: Callable[[int], bytes],
        session_keys: SessionKeys | None = None,
    ) -> None:
        """`session_keys` lets the dashboard's sessions act for their studios."""
        self._services = services
        self._access = Access(services.directory, services.limiter, services.now_ms, session_keys)
        self._requests = KeyedRequests(
            commands, COMMANDS, stores.sealer, clock_ms=services.now_ms, randomness=randomness
        )
        self._handlers = Handlers(
            self._requests, stores, now_ms=services.now_ms, randomness=randomness
        ).by_operation

    async def __call__(self, request: Request, found: Found) -> Response:
        """The answer, errors included. Only defects are raised."""
        del found  # of another method, perhaps
        limited = Limited()
        made: RawHeaders = ()
        try:
            ip = self._services.source_ip(request)
            caller = await self._access.enter(request.raw_headers, ip, request.method, SERVER, limited)
            wanted = _wanted(request)
            data = await self._services.body(request, BODY_BYTES_MAX, caller.key_id)
            write = await self._services.validated(
                lambda: self._read(request, wanted, caller, data), data, limited.charge
            )
            made = ((b"idempotency-key", write.asked.key.encode("ascii")),)
            body = await self._handlers[operation(wanted.route)](write)
        except Refused as refused:
            return self._refusal(refused, (*limited.headers, *made))
        except AWAY as error:
            return self._refusal(
                refused_by(error, mismatch="idempotency_mismatch"), (*limited.headers, *made)
            )
        return Response(wanted.route.answers[0].status, body, (*limited.headers, *made))

    def _read(self, request: Request, wanted: Found, caller: Caller, data: bytes) -> Write:
        """The write as it is asked for. Raises `Refused` (422)."""
        route = wanted.route
        query = read_query(route, request.scope.get("query_string") or b"")
        kind = _QUERIES.get(operation(route))
        body = read_body(_kind(route), data) if kind is None else kind(**query)
        if kind is not None and (issues := [*body.problems()]):
            refuse(issues)
        if isinstance(body, StatusBody):
            body = replace(body, server_status=_server_status(request))
        key = read_idempotency_key(
            [value for name, value in request.raw_headers if name == b"idempotency-key"]
        )
        path = "/".join((operation(route), *wanted.names.values()))
        asked = KeyedRequest(
            scope=caller.project_id,
            operation=path,
            key=key or self._requests.new_key(),
            given=bool(key),
            body=body,
            by=principal_of_key(caller.key_id),
        )
        old = route.template.startswith(V2)
        return Write(caller=caller, asked=asked, path=wanted.names, by_old_client=old)

    def _refusal(self, refused: Refused, headers: RawHeaders) -> Response:
        body: dict[str, Any] = error_body(
            S5, refused.status, refused.message, code=refused.code, **refused.details
        )
        return json_response(refused.status, body, (*refused.headers, *headers))


def _wanted(request: Request) -> Found:
    """The route of a path and its method. Raises `Refused` (405)."""
    found = find_write(request.scope, request.method)
    if found is None:
        allow = ((b"allow", allowed(request.scope).encode()),)
        raise Refused(405, f"{request.method} is not allowed here", headers=allow)
    return found


def _server_status(request: Request) -> Literal["running", "stopped"] | None:
    """What `X-Server-Status` says. Raises `Refused` (422)."""
    value = request.headers.get(b"x-server-status", b"").decode("latin-1").strip().lower()
    if value and value not in _SERVER_STATUSES:
        refuse([not_an_option(["X-Server-Status"], [*_SERVER_STATUSES], value)])
    return _SERVER_STATUSES.get(value)


def _kind(route: Route) -> type[Fields]:
    if route.body is None:
        raise TypeError(f"{route.template} is no write")
    kind: type[Fields] = route.body.kinds[0]
    return kind
