"""What a reader counts, in Prometheus's default registry. `deploy` serves it."""

from __future__ import annotations

import contextlib
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

RECORDS: Final = Counter("questlog_records", "Records handled", ["topic", "partition"])
RECORD_BYTES: Final = Counter(
    "questlog_record_bytes", "Bytes of record values handled", ["topic", "partition"]
)
SKIPPED: Final = Counter(
    "questlog_records_skipped", "Records handled before, dropped", ["topic", "partition"]
)
HANDLE_SECONDS: Final = Histogram(
    "questlog_handle_seconds",
    "Time to take effect of one record",
    ["topic"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
POSITION: Final = Gauge("questlog_position", "Offset of the next record to handle", ["topic", "partition"])
LAG: Final = Gauge(
    "questlog_lag_records", "Records in the log that are not handled yet", ["topic", "partition"]
)


def forget(topic: str, partition: int) -> None:
    """Show no place of a partition that is another process's now: its lag would stand here for ever."""
    for gauge in (POSITION, LAG):
        with contextlib.suppress(KeyError):  # it was never looked at
            gauge.remove(topic, str(partition))


DEAD_LETTERS: Final = Counter("questlog_dead_letters", "Dead letters appended", ["topic", "reason"])
FAILURES: Final = Gauge(
    "questlog_record_failures",
    "How often in a row the reader failed at one place while nothing was away; 3 or more want an operator",
    ["topic", "partition"],
)
