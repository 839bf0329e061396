"""What a signed-in page does with experiments: authorize, ask the studio's decider, say what changed.

Every action is idempotent by its `Idempotency-Key`; without one it is asked under a key of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from schemas.edge.errors import Refused, retry_after
from schemas.edge.limits import MINUTE_MS, dashboard_action_bucket
from schemas.edge.ports import Credential
from schemas.edge.routes import Found, Route
from schemas.edge.session_keys import SessionKeys
from schemas.identifiers import id_problem, idempotency_key_problem
from schemas.operations import principal_of_key
from schemas.seal import Sealer
from schemas.studio.action_routes import ACTIONS, BODY_BYTES_MAX, Changed, Nothing, Winner
from schemas.studio.answers import StudioAnswer
from schemas.studio.commands import (
    COMMANDS,
    ExperimentCommand,
    MakeExperimentDigest,
    PickExperimentWinner,
)
from schemas.studio.experiments import Digest
from streams.asking import CommandRefused, succeeded
from streams.gateway.commands import CommandClient
from streams.gateway.http import Request, Response, json_response
from streams.gateway.keyed_requests import AWAY, KeyedRequest, KeyedRequests, refused_by
from streams.gateway.services import Services, bearer, one_header

ACTIONS_PER_MINUTE: Final = 120
"""For each key that signed in."""
Digests = Callable[[str, str], Awaitable[Digest | None]]
"""(studio, experiment) -> a text about its comparison as it is now; None for an unknown one."""


class ExperimentActions:
    """Serves one action at a time for `streams.gateway.app`."""

    routes: Sequence[Route] = ACTIONS

    def __init__(
        self,
        services: Services,
        commands: CommandClient,
        sealer: Sealer,
        session_keys: SessionKeys,
        digests: Digests,
        *,
        randomness: Callable[[int], bytes],
    ) -> None:
        self._services = services
        self._session_keys = session_keys
        self._digests = digests
        self._requests = KeyedRequests(
            commands, COMMANDS, sealer, clock_ms=services.now_ms, randomness=randomness
        )

    async def __call__(self, request: Request, found: Found) -> Response:
        """What changed. Raises `Refused`: 401, 405, 408, 413, 422, 429; 404 and 409 as the decider says."""
        route = found.route
        if request.method != route.method:
            raise Refused(
                405, f"{request.method} is not allowed here", headers=((b"allow", route.method.encode()),)
            )
        credential = await self._enter(request)
        experiment_id = found.names["experimentId"]
        if id_problem(experiment_id):
            raise Refused(404, "there is no such experiment")
        key = _idempotency_key(request)
        body = _body(route, await self._services.body(request, BODY_BYTES_MAX, credential.key_id))
        asked = KeyedRequest(
            scope=credential.studio_id,
            operation=f"{route.name}/{experiment_id}",
            key=key or self._requests.new_key(),
            given=bool(key),
            body=body,
            by=principal_of_key(credential.key_id),
        )
        try:
            changed = await self._ask(route, asked, experiment_id)
        except CommandRefused as refused:
            field: dict[str, Any] = {"field": refused.field} if refused.field else {}
            raise Refused(refused.status, str(refused), code=refused.code, **field) from None
        except AWAY as error:
            raise refused_by(error, mismatch="idempotency_mismatch") from error
        return json_response(200, changed, ((b"cache-control", b"no-store"),))

    async def _enter(self, request: Request) -> Credential:
        """The studio's authority of the page that asks. Raises `Refused` (401, 429)."""
        presented = bearer(request)
        credential = None
        if self._session_keys.owns(presented):
            now_ms = self._services.now_ms()
            credential = await self._session_keys.credential(presented, request.raw_headers, now_ms)
        if credential is None:
            verdict = await self._services.count_unknown_key(request)
            if verdict.allowed:
                raise Refused(401, "the page's key is missing, over, or presented elsewhere: sign in again")
        else:
            bucket = dashboard_action_bucket(credential.key_id)
            verdict = await self._services.limiter.take(bucket, limit=ACTIONS_PER_MINUTE, period_ms=MINUTE_MS)
            if verdict.allowed:
                return credential
        wait = retry_after(verdict.retry_after_ms)
        raise Refused(429, f"too many calls: wait {wait} s", headers=((b"retry-after", wait.encode()),))

    async def _ask(self, route: Route, asked: KeyedRequest, experiment_id: str) -> Changed:
        outcome = await self._requests.stored(asked)
        if outcome is None:
            command = await self._command(route, asked, experiment_id)
            outcome = await self._requests.ask(asked, command, asked.scope, studio_id=asked.scope)
        answer = msgspec.msgpack.decode(succeeded(outcome).body, type=StudioAnswer)
        return Changed(answer.changes)

    async def _command(self, route: Route, asked: KeyedRequest, experiment_id: str) -> ExperimentCommand:
        if isinstance(asked.body, Winner):
            return PickExperimentWinner(experiment_id=experiment_id, variant_key=asked.body.variant_key)
        if route.command is MakeExperimentDigest:
            digest = await self._digests(asked.scope, experiment_id)
            if digest is None:
                raise CommandRefused("there is no such experiment", status=404, code="unknown_experiment")
            return MakeExperimentDigest(experiment_id=experiment_id, digest=digest)
        if route.command is None or not issubclass(route.command, ExperimentCommand):
            raise TypeError(f"{route.template} is no action")
        return route.command(experiment_id=experiment_id)


def _idempotency_key(request: Request) -> str:
    """Empty where there is none. Raises `Refused` (422)."""
    key = one_header(request, b"idempotency-key")
    problem = idempotency_key_problem(key) if key else None
    if problem is not None:
        raise Refused(422, f"Idempotency-Key {problem}", code="bad_parameter", field="Idempotency-Key")
    return key


def _body(route: Route, data: bytes) -> msgspec.Struct:
    """What is asked beside the path. Raises `Refused` (422)."""
    kind: Any = route.body.kinds[0] if route.body is not None else Nothing
    try:
        found: msgspec.Struct = msgspec.json.decode(data or b"{}", type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Refused(422, f"the body can't be read: {error}", code="bad_parameter") from None
    return found
