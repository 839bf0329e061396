"""What is read of the studio noun, each in one script behind the projection's gate.

Raises StoreUnavailable while Redis is away or behind the log as it was when Redis restarted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from redis.asyncio import Redis

from projections.redis.client import AWAY
from projections.redis.read_batches import ReadBatches
from projections.redis.scripts import LOOKUP
from projections.redis.state import state_of
from projections.studio.projection import NOUN, KeyRow
from schemas.edge.ports import Credential, Game, StoreUnavailable, Studio
from schemas.studio.ai import AiKey
from schemas.studio.ai_requests import AiAnswer, AiMonth, AiText
from schemas.studio.experiments import Digest, ExperimentLife

ValueT = TypeVar("ValueT")


class StudioQueries:
    """Look-ups without a cache; every call is one round trip, credentials of one turn share theirs."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._batches = ReadBatches(redis, NOUN)

    async def credential(self, value_hash: str) -> Credential | None:
        """By `schemas.identifiers.key_hash` of the value."""
        (value,) = await self._batches.read(("hget", "credentials", value_hash, ""))
        return _one(value, Credential)

    async def studio(self, studio_id: str) -> Studio | None:
        """By id."""
        (value,) = await self._read("hget", "studios", studio_id)
        return _one(value, Studio)

    async def studio_by_slug(self, slug: str) -> Studio | None:
        """By slug, which is unique in a deployment."""
        (studio_id,) = await self._read("hget", "studio-slugs", slug)
        return None if studio_id is None else await self.studio(studio_id.decode())

    async def game(self, game_id: str) -> Game | None:
        """By id, whichever studio owns it: the caller compares `studio_id`."""
        (value,) = await self._read("hget", "games", game_id)
        return _one(value, Game)

    async def game_by_slug(self, studio_id: str, slug: str) -> Game | None:
        """By slug within a studio."""
        (game_id,) = await self._read("hget", f"game-slugs:{studio_id}", slug)
        return None if game_id is None else await self.game(game_id.decode())

    async def games(self, studio_id: str) -> list[Game]:
        """All games of a studio, oldest first."""
        (values,) = await self._read("hvals", f"games-of:{studio_id}", "")
        games = [msgspec.msgpack.decode(value, type=Game) for value in values]
        return sorted(games, key=lambda game: (game.created_at_ms, game.id))

    async def applied(self, partition: int, offset: int) -> bool:
        """Whether all that is read here follows from this record of the studio's events too."""
        try:
            held = await state_of(self._redis, NOUN, partition)
        except AWAY as error:
            raise StoreUnavailable("Redis is away") from error
        return held.position.offset > offset

    async def experiments(self, game_id: str) -> list[ExperimentLife]:
        """The experiments of a game that are not deleted, newest first, then by id."""
        (values,) = await self._read("hvals", f"experiments-of:{game_id}", "")
        lives = [msgspec.msgpack.decode(value, type=ExperimentLife) for value in values]
        return sorted(lives, key=lambda life: (-life.created_at_ms, life.id))

    async def experiment(self, studio_id: str, experiment_id: str) -> ExperimentLife | None:
        """An experiment of a studio; None for an unknown or a deleted one."""
        (value,) = await self._read("hget", f"experiments:{studio_id}", experiment_id)
        return _one(value, ExperimentLife)

    async def digest(self, studio_id: str, experiment_id: str) -> Digest | None:
        """The last text about an experiment's comparison."""
        (value,) = await self._read("hget", f"experiment-digests:{studio_id}", experiment_id)
        return _one(value, Digest)

    async def ai_keys(self, studio_id: str) -> dict[str, AiKey]:
        """A studio's keys of AI providers by purpose, their values sealed."""
        (values,) = await self._read("hvals", f"ai-keys:{studio_id}", "")
        keys = [msgspec.msgpack.decode(value, type=AiKey) for value in values]
        return {key.purpose: key for key in keys}

    async def ai_answer(self, studio_id: str, request_hash: str) -> AiAnswer | None:
        """What came of a request the last time that it was done."""
        (value,) = await self._read("hget", f"ai-answers:{studio_id}", request_hash)
        return _one(value, AiAnswer)

    async def ai_texts(self, studio_id: str, keys: Sequence[str]) -> list[AiText | None]:
        """The last good summaries by `text_key`, in the order asked."""
        values = await self._fields(f"ai-texts:{studio_id}", keys)
        return [_one(value, AiText) for value in values]

    async def ai_vectors(self, studio_id: str, ids: Sequence[str]) -> list[bytes | None]:
        """Vectors by `vector_id`, in the order asked."""
        return await self._fields(f"ai-vectors:{studio_id}", ids)

    async def ai_month(self, studio_id: str, month: str) -> int:
        """The tokens that a month (`2026-11`) has taken so far."""
        (value,) = await self._read("hget", f"ai-months:{studio_id}", month)
        found = _one(value, AiMonth)
        return found.tokens if found is not None else 0

    async def _fields(self, key: str, fields: Sequence[str]) -> list[bytes | None]:
        asked = [part for field in fields for part in ("hget", key, field)]
        return await self._read(*asked) if asked else []

    async def keys(self, studio_id: str) -> list[KeyRow]:
        """All live keys of a studio, oldest first."""
        (values,) = await self._read("hvals", f"keys-of:{studio_id}", "")
        rows = [msgspec.msgpack.decode(value, type=KeyRow) for value in values]
        return sorted(rows, key=lambda row: (row.created_at_ms, row.key_id))

    async def studios(self) -> list[Studio]:
        """All studios, oldest first."""
        (values,) = await self._read("hvals", "studios", "")
        studios = [msgspec.msgpack.decode(value, type=Studio) for value in values]
        return sorted(studios, key=lambda studio: (studio.created_at_ms, studio.id))

    async def _read(self, *requests: str) -> list[Any]:
        try:
            reply: list[Any] | None = await LOOKUP.run(self._redis, NOUN, *requests)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        if reply is None:
            raise StoreUnavailable("the studio projection is not ready")
        return reply


def _one(value: bytes | None, kind: type[ValueT]) -> ValueT | None:
    return None if value is None else msgspec.msgpack.decode(value, type=kind)
