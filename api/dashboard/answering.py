"""From an answer, or what went wrong, to the response the page's scripts read.

Errors: 401 `signed_out`, 400 `bad_parameter` with `field`, 404 `not_found`, 503 `unavailable` (Retry-After).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec
from fastapi import Request, Response

from api.dashboard.access import Access, Gatekeeper, NoSuchGame, SignedOut
from api.dashboard.parameters import BadParameter
from api.dashboard.security import PRIVATE_HEADERS
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Answer: TypeAlias = Callable[[Request, Access], Awaitable[bytes | Response]]


class NotFound(Exception):
    """There is no such thing, or it is not this session's; the sentence says which thing."""


def guarded(gatekeeper: Gatekeeper, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint: who asks first, then the answer (bytes are JSON), and every failure in its shape."""

    async def endpoint(request: Request) -> Response:
        try:
            found = await answer(request, await gatekeeper.access(request))
            return found if isinstance(found, Response) else json_response(found)
        except SignedOut:
            return signed_out()
        except BadParameter as bad:
            return error_response(400, "bad_parameter", f"{bad.name} {bad.message}", field=bad.name)
        except NoSuchGame:
            return error_response(404, "not_found", "No such game, or not one of this key's.")
        except NotFound as missing:
            return error_response(404, "not_found", str(missing))
        except StoreUnavailable:
            return unavailable()

    return endpoint


def json_response(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON that no cache keeps."""
    return Response(
        body,
        status_code=status,
        media_type="application/json",
        headers={**PRIVATE_HEADERS, **(headers or {})},
    )


def error_response(status: int, code: str, message: str, *, field: str | None = None) -> Response:
    """What went wrong, for scripts (`error`) and people (`message`)."""
    body = {"error": code, "message": message} | ({"field": field} if field else {})
    return json_response(msgspec.json.encode(body), status, {"Retry-After": "2"} if status == 503 else None)


def signed_out() -> Response:
    """401."""
    return error_response(401, "signed_out", "Sign in again: the session has ended.")


def unavailable() -> Response:
    """503."""
    return error_response(503, "unavailable", "A store is away or behind the log. Trying again helps.")
