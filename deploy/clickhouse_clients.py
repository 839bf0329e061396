"""Clients of ClickHouse as a process's settings say, for writers and for reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.cluster import Cluster, read_settings
from projections.clickhouse.migrations import read, tenant_tables
from projections.telemetry.queries.client import ClickHouseQueries

if TYPE_CHECKING:
    from deploy.clickhouse_settings import ClickHouseSettings


def cluster_of(settings: ClickHouseSettings) -> Cluster | None:
    """The cluster that the settings name; None for a single server."""
    if not settings.clickhouse_cluster:
        return None
    return Cluster(settings.clickhouse_cluster, settings.clickhouse_shards, frozenset(tenant_tables(read())))


def clickhouse_of(
    settings: ClickHouseSettings, *, database: str | None = None, answer_seconds: float = 60.0
) -> ClickHouse:
    """A client for writers, of the settings' database or another one. Nothing connects yet."""
    return ClickHouse(
        settings.clickhouse_url,
        database or settings.clickhouse_database,
        cluster=cluster_of(settings),
        answer_seconds=answer_seconds,
    )


def clickhouse_queries_of(settings: ClickHouseSettings) -> ClickHouseQueries:
    """A client for reads that HTTP answers wait for. Nothing connects yet."""
    return ClickHouseQueries(
        settings.clickhouse_url, settings.clickhouse_database, settings=read_settings(cluster_of(settings))
    )
