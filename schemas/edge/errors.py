"""Refusals, and the bodies of answers that are errors. Pure; both HTTP edges answer with it."""

from __future__ import annotations

import math
from typing import Any, Final

from schemas.edge.cors import RawHeaders
from schemas.edge.surfaces import Failure, Surface


class Refused(Exception):
    """An answer that is an error.

    `code` replaces the status's usual one, `details` go into the body, `headers` beside the usual ones.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        headers: RawHeaders = (),
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers
        self.details = details


CODES: Final = {
    400: "invalid_payload",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    500: "internal",
    501: "sql_unavailable",
    503: "unavailable",
}
"""What most surfaces call a status."""


def error_body(
    surface: Surface,
    status: int,
    message: str,
    *,
    code: str | None = None,
    request_id: str = "",
    now_ms: int = 0,
    **extra: Any,
) -> dict[str, Any]:
    """The body of a non-2xx answer. `code` replaces the status's usual one, `extra` comes beside it."""
    return surface.error(
        Failure(status=status, message=message, code=code, request_id=request_id, now_ms=now_ms, extra=extra)
    )


def retry_after(milliseconds: int) -> str:
    """A `Retry-After` value in whole seconds that suffices; at least 1."""
    return str(max(1, math.ceil(milliseconds / 1000)))
