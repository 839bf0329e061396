"""A log of one partition in memory, and the positions that its readers keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.log_positions import Position

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from schemas.log import LogRecord


class ReadLog:
    """Satisfies `LogTail` and the positions of `EffectReader`."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self.positions: dict[int, Position] = {}

    async def log_id(self, _topic: str) -> str:
        return "log"

    async def begin_offset(self, _topic: str, _partition: int) -> int:
        return 0

    async def end_offset(self, _topic: str, _partition: int) -> int:
        return len(self.records)

    async def read(
        self, _topic: str, _partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        for record in self.records[begin:end]:
            yield record

    async def load(self, _log_id: str, partition: int) -> Position:
        return self.positions.get(partition, Position())

    async def save(self, _log_id: str, partition: int, position: Position) -> None:
        self.positions[partition] = position
