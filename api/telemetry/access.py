"""Who may read: the per-IP bucket, then the key, then the key's own bucket, in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.telemetry import errors
from schemas.edge.authentication import Ambiguous, bearer
from schemas.edge.errors import Refused
from schemas.edge.limits import AI_READS_PER_MINUTE
from schemas.edge.ports import Directory, Game, RateLimiter
from schemas.telemetry.access import COUNTED, Caller, ManagementAccess

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request


class Gate:
    """Lets management keys in."""

    def __init__(
        self, directory: Directory, limiter: RateLimiter, client_ip: Callable[[Request], str]
    ) -> None:
        self._directory = directory
        self._access = ManagementAccess(directory, limiter)
        self._client_ip = client_ip

    async def enter(self, request: Request) -> Caller:
        """The caller. Raises `errors.Refused` (401, 403, 429) or StoreUnavailable."""
        try:
            presented = bearer(request.scope["headers"])
        except Ambiguous:
            presented = ""
        try:
            counted = request.scope.get(COUNTED, False)
            return await self._access.enter(presented, None if counted else self._client_ip(request))
        except Refused as refused:
            raise errors.of(refused) from None

    async def take_ai_read(self, caller: Caller) -> None:
        """Count a read that asks an AI. Raises `errors.Refused` 429, or StoreUnavailable."""
        try:
            await self._access.take(f"read:ai:{caller.key_id}", AI_READS_PER_MINUTE, "key")
        except Refused as refused:
            raise errors.of(refused) from None

    async def game(self, caller: Caller, id_or_slug: str) -> Game:
        """The caller's game of this id or slug. Raises `errors.Refused` 404 for any other."""
        game = await self._directory.game(id_or_slug)
        if game is None or game.studio_id != caller.studio.id:
            game = await self._directory.game_by_slug(caller.studio.id, id_or_slug)
        if game is None or game.studio_id != caller.studio.id:
            raise errors.not_found("Game")
        return game

    async def games(self, caller: Caller) -> list[Game]:
        """The caller's games, oldest first."""
        return await self._directory.games(caller.studio.id)
