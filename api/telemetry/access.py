"""Who may read: the per-IP bucket, then the key, then the key's own bucket, in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from fastapi import Request

from api.telemetry import errors
from schemas.edge.authentication import Ambiguous, bearer
from schemas.edge.limits import (
    AI_READS_PER_MINUTE,
    MINUTE_MS,
    PLAN_PER_MINUTE,
    READS_PER_MINUTE_IP,
    read_bucket,
)
from schemas.edge.ports import Directory, Game, KeyKind, RateLimiter, Studio

if TYPE_CHECKING:
    from collections.abc import Callable


class Caller(msgspec.Struct, frozen=True):
    """The principal of an accepted request."""

    studio: Studio
    key_id: str


class Gate:
    """Lets management keys in. Both buckets are shared by all processes; refused calls count too."""

    def __init__(
        self, directory: Directory, limiter: RateLimiter, client_ip: Callable[[Request], str]
    ) -> None:
        self._directory = directory
        self._limiter = limiter
        self._client_ip = client_ip

    async def enter(self, request: Request) -> Caller:
        """The caller. Raises `errors.Refused` (401, 403, 429) or StoreUnavailable."""
        await self._take(read_bucket(self._client_ip(request)), READS_PER_MINUTE_IP, "ip")
        credential = await self._directory.credential(_bearer(request))
        if credential is None or credential.kind not in {KeyKind.MANAGEMENT, KeyKind.INGEST}:
            raise errors.invalid_key()
        if credential.kind == KeyKind.INGEST:
            raise errors.wrong_scope()
        studio = await self._directory.studio(credential.studio_id)
        if studio is None:
            raise errors.invalid_key()
        limit = PLAN_PER_MINUTE.get(studio.plan, PLAN_PER_MINUTE["free"])
        await self._take(f"read:key:{credential.key_id}", limit, "key")
        return Caller(studio, credential.key_id)

    async def take_ai_read(self, caller: Caller) -> None:
        """Count a read that asks an AI. Raises `errors.Refused` 429, or StoreUnavailable."""
        await self._take(f"read:ai:{caller.key_id}", AI_READS_PER_MINUTE, "key")

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

    async def _take(self, bucket: str, limit: int, scope: str) -> None:
        verdict = await self._limiter.take(bucket, limit=limit, period_ms=MINUTE_MS, count_refused=True)
        if not verdict.allowed:
            raise errors.limited(verdict, scope)


def _bearer(request: Request) -> str:
    try:
        token = bearer(request.scope["headers"])
    except Ambiguous:
        token = ""
    if not token:
        raise errors.missing_token()
    return token
