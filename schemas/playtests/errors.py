"""The error shape of S2: its reference shows none, so its envelope is kept and `data` becomes `error`.

Source: contract/playtests.md.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from schemas.edge.surfaces import Failure, Surface
from schemas.timestamps import iso_ms

_REQUEST_ID: Final = re.compile(r"req_[0-9a-f]{12}")
_CODES: Final = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    402: "PAYMENT_REQUIRED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "VALIDATION_ERROR",
    429: "RATE_LIMITED",
    500: "INTERNAL_ERROR",
    503: "SERVICE_UNAVAILABLE",
}


def s2_request_id(request_id: str) -> str:
    """A request's id in S2's form: `req_` and 12 hexadecimal digits, which follow from any other id."""
    if _REQUEST_ID.fullmatch(request_id):
        return request_id
    return "req_" + hashlib.sha256(request_id.encode()).hexdigest()[:12]


def _error(failure: Failure) -> dict[str, Any]:
    code = failure.code or _CODES.get(failure.status, "ERROR")
    return {
        "error": {"code": code, "message": failure.message, **failure.extra},
        "meta": {"requestId": s2_request_id(failure.request_id), "timestamp": iso_ms(failure.now_ms)},
    }


S2: Final = Surface(
    name="s2",
    paths=r"/api/v1/(playtests|playtest-applications|billing|games/[^/]+/playtests)(?=/|$)",
    error=_error,
)
