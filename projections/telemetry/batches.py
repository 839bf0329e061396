"""Where one insert ends and the next begins: a pure function of the log, the same for every worker.

A batch ends where LogAppendTime // bucket or the arrival day changes, or where 500,000 rows are reached
(counted before repeats are dropped). Whether a bucket is over is known only when a later record is seen: on
an idle partition the worker appends a tick record. Source: the design's "Exactly once into ClickHouse".
"""

from __future__ import annotations

from typing import Final

import msgspec

BUCKET_MS: Final = 1000
ROWS_MAX: Final = 500_000
DAY_MS: Final = 86_400_000
_TICK_GRACE_MS: Final = 20


class Batch(msgspec.Struct, frozen=True):
    """Records first..last of one partition, which go into each table as one insert."""

    first: int
    last: int
    rows: int
    log_time_ms: int
    """LogAppendTime of the last record."""


class BatchBoundaries:
    """Follows one partition from a batch's first record on. Feed it every record, in offset order."""

    def __init__(self, bucket_ms: int = BUCKET_MS, rows_max: int = ROWS_MAX) -> None:
        if bucket_ms < 1 or rows_max < 1:
            raise ValueError("a batch needs room for at least one millisecond and one row")
        self._bucket_ms = bucket_ms
        self._rows_max = rows_max
        self._open: Batch | None = None
        self._wants_end = False
        self._tick_after_ms = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a batch that holds at least one record."""
        return self._open is not None

    def ends_before(self, appended_at_ms: int) -> bool:
        """Whether the open batch ends before a record of this time. False where none is open."""
        if self._open is None:
            return False
        return self._bucket(self._open.log_time_ms) != self._bucket(appended_at_ms)

    def add(self, offset: int, appended_at_ms: int, rows: int, *, tick: bool = False) -> bool:
        """Add a record that `ends_before` did not refuse; return whether the batch is full now.

        `tick` says that the record holds nothing but a tick: a batch of ticks alone wants no end.
        """
        batch = self._open
        if batch is not None and (offset <= batch.last or self.ends_before(appended_at_ms)):
            raise ValueError(f"record {offset} does not belong to the batch {batch.first}-{batch.last}")
        self._open = Batch(
            first=offset if batch is None else batch.first,
            last=offset,
            rows=rows if batch is None else batch.rows + rows,
            log_time_ms=appended_at_ms,
        )
        self._wants_end = self._wants_end or not tick
        return self._open.rows >= self._rows_max

    def take(self) -> Batch:
        """End the open batch and return it. Raises ValueError where none is open."""
        if self._open is None:
            raise ValueError("no batch is open")
        batch, self._open, self._wants_end, self._tick_after_ms = self._open, None, False, 0
        return batch

    def tick_due(self, now_ms: int) -> bool:
        """Whether an idle partition needs a tick record now to end its batch.

        True again only half a bucket later: the tick's own LogAppendTime may fall into the same bucket when
        the broker's clock is behind `now_ms`.
        """
        if self._open is None or not self._wants_end:
            return False
        end_ms = (self._open.log_time_ms // self._bucket_ms + 1) * self._bucket_ms
        if now_ms < max(end_ms + _TICK_GRACE_MS, self._tick_after_ms):
            return False
        self._tick_after_ms = now_ms + max(self._bucket_ms // 2, 1)
        return True

    def _bucket(self, at_ms: int) -> tuple[int, int]:
        return at_ms // self._bucket_ms, at_ms // DAY_MS
