"""Names and columns of the tables that hold what hosts tell. Their DDL: `0015_fleet_telemetry.sql`."""

from __future__ import annotations

from typing import Final

LOGS: Final = "fleet_logs"
ENDS: Final = "fleet_log_ends"
METRICS: Final = "fleet_metrics"
BUILD_LOGS: Final = "fleet_build_logs"

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    LOGS: (
        *("studio_id", "game_id", "at", "instance_id", "server_name", "region", "attempt", "host_id"),
        *("stream", "byte_offset", "level", "message", "_partition", "_offset", "_index"),
    ),
    ENDS: ("studio_id", "game_id", "instance_id", "attempt", "stream", "last_byte_offset", "at"),
    METRICS: (
        *("studio_id", "game_id", "instance_id", "at", "attempt", "host_id", "region", "cpu_percent"),
        *("memory_bytes", "memory_total_bytes", "rx_bytes", "tx_bytes", "tcp_connections", "load"),
    ),
    BUILD_LOGS: (
        *("studio_id", "game_id", "build_id", "attempt", "number", "at", "level", "step", "message"),
        "host_id",
    ),
}
"""Lines come before how far they go: a crash between the two repeats lines under the same keys."""
