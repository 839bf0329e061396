"""S1's HTTP: `POST /api/telemetry` and `POST /api/telemetry/feedback`.

Source: contract/telemetry.md, "S1 ingest", and the S1 reference for literals and shapes. A game's own limit
holds for each source IP; requests that name no game of the studio share the default one, so that guessing
names is limited too. An unknown game and another studio's are the same 404.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from schemas.edge.errors import Refused
from schemas.edge.limits import MINUTE_MS, S1_DEFAULT_PER_MINUTE, s1_bucket
from schemas.edge.ports import Credential, Game, Verdict
from schemas.telemetry.access import ingest_credential, rate_limited, studio_game
from schemas.telemetry.errors import S1Text
from schemas.telemetry.record import EntryKind
from schemas.telemetry.s1 import validate_batch
from schemas.telemetry.s1_batch import BODY_BYTES_MAX, Batch, InvalidBatch
from schemas.telemetry.s1_feedback import Feedback, check_against_form, validate_feedback
from streams.gateway.body_validation import LARGE_BYTES
from streams.gateway.http import Request, Response, json_response
from streams.gateway.services import Services, bearer

CREATED: Final = Response(201, b'{"ok":true}')

_Payload = TypeVar("_Payload", Batch, Feedback)


async def ingest(services: Services, request: Request) -> Response:
    """Accept one batch whole: 202 with the number of events sent, repeats included."""
    credential = await authenticate(services, request)
    body = await services.body(request, BODY_BYTES_MAX, credential.key_id)
    now_ms = services.now_ms()
    batch, game = await _resolve(services, request, credential, body, lambda: validate_batch(body, now_ms))
    count = len(batch.events)
    entry = services.entry(
        EntryKind.S1_BATCH,
        request,
        studio_id=credential.studio_id,
        game_id=game.id,
        item_count=count,
        body=body,
    )
    appending = services.appending
    await appending.append(appending.partition_of(game.id, batch.session_id), entry)
    services.metrics.accepted("s1", count)
    return json_response(202, {"ok": True, "accepted": count})


async def feedback(services: Services, request: Request) -> Response:
    """Accept one submission that fits its form: 201. A repeated `submissionId` is answered alike."""
    credential = await authenticate(services, request)
    body = await services.body(request, BODY_BYTES_MAX, credential.key_id)
    submission, game = await _resolve(services, request, credential, body, lambda: validate_feedback(body))
    try:
        check_against_form(submission, game.feedback_forms)
    except InvalidBatch as error:
        raise _invalid(error) from None
    entry = services.entry(
        EntryKind.S1_FEEDBACK,
        request,
        studio_id=credential.studio_id,
        game_id=game.id,
        item_count=1,
        body=body,
    )
    appending = services.appending
    await appending.append(appending.partition_of(game.id, submission.session_id), entry)
    services.metrics.accepted("s1_feedback", 1)
    return CREATED


async def authenticate(services: Services, request: Request) -> Credential:
    """The ingest key that was presented. Raises `Refused`: 401, 403, 429 for many unknown ones."""
    return await ingest_credential(
        services.credential, bearer(request), lambda: services.count_unknown_key(request)
    )


class _Named(msgspec.Struct):
    """A payload of which only the game is asked."""

    game: str | None = msgspec.field(default=None, name="gameId")


_named = msgspec.json.Decoder(_Named)


async def _resolve(
    services: Services,
    request: Request,
    credential: Credential,
    body: bytes,
    decode: Callable[[], _Payload],
) -> tuple[_Payload, Game]:
    """The payload and its game, after the limit of the game named: a bad payload counts like a good one."""
    if len(body) > LARGE_BYTES:
        return await _resolve_large(services, request, credential, body, decode)
    try:
        payload = decode()
    except InvalidBatch as error:
        named = _game_named(body)
        game = await own_game(services, credential, named) if named else None
        await _limit(services, request, credential, game)
        raise _invalid(error) from None
    game = await own_game(services, credential, payload.game)
    await _limit(services, request, credential, game)
    if game is None:
        raise Refused(404, S1Text.UNKNOWN_GAME, code=S1Text.UNKNOWN_GAME)
    return payload, game


async def _resolve_large(
    services: Services,
    request: Request,
    credential: Credential,
    body: bytes,
    decode: Callable[[], _Payload],
) -> tuple[_Payload, Game]:
    """As `_resolve`, the limit first: what is over it is not decoded."""
    named = _game_named(body)
    game = await own_game(services, credential, named) if named else None
    await _limit(services, request, credential, game)
    try:
        payload = await services.validated(decode, body, lambda: _take(services, request, credential, game))
    except InvalidBatch as error:
        raise _invalid(error) from None
    if game is None:
        raise Refused(404, S1Text.UNKNOWN_GAME, code=S1Text.UNKNOWN_GAME)
    return payload, game


def _game_named(body: bytes) -> str | None:
    """The game that a payload names, however wrong the rest is; None where that can't be read."""
    try:
        return _named.decode(body).game
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


async def own_game(services: Services, credential: Credential, id_or_slug: str) -> Game | None:
    """The studio's own game by id or slug; None alike for an unknown one and another studio's."""
    return await studio_game(services.game, services.directory, credential.studio_id, id_or_slug)


async def _limit(services: Services, request: Request, credential: Credential, game: Game | None) -> None:
    verdict = await _take(services, request, credential, game)
    if verdict is not None and not verdict.allowed:
        raise rate_limited(verdict.retry_after_ms)


async def _take(
    services: Services, request: Request, credential: Credential, game: Game | None
) -> Verdict | None:
    """Take one call of this source IP out of the game's rate; None where it has no limit."""
    limit = game.limits.telemetry_per_minute if game else S1_DEFAULT_PER_MINUTE
    if limit is None:
        return None
    bucket = s1_bucket(credential.studio_id, game, services.source_ip(request))
    return await services.limiter.take(bucket, limit=limit, period_ms=MINUTE_MS, count_refused=True)


def _invalid(error: InvalidBatch) -> Refused:
    return Refused(400, S1Text.INVALID, issues=msgspec.to_builtins(error.issues))
