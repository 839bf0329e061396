"""What must hold before any process starts: topics and tables as this build needs them.

Safe to run again, by many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.brokers import brokers_of
from deploy.clickhouse_clients import clickhouse_of
from deploy.nouns import topics_of, views
from deploy.topics import Safety, ensure_topics
from projections.clickhouse import migrations
from projections.clickhouse.cluster_checks import check_cluster, check_tables
from projections.clickhouse.system_tables import create_databases
from projections.clickhouse.views import apply_views

if TYPE_CHECKING:
    from deploy.settings import Settings


async def prepare(settings: Settings) -> list[str]:
    """Create and verify topics, bring the tables up to date; what was done, a line each.

    Raises TopicMismatchError, MigrationError, ClusterUnfit, KafkaAway, KafkaError or ClickHouseError with a
    message for a person.
    """
    created = await ensure_topics(
        brokers_of(settings),
        topics_of(settings),
        Safety(settings.replication, settings.insync_replicas_min),
    )
    client = clickhouse_of(settings)
    try:
        advised = await check_cluster(client)
        await create_databases(client)
        applied = await migrations.apply(client)
        await apply_views(client, views())
        await check_tables(client)
    finally:
        await client.close()
    return (
        [f"created topic {name}" for name in created]
        + [f"applied migration {number}" for number in applied]
        + [f"advice: {line}" for line in advised]
    )
