"""The writes of one noun that have several shapes of answers, each with routes of its own."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.edge.routes import Found, Route
from streams.gateway.app import Writes
from streams.gateway.http import Request, Response


class SeveralWrites:
    """Hands a request to the one whose route it is. No template is in two of them."""

    def __init__(self, parts: Sequence[Writes]) -> None:
        self._parts = {route: part for part in parts for route in part.routes}
        self.routes: Sequence[Route] = tuple(self._parts)

    async def __call__(self, request: Request, found: Found) -> Response:
        """As that one answers."""
        return await self._parts[found.route](request, found)
