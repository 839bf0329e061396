"""The reads' refusals: `{error, …extra}` with the reference's literals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Response

from schemas.telemetry.errors import S1Text

if TYPE_CHECKING:
    from schemas.edge import errors as edge
    from schemas.edge.zod import Issue


class Refused(Exception):
    """A request that is answered with an error: its status, body and headers."""

    def __init__(
        self, status: int, error: str, *, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(f"{status} {error}")
        self.status = status
        self.body = {"error": str(error), **extra}
        self.headers = headers or {}

    def response(self) -> Response:
        """The refusal as HTTP."""
        return Response(
            msgspec.json.encode(self.body),
            status_code=self.status,
            media_type="application/json",
            headers=self.headers,
        )


def of(refused: edge.Refused) -> Refused:
    """A refusal that gateway and api have in common, in the form of S1's reads."""
    headers = {name.decode(): value.decode() for name, value in refused.headers}
    return Refused(refused.status, refused.code or refused.message, headers=headers, **refused.details)


def requires_premium(error: str) -> Refused:
    """A read that asks an AI, for a studio that has given it no key."""
    return Refused(402, error, ok=False, requiresPremium=True)


def invalid(issues: list[Issue]) -> Refused:
    """Query parameters that failed validation."""
    return Refused(400, S1Text.QUERY, issues=issues)


def not_found(what: str) -> Refused:
    """Something that is not there, or not the caller's: the same answer in both cases."""
    return Refused(404, f"{what} not found")
