"""The five surfaces' error shapes, and which surface a path belongs to. Pure; both HTTP edges answer with it.

Source: contract/common.md ("What all five surfaces share", "Errors, limits, time") and the reference
documents. S2's reference shows no error body; its envelope (`data`, `meta`) is kept and `data` becomes
`error`.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import Any, Final

from schemas.edge.cors import RawHeaders
from schemas.timestamps import iso_ms


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


class Surface(StrEnum):
    """The five APIs served side by side."""

    S1 = "s1"
    S2 = "s2"
    S3 = "s3"
    S4 = "s4"
    S5 = "s5"


_S2_PATHS: Final = re.compile(r"/api/v1/(playtests(/|$)|games/[^/]+/playtests(/|$))")
_PREFIXES: Final = (
    ("/api/v1", Surface.S1),
    ("/api/telemetry", Surface.S1),
    ("/api/webhooks", Surface.S1),
    ("/sdk", Surface.S3),
    ("/server", Surface.S3),
    ("/api/v3", Surface.S5),
    ("/api/v2", Surface.S5),
    ("/api/health", Surface.S5),
)


def surface_of(path: str) -> Surface:
    """The surface whose shape answers for a path, known or not. What no surface claims is S4's: `/api/*`."""
    if _S2_PATHS.match(path):
        return Surface.S2
    for prefix, surface in _PREFIXES:
        if path == prefix or path.startswith(prefix + "/"):
            return surface
    return Surface.S4


class S1Text(StrEnum):
    """S1's error literals, verbatim."""

    MISSING = "Missing bearer token"
    INVALID_KEY = "Invalid key"
    RATE_LIMITED = "Rate limit exceeded"
    INTERNAL = "Internal error"
    UNKNOWN_GAME = "unknown game"
    NOT_FOUND = "Not found"
    METHOD = "Method not allowed"
    INVALID = "Invalid payload"
    TOO_LARGE = "Payload too large"
    MEDIA_TYPE = "Unsupported media type"
    UNAVAILABLE = "Service unavailable"
    WRONG_SCOPE = "Wrong key scope"
    TIMEOUT = "Request timeout"


_S4_CODES: Final = {
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
_S3_CODES: Final = {
    400: "validation_failed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    429: "rate_limited",
    503: "unavailable",
}
_S1_TEXTS: Final = {
    400: S1Text.INVALID,
    401: S1Text.INVALID_KEY,
    403: S1Text.WRONG_SCOPE,
    404: S1Text.NOT_FOUND,
    405: S1Text.METHOD,
    408: S1Text.TIMEOUT,
    413: S1Text.TOO_LARGE,
    415: S1Text.MEDIA_TYPE,
    429: S1Text.RATE_LIMITED,
    500: S1Text.INTERNAL,
    503: S1Text.UNAVAILABLE,
}


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
    """The body of a non-2xx answer. On S1 `error` is the literal of the status unless `code` replaces it.

    `extra` lands beside the error (S1, S4, S5) or in its `details` (S3). `request_id` and `now_ms` are S2's
    `meta`.
    """
    if surface is Surface.S1:
        return {"error": str(code or _S1_TEXTS.get(status, message)), **extra}
    if surface is Surface.S2:
        meta = {"requestId": request_id, "timestamp": iso_ms(now_ms)}
        return {
            "error": {"code": code or _S4_CODES.get(status, "error"), "message": message, **extra},
            "meta": meta,
        }
    if surface is Surface.S3:
        name = code or _S3_CODES.get(status) or _S4_CODES.get(status, "error")
        return {"error": {"code": name, "message": message, "details": extra}}
    if surface is Surface.S5:
        return {"error": message, "detail": message, "status": status, **extra}
    return {"error": code or _S4_CODES.get(status, "error"), "message": message, **extra}


def retry_after(milliseconds: int) -> str:
    """A `Retry-After` value in whole seconds that suffices; at least 1."""
    return str(max(1, math.ceil(milliseconds / 1000)))
