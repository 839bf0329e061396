"""One subscriber of a board: its queue, and the text of its events."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from schemas.liveops.ports import StreamEntry

QUEUED_BYTES_MAX: Final = 256 * 1024
"""What may wait for one listener, beside the 64 KiB that its connection holds."""


def order(entry_id: str) -> tuple[int, int]:
    """An id as what it is compared by. Raises ValueError for what is no id."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)


def event_text(board_id: str, entry: StreamEntry) -> bytes:
    """One event as SSE has it: `score_update`, or `closed` where the board is finalized."""
    if not entry.data:
        return closed_text(board_id, entry.id)
    rank = b"null" if entry.rank is None else b"%d" % entry.rank
    fields = (entry.id.encode(), entry.data[:-1], rank)
    return b'id: %s\nevent: score_update\ndata: %s,"rank":%s}\n\n' % fields


def closed_text(board_id: str, entry_id: str) -> bytes:
    """The last event of a stream."""
    return b'id: %s\nevent: closed\ndata: {"leaderboardId":"%s"}\n\n' % (entry_id.encode(), board_id.encode())


class Listener:
    """One connection's queue. `take` gives what waits, joined; empty bytes are the end."""

    __slots__ = ("_abort", "_chunks", "_loop", "_over", "_size", "_waiter", "after", "dropped", "presented")

    def __init__(self, abort: Callable[[], object], presented: str = "") -> None:
        self.presented = presented
        """The key that the stream was opened with; empty where the caller checks that it is valid."""
        self.after = (0, 0)
        """Events up to this id are none of this listener's: it has had them."""
        self.dropped = False
        self._abort = abort
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._over = False
        self._waiter: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()

    def offer(self, chunk: bytes) -> bool:
        """Queue text. False where the queue is full: the connection is ended."""
        if self._over:
            return True
        if self._size + len(chunk) > QUEUED_BYTES_MAX and self._chunks:
            self.dropped = True
            self._chunks.clear()
            self.end()
            self._abort()
            return False
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._wake()
        return True

    def end(self) -> None:
        """Nothing more comes; what is queued is still given."""
        self._over = True
        self._wake()

    @property
    def over(self) -> bool:
        """Whether it was ended."""
        return self._over

    async def take(self) -> bytes:
        """What waits, or what comes next."""
        while not self._chunks and not self._over:
            self._waiter = self._loop.create_future()
            await self._waiter
        text = b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        return text

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
