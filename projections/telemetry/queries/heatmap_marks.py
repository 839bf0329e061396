"""How far `positions` surely holds everything: the marks that heatmaps are brought up to date by."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from projections.telemetry.queries.client import Queries

KEPT_S: Final = 0.3


class Marks(msgspec.Struct, frozen=True):
    """The table's identity, and for each log partition an offset up to which it surely holds everything."""

    generation: str
    ceilings: dict[int, int]


class TableMarks:
    """The marks of now, read at most every `kept_s` seconds however many ask."""

    def __init__(self, queries: Queries, monotonic: Callable[[], float], *, kept_s: float) -> None:
        self._queries = queries
        self._monotonic = monotonic
        self._kept_s = kept_s
        self._lock = asyncio.Lock()
        self._held: tuple[float, Marks] | None = None

    async def now(self) -> Marks:
        """The marks, at most so old. Raises StoreUnavailable."""
        # Older marks claim less and are as true, so all heatmaps of a moment share them.
        async with self._lock:
            now = self._monotonic()
            if self._held is None or now - self._held[0] >= self._kept_s:
                self._held = (now, await self._read())
            return self._held[1]

    async def _read(self) -> Marks:
        # A mutation (an erasure) or another set of tables (a rebuild) takes back what was counted.
        system = self._queries.system_database
        rows = await self._queries.query(
            "SELECT toInt32(partition) AS p, toInt64(max(next_offset)) - 1 AS ceiling, '' AS generation "  # noqa: S608 - our database
            f"FROM {system}.reader_positions WHERE topic = 'telemetry' GROUP BY partition "
            f"UNION ALL SELECT -1, 0, concat((SELECT min(generation) FROM {system}.generations), ' ', "
            "(SELECT concat(toString(count()), ' ', toString(sum(is_done))) FROM system.mutations "
            "WHERE database = currentDatabase() AND table = 'positions'))"
        )
        return Marks(
            generation=next(row[2] for row in rows if row[0] < 0),
            ceilings={row[0]: row[1] for row in rows if row[0] >= 0},
        )
