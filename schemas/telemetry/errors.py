"""The error shapes of S1 and S4. Source: contract/common.md and the reference documents."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from schemas.edge.errors import CODES
from schemas.edge.surfaces import Failure, Surface


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
    QUERY = "Invalid query parameters"
    TOO_LARGE = "Payload too large"
    MEDIA_TYPE = "Unsupported media type"
    UNAVAILABLE = "Service unavailable"
    WRONG_SCOPE = "Wrong key scope"
    MANAGEMENT_ONLY = "This endpoint needs a management key"
    TIMEOUT = "Request timeout"


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


def _s1(failure: Failure) -> dict[str, Any]:
    """`error` is the literal of the status unless `code` replaces it."""
    return {
        "error": str(failure.code or _S1_TEXTS.get(failure.status, failure.message)),
        **failure.extra,
    }


def _s4(failure: Failure) -> dict[str, Any]:
    code = failure.code or CODES.get(failure.status, "error")
    return {"error": code, "message": failure.message, **failure.extra}


S1: Final = Surface(
    name="s1",
    paths=r"/(api/(v1|telemetry|webhooks)|redeem|mcp)(?=/|$)",
    error=_s1,
    client_safe=r"/api/(telemetry(/feedback|/experiments|/claim|/tester)?|v1/playtest/validate)$",
    unreadable=lambda problem: {"issues": [{"code": "custom", "path": [], "message": problem}]},
)
S4: Final = Surface(
    name="s4",
    paths=r"/api/",
    error=_s4,
    client_safe=r"/api/(events|player|funnel|realtime)$",
)
