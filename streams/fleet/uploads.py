"""Processes uploads of old clients once they are there, without a call. Source: contract/fleet.md, "v2".

Objects may be put straight into an object store that sends no notification, so it is asked for those that are
waited for: each second at first, later every 5 s.
"""

from __future__ import annotations

import asyncio
from typing import Final

from schemas.fleet.commands import ProcessBuild
from schemas.fleet.names import build_aggregate
from schemas.fleet.objects import UPLOAD_AWAITED_MS, upload_key
from schemas.fleet.ports import DueRow, UploadReads
from schemas.objects import ObjectStore
from streams.asking import Asker
from streams.dues import DUES_PER_TICK, Due, ask_all

FRESH_MS: Final = 60_000
SELDOM_MS: Final = 5_000
AT_ONCE: Final = 16
"""Questions to the object store."""


class UploadManager:
    """Asks `ProcessBuild` for uploads that are there. A second one asks the same, which changes nothing."""

    def __init__(self, asker: Asker, reads: UploadReads, objects: ObjectStore) -> None:
        self._asker = asker
        self._reads = reads
        self._objects = objects
        self._asked_ms: dict[str, int] = {}
        """By build: when the object store was asked last."""

    async def tick(self, now_ms: int) -> int:
        """One round; how many commands were answered. Raises StoreUnavailable and ObjectStoreError."""
        rows = [
            row
            for row in await self._reads.uploads(now_ms, DUES_PER_TICK)
            if now_ms - row.due_at_ms < UPLOAD_AWAITED_MS
        ]
        waiting = {row.id for row in rows}
        self._asked_ms = {name: at_ms for name, at_ms in self._asked_ms.items() if name in waiting}
        room = asyncio.Semaphore(AT_ONCE)

        async def look(row: DueRow) -> Due | None:
            async with room:
                size = await self._objects.size(upload_key(row.game_id, row.id))
            self._asked_ms[row.id] = now_ms
            return None if size is None else _process(row, size)

        found = await asyncio.gather(*(look(row) for row in rows if self._is_due(row, now_ms)))
        return await ask_all(self._asker, [due for due in found if due is not None])

    def _is_due(self, row: DueRow, now_ms: int) -> bool:
        asked_ms = self._asked_ms.get(row.id)
        return asked_ms is None or now_ms - row.due_at_ms < FRESH_MS or now_ms - asked_ms >= SELDOM_MS


def _process(row: DueRow, size: int) -> Due:
    return Due(
        studio_id=row.studio_id,
        game_id=row.game_id,
        aggregate_id=build_aggregate(row.studio_id, row.game_id, row.id),
        command=ProcessBuild(build_id=row.id, upload_bytes=size),
    )
