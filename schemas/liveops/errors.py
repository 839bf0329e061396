"""The error shape of S3. Source: contract/common.md and the reference document."""

from __future__ import annotations

from typing import Any, Final

from schemas.edge.errors import CODES
from schemas.edge.surfaces import Failure, Surface

_CODES: Final = CODES | {400: "validation_failed", 409: "conflict"}


def _error(failure: Failure) -> dict[str, Any]:
    code = failure.code or _CODES.get(failure.status, "error")
    return {"error": {"code": code, "message": failure.message, "details": failure.extra}}


S3: Final = Surface(name="s3", paths=r"/(sdk|server)(?=/|$)", error=_error, client_safe=r"/sdk/v1(/|$)")
