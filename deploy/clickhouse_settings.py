"""Settings of ClickHouse: where it is, and whether that is one server or a cluster."""

from __future__ import annotations

import dataclasses
from typing import Final

from deploy.kafka_settings import KafkaSettings

DEFAULT_CLICKHOUSE_PORT: Final = 8123
CLICKHOUSE_LIMITS: Final = (("clickhouse_shards", 1, 1_000),)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ClickHouseSettings(KafkaSettings):
    """The part of `Settings` that is about ClickHouse; on top of Kafka's, as a slotted class has one base."""

    clickhouse_url: str = f"http://localhost:{DEFAULT_CLICKHOUSE_PORT}"
    """http(s)://[user:password@]host:port. Of a cluster: any of its servers, or a balancer before them."""
    clickhouse_database: str = "questlog"
    clickhouse_cluster: str = ""
    """Name of the cluster in its servers' `remote_servers`: tables are replicated. Empty: a single server.
    Fixed once there are tables: another one takes another database, which is built from the log."""
    clickhouse_shards: int = 1
    """How many shards it has; with more than one, rows are spread over them by studio. Fixed likewise."""
