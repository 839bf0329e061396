"""The error shape of S5. Source: contract/common.md and the reference document."""

from __future__ import annotations

from typing import Any, Final

from schemas.edge.surfaces import Failure, Surface


def _error(failure: Failure) -> dict[str, Any]:
    return {
        "error": failure.message,
        "detail": failure.message,
        "status": failure.status,
        **failure.extra,
    }


S5: Final = Surface(
    name="s5",
    paths=r"/api/(v2|v3|health)(?=/|$)",
    error=_error,
    client_safe=r"/api/v[23](/|$)",
)
