"""From an answer, or what went wrong, to the response the page's scripts read.

Errors: 401 `signed_out`, 402 `key_needed`, 403 `not_allowed`, 400 `bad_parameter` with `field`, 404
`not_found`, 429 `rate_limited` and 503 `unavailable` (both with Retry-After).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from fastapi import APIRouter, Request, Response

from api.dashboard.access import NoSuchGame, NotAllowed, Principal, SessionAuthenticator, SignedOut
from api.dashboard.answers import Error
from api.dashboard.parameters import BadParameter
from api.dashboard.rates import Rates, TooMany
from api.dashboard.security import PRIVATE_HEADERS
from schemas.edge.errors import retry_after
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from schemas.edge.routes import Route

    Answer: TypeAlias = Callable[[Request, Principal], Awaitable[bytes | Response]]


class KeyNeeded(Exception):
    """Only an AI's key of the studio's own gives this; the sentence says what for."""


class NotFound(Exception):
    """There is no such thing, or it is not this session's; the sentence says which thing."""


_REFUSALS: Final = (
    SignedOut,
    NotAllowed,
    TooMany,
    BadParameter,
    NoSuchGame,
    KeyNeeded,
    NotFound,
    StoreUnavailable,
)


def guarded(
    authenticator: SessionAuthenticator, rates: Rates, answer: Answer
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint: authentication, rate limit, the answer (bytes are JSON), every failure in its shape."""

    async def endpoint(request: Request) -> Response:
        try:
            found = await answer(request, await _counted(authenticator, rates, request))
        except _REFUSALS as error:
            return _failure(error)
        return found if isinstance(found, Response) else json_response(found)

    return endpoint


def data_router(
    authenticator: SessionAuthenticator, rates: Rates, bound: Mapping[Route, Answer]
) -> APIRouter:
    """The routes, guarded. Their document is made of the records, not by FastAPI."""
    router = APIRouter(include_in_schema=False)
    for route, answer in bound.items():
        router.add_api_route(
            route.template, guarded(authenticator, rates, answer), methods=[route.method], name=route.name
        )
    return router


def _failure(error: Exception) -> Response:
    match error:
        case SignedOut():
            return signed_out()
        case NotAllowed() | KeyNeeded():
            status, code = (403, "not_allowed") if isinstance(error, NotAllowed) else (402, "key_needed")
            return error_response(status, code, str(error))
        case TooMany():
            wait = retry_after(error.retry_after_ms)
            message = f"Too many calls of this {error.scope}. Try again in {wait} s."
            return error_response(429, "rate_limited", message, wait=wait)
        case BadParameter():
            return error_response(400, "bad_parameter", f"{error.name} {error.message}", field=error.name)
        case NoSuchGame() | NotFound():
            return error_response(404, "not_found", str(error) or "No such game, or not one of this key's.")
        case _:
            return unavailable()


async def _counted(authenticator: SessionAuthenticator, rates: Rates, request: Request) -> Principal:
    """The request's principal, once it is counted. Raises SignedOut, TooMany."""
    try:
        principal = await authenticator.principal(request)
    except SignedOut:
        await rates.count(request, None)
        raise
    await rates.count(request, principal)
    return principal


def json_response(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON that no cache keeps."""
    return Response(
        body,
        status_code=status,
        media_type="application/json",
        headers={**PRIVATE_HEADERS, **(headers or {})},
    )


def error_response(
    status: int, code: str, message: str, *, field: str | None = None, wait: str = ""
) -> Response:
    """What went wrong, for scripts (`error`) and people (`message`)."""
    headers = {"Retry-After": wait} if wait else None
    return json_response(msgspec.json.encode(Error(code, message, field)), status, headers)


def signed_out() -> Response:
    """401."""
    return error_response(401, "signed_out", "Sign in again: the session has ended.")


def unavailable() -> Response:
    """503."""
    return error_response(
        503, "unavailable", "A store is away or behind the log. Trying again helps.", wait="2"
    )
