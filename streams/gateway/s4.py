"""S4's HTTP: ingest with its aliases, and the protected sql/select.

The order of checks is the contract's: 401, 429, 415, 413, 400, 403.

Source: the S4 reference and contract/telemetry.md, "S4 ingest".
"""

from __future__ import annotations

from typing import Final

from schemas.edge.errors import Refused, retry_after
from schemas.edge.limits import SECOND_MS, s4_bucket
from schemas.edge.ports import Credential, Game, KeyKind, Verdict
from schemas.telemetry.record import EntryKind
from schemas.telemetry.s4 import BODY_BYTES_MAX, InvalidPayload, PayloadTooLarge, check
from streams.gateway.body_validation import LARGE_BYTES
from streams.gateway.http import Request, Response
from streams.gateway.services import Services, bearer, one_header

QUEUED: Final = Response(200, b'{"status":"queued"}')

_CONTENT_TYPES_MAX: Final = 1024


class S4Ingest:
    """`POST /api/events` and its aliases: answered 200 once Kafka has the whole batch."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._is_json: dict[bytes, bool] = {}

    async def __call__(self, request: Request) -> Response:
        """Check in the contract's order, append, answer."""
        services = self._services
        credential, game = await self._authenticate(request)
        if game.limits.ingest_per_second is not None:
            await limit_s4(services, request, game)
        content_type = request.headers.get(b"content-type")
        if content_type is not None and self._refuses(request, content_type):
            raise Refused(415, "JSON is not accepted here: send MessagePack as application/msgpack")
        body = await services.body(request, BODY_BYTES_MAX, credential.key_id)
        now_ms = services.now_ms()
        try:
            if len(body) <= LARGE_BYTES:
                checked = check(body, now_ms, game.id)
            else:
                checked = await services.validated(
                    lambda: check(body, now_ms, game.id), body, lambda: take_s4(services, request, game)
                )
        except InvalidPayload as error:
            raise Refused(400, error.message, index=error.index, field=error.field) from None
        except PayloadTooLarge as error:
            raise Refused(413, str(error)) from None
        if not checked.in_scope:
            raise Refused(403, "app_id must be the token's application", code="app_scope_mismatch")
        entry = services.entry(
            EntryKind.S4_ITEMS,
            request,
            studio_id=credential.studio_id,
            game_id=game.id,
            item_count=checked.count,
            body=body,
        )
        appending = services.appending
        await appending.append(appending.partition_of(game.id, checked.first_player_id), entry)
        services.metrics.accepted("s4", checked.count)
        return QUEUED

    async def _authenticate(self, request: Request) -> tuple[Credential, Game]:
        """The public token's application. Anything else is 401, a secret key in its place too."""
        services = self._services
        token = one_header(request, b"x-public-token") or one_header(request, b"x-api-key")
        if not token:
            raise Refused(401, "x-public-token is missing")
        credential = await services.credential(token)
        if credential is not None and credential.kind == KeyKind.PUBLIC_TOKEN:
            game = await services.game(credential.game_id)
            if game is not None:
                return credential, game
        raise await unauthorized(services, request, "the public token is not valid")

    def _refuses(self, request: Request, content_type: bytes) -> bool:
        if request.repeated(b"content-type"):
            return any(is_json(value) for name, value in request.raw_headers if name == b"content-type")
        known = self._is_json.get(content_type)
        if known is None:
            if len(self._is_json) >= _CONTENT_TYPES_MAX:
                self._is_json.clear()
            known = self._is_json[content_type] = is_json(content_type)
        return known


def is_json(content_type: bytes) -> bool:
    """Whether a media type says JSON: application/json, text/json, anything+json, x-ndjson and the like."""
    essence = content_type.partition(b";")[0].strip().lower()
    return b"json" in essence.rpartition(b"/")[2]


async def limit_s4(services: Services, request: Request, game: Game) -> None:
    """Take one request of this source IP from the game's rate. Raises `Refused` (429)."""
    verdict = await take_s4(services, request, game)
    if verdict is not None and not verdict.allowed:
        raise rate_limited(verdict.retry_after_ms)


async def take_s4(services: Services, request: Request, game: Game) -> Verdict | None:
    """Take one call of this source IP out of the game's rate; None where it has no limit."""
    limit = game.limits.ingest_per_second
    if limit is None:
        return None
    bucket = s4_bucket(game, services.source_ip(request))
    return await services.limiter.take(bucket, limit=limit, period_ms=SECOND_MS)


async def unauthorized(services: Services, request: Request, message: str) -> Refused:
    """401, or 429 where this address has tried too many unknown keys."""
    verdict = await services.count_unknown_key(request)
    return Refused(401, message) if verdict.allowed else rate_limited(verdict.retry_after_ms)


def rate_limited(retry_after_ms: int) -> Refused:
    """429 in S4's shape."""
    wait = retry_after(retry_after_ms)
    headers = ((b"retry-after", wait.encode()),)
    return Refused(429, f"too many requests; retry after {wait} s", headers=headers)


async def secret_application(services: Services, request: Request) -> tuple[Credential, Game]:
    """A protected route's application: 401 without a valid secret key, 403 for a public token."""
    presented = one_header(request, b"x-api-key") or bearer(request)
    if not presented:
        public = one_header(request, b"x-public-token")
        known = await services.credential(public) if public else None
        if known is not None and known.kind == KeyKind.PUBLIC_TOKEN:
            raise Refused(403, "this route takes the secret key, not the public token")
        raise Refused(401, "the secret key is missing: send x-api-key or Authorization: Bearer")
    credential = await services.credential(presented)
    if credential is not None and credential.kind == KeyKind.PUBLIC_TOKEN:
        raise Refused(403, "this route takes the secret key, not the public token")
    if credential is not None and credential.kind == KeyKind.SECRET_API:
        game = await services.game(credential.game_id)
        if game is not None:
            return credential, game
    raise await unauthorized(services, request, "the secret key is not valid")


async def sql_select(services: Services, request: Request) -> Response:
    """`POST /api/sql/select`: disabled by design."""
    await secret_application(services, request)
    raise Refused(501, "SQL over HTTP is disabled; query the dashboard at /dashboard/analytics or ClickHouse")
