"""Directory: credentials and definitions for the edges, from memory for at most a second.

Fails closed: an entry older than that is never used, whatever the store's state. A second is counted from
before the store was asked, so a value that was revoked is refused everywhere one second after its revocation
was applied.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from redis.asyncio import Redis

from projections.studio.queries import StudioQueries
from schemas.edge.ports import UNKNOWN, Credential, Game, StoreUnavailable, Studio, Unknown
from schemas.identifiers import key_hash as hash_of
from schemas.shared_tasks import SharedTasks
from schemas.studio.experiments import ExperimentLife

MAX_AGE_S: Final = 1.0
REFRESH_S: Final = 0.5
"""An entry in use is looked up again at this age, so that no request waits for it."""
ENTRIES_MAX: Final = 20_000
KEY_LENGTH_MAX: Final = 512
"""No credential, slug or id of ours is longer, and all are ASCII: anything else is unknown."""

ValueT = TypeVar("ValueT")


class RedisDirectory:
    """Implements `CachedDirectory` and `KeyHashes` of `schemas.edge.ports`. One per event loop."""

    def __init__(
        self, redis: Redis, *, monotonic: Callable[[], float] = time.monotonic, max_age_s: float = MAX_AGE_S
    ) -> None:
        queries = StudioQueries(redis)

        def cache(load: Callable[[str], Awaitable[ValueT]]) -> _Cache[ValueT]:
            return _Cache(load, monotonic, max_age_s)

        self._credentials = cache(lambda presented: queries.credential(hash_of(presented)))
        self._hashes = cache(queries.credential)
        self._studios = cache(queries.studio)
        self._games = cache(queries.game)
        self._games_of = cache(queries.games)
        self._experiments = cache(queries.experiments)
        self._slugs = cache(lambda key: queries.game_by_slug(*key.split("/", 1)))
        self.cached_credential: Callable[[str], Credential | Unknown | None] = self._credentials.held
        """What memory says: a credential, None for no such key, UNKNOWN: await `credential`."""
        self.cached_game: Callable[[str], Game | Unknown | None] = self._games.held
        """Likewise for a game by id."""

    async def credential(self, presented: str) -> Credential | None:
        """The principal of a presented key; None for an unknown one."""
        return await self._credentials.get(presented)

    async def credential_by_hash(self, key_hash: str) -> Credential | None:
        """Likewise by `schemas.identifiers.key_hash` of the value, for who may not keep the value itself."""
        return await self._hashes.get(key_hash)

    async def studio(self, studio_id: str) -> Studio | None:
        """By id."""
        return await self._studios.get(studio_id)

    async def game(self, game_id: str) -> Game | None:
        """By id, whichever studio owns it: compare `studio_id`."""
        return await self._games.get(game_id)

    async def game_by_slug(self, studio_id: str, slug: str) -> Game | None:
        """By slug within a studio."""
        return await self._slugs.get(f"{studio_id}/{slug}")

    async def experiments(self, game_id: str) -> list[ExperimentLife]:
        """A game's experiments, newest first. Not the caller's to change: it is shared."""
        experiments = await self._experiments.get(game_id)
        return experiments or []

    async def games(self, studio_id: str) -> list[Game]:
        """All games of a studio, oldest first. Not the caller's to change: it is shared."""
        games = await self._games_of.get(studio_id)
        return games or []


class _Cache(Generic[ValueT]):
    """Look-ups by text, one at a time per key. Absent values are kept as long as present ones."""

    def __init__(
        self, load: Callable[[str], Awaitable[ValueT]], monotonic: Callable[[], float], max_age_s: float
    ) -> None:
        self._load = load
        self._monotonic = monotonic
        self._max_age_s = max_age_s
        self._held: dict[str, tuple[float, float, ValueT]] = {}
        """Key -> (usable until, look up again from, value)."""
        self._loads = SharedTasks[str, ValueT]()

    def held(self, key: str) -> ValueT | Unknown:
        entry = self._held.get(key)
        if entry is None:
            return UNKNOWN
        now = self._monotonic()
        if now >= entry[0]:
            return UNKNOWN
        if now >= entry[1] and key not in self._loads:
            _ = self._loads.start(key, lambda: self._look_up(key))
        return entry[2]

    async def get(self, key: str) -> ValueT | None:
        value = self.held(key)
        if not isinstance(value, Unknown):
            return value
        if len(key) > KEY_LENGTH_MAX or not key.isascii():
            return None
        return await self._loads.get(key, lambda: self._look_up(key))

    async def _look_up(self, key: str) -> ValueT:
        asked = self._monotonic()
        value = await self._load(key)
        usable_until = asked + self._max_age_s
        if self._monotonic() >= usable_until:
            raise StoreUnavailable("the store took longer to answer than an answer may be old")
        if len(self._held) >= ENTRIES_MAX:
            self._make_room()
        self._held[key] = (usable_until, asked + self._max_age_s * REFRESH_S, value)
        return value

    def _make_room(self) -> None:
        now = self._monotonic()
        self._held = {key: entry for key, entry in self._held.items() if entry[0] > now}
        if len(self._held) >= ENTRIES_MAX:
            self._held.clear()
