"""What the reads of liveops share: the gathering they ask, and how hashes come back."""

from __future__ import annotations

from typing import Any

from projections.redis.read_batches import ReadBatches


class BatchedReads:
    """Base of the reads."""

    def __init__(self, read_batches: ReadBatches) -> None:
        self._read = read_batches.read


def fields_of(flat: list[bytes]) -> dict[str, bytes]:
    """A hash as HGETALL gives it to a script."""
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}


def pairs_of(flat: list[Any]) -> list[tuple[str, float]]:
    """Members and scores as ZRANGE WITHSCORES gives them to a script."""
    return [(member.decode(), float(score)) for member, score in zip(flat[::2], flat[1::2], strict=True)]
