"""What the ClickHouse projector counts, in Prometheus's default registry. `deploy` serves it."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

BATCH_ROWS: Final = Histogram(
    "questlog_cut_rows",
    "Rows of a batch, repeats included",
    buckets=(1, 10, 100, 1_000, 5_000, 20_000, 60_000, 120_000, 250_000, 500_000, 1_000_000),
)
BATCH_SECONDS: Final = Histogram(
    "questlog_cut_seconds",
    "Time from a batch's end to its position, everything included",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
INSERT_SECONDS: Final = Histogram(
    "questlog_insert_seconds",
    "Time of one insert, retries included",
    ["table"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
INSERTED_ROWS: Final = Counter("questlog_inserted_rows", "Rows sent to ClickHouse", ["table"])
REPEATS: Final = Counter("questlog_repeated_events", "S1 events dropped as repeats")
APPLIED_AT: Final = Gauge(
    "questlog_applied_log_time_seconds", "LogAppendTime of the last applied record, unix", ["partition"]
)
APPLIED_BEHIND: Final = Histogram(
    "questlog_applied_behind_seconds",
    "How long after its LogAppendTime a batch's last record was queryable",
    buckets=(0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 5, 10, 30, 60, 300, 3600),
)
SESSIONS_IN_MEMORY: Final = Gauge(
    "questlog_sessions_in_memory", "Session parts kept in memory", ["partition"]
)
DEAD_PARTS: Final = Counter("questlog_dead_telemetry_parts", "Parts and records given up", ["reason"])
TICKS: Final = Counter("questlog_ticks", "Tick records appended to end a batch on an idle partition")
