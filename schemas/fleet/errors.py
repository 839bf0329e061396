"""The error shape of S5. Source: contract/fleet.md and the reference document."""

from __future__ import annotations

from typing import Any, Final

from schemas.edge.errors import CODES
from schemas.edge.surfaces import Failure, Surface

_CODES: Final = CODES | {404: "not_found", 409: "conflict", 422: "validation_error"}
"""What S5 calls a status where its refusal has no code of its own."""


def _error(failure: Failure) -> dict[str, Any]:
    return {
        "error": failure.message,
        "detail": failure.message,
        "status": failure.status,
        "code": failure.code or _CODES.get(failure.status, "error"),
        **failure.extra,
    }


S5: Final = Surface(
    name="s5",
    paths=r"/api/(v2|v3|health)(?=/|$)",
    error=_error,
    client_safe=r"/api/v[23](/|$)",
)
