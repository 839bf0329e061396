"""What the steps of the projection share: an event's position, and the operations so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from projections.redis.operations import Operation

encode: Final = msgspec.msgpack.Encoder().encode

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


@dataclass(slots=True)
class Context:
    """One event on its way into Redis."""

    studio_id: str
    partition: int
    at_ms: int
    operations: list[Operation]


Step = Callable[[Context, Any], None]
"""Adds an event's operations."""
