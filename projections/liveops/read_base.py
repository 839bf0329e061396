"""What the reads of liveops share: the gathering they ask, and how hashes come back."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from projections.redis.read_batches import GroupedBatches, Request


class BatchedReads:
    """Base of the reads: what is of a game is asked of its store, what is of none of all stores."""

    def __init__(self, batches: GroupedBatches) -> None:
        self._batches = batches

    def _read(self, game_id: str, *requests: Request) -> Awaitable[list[Any]]:
        """The answers of the game's store in order, all as of one moment."""
        return self._batches.of(game_id).read(*requests)


def fields_of(flat: list[bytes]) -> dict[str, bytes]:
    """A hash as HGETALL gives it to a script."""
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}


def pairs_of(flat: list[Any]) -> list[tuple[str, float]]:
    """Members and scores as ZRANGE WITHSCORES gives them to a script."""
    return [(member.decode(), float(score)) for member, score in zip(flat[::2], flat[1::2], strict=True)]
