"""What must hold before any process starts: topics and tables as this build needs them.

Safe to run again, by many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.brokers import brokers_of
from deploy.nouns import topics_of, views
from deploy.topics import Safety, ensure_topics
from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.views import apply_views

if TYPE_CHECKING:
    from deploy.settings import Settings


async def prepare(settings: Settings) -> list[str]:
    """Create and verify topics, bring the tables up to date; what was done, a line each.

    Raises TopicMismatchError, MigrationError, KafkaAway, KafkaError or ClickHouseError with a message for a
    person.
    """
    created = await ensure_topics(
        brokers_of(settings),
        topics_of(settings),
        Safety(settings.replication, settings.insync_replicas_min),
    )
    client = ClickHouse(settings.clickhouse_url, settings.clickhouse_database)
    try:
        applied = await migrations.apply(client)
        await apply_views(client, views())
    finally:
        await client.close()
    return [f"created topic {name}" for name in created] + [
        f"applied migration {number}" for number in applied
    ]
