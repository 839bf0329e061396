"""Looks keys and games up, in a directory's memory where that may answer."""

from __future__ import annotations

from collections.abc import Callable

from schemas.edge.limits import UNKNOWN_KEYS_PER_SECOND, unknown_bucket
from schemas.edge.ports import UNKNOWN, Credential, Directory, Game, RateLimiter, Unknown, Verdict


def _no_memory(_: str) -> Unknown:
    return UNKNOWN


class Credentials:
    """`cached_credential` and `cached_game` of the directory are asked first where it has them."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._cached_credential: Callable[[str], Credential | Unknown | None] = getattr(
            directory, "cached_credential", _no_memory
        )
        self._cached_game: Callable[[str], Game | Unknown | None] = getattr(
            directory, "cached_game", _no_memory
        )

    async def credential(self, presented: str) -> Credential | None:
        """The principal of a presented key. Raises `StoreUnavailable`."""
        known = self._cached_credential(presented)
        if isinstance(known, Unknown):
            return await self._directory.credential(presented)
        return known

    async def game(self, game_id: str) -> Game | None:
        """A game by id. Raises `StoreUnavailable`."""
        known = self._cached_game(game_id)
        if isinstance(known, Unknown):
            return await self._directory.game(game_id)
        return known


async def count_unknown_key(limiter: RateLimiter, ip: str) -> Verdict:
    """Take from the small bucket that all unknown keys of one address share. Raises `StoreUnavailable`."""
    return await limiter.take(unknown_bucket(ip), limit=UNKNOWN_KEYS_PER_SECOND, period_ms=1000)
