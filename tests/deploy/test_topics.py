import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from msgspec.structs import replace

from deploy.nouns import topics_of
from deploy.settings import Settings, SettingsError, from_environment
from deploy.topics import TopicMismatchError, ensure_topics, settings_there
from schemas import topics
from schemas.telemetry.noun import TELEMETRY

pytestmark = pytest.mark.stack


async def test_topics_are_created_once_and_verified(kafka: str) -> None:
    wanted = [topics.Topic(name=f"made.{n}", partitions=n, description="") for n in (1, 3)]
    assert sorted(await ensure_topics(kafka, wanted)) == ["made.1", "made.3"]
    assert await ensure_topics(kafka, wanted) == []


async def test_two_processes_may_create_at_once(kafka: str) -> None:
    wanted = [topics.Topic(name="raced", partitions=2, description="")]
    made = await asyncio.gather(*(ensure_topics(kafka, wanted) for _ in range(3)))
    assert [name for names in made for name in names] == ["raced"]


async def test_a_broker_that_has_not_heard_of_a_topic_is_asked_again(kafka: str) -> None:
    """In a cluster another broker than the one that says that all partitions are led may be asked."""
    wanted = [topics.Topic(name="heard.of", partitions=1, description="")]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        assert await settings_there(admin, wanted) is None
        await ensure_topics(kafka, wanted)
        there = await settings_there(admin, wanted)
        assert there is not None
        assert there["heard.of"]["compression.type"] == "producer"
    finally:
        await admin.close()


async def test_another_partition_count_is_refused(kafka: str) -> None:
    await ensure_topics(kafka, [topics.Topic(name="fixed", partitions=1, description="")])
    with pytest.raises(TopicMismatchError, match=r"fixed: has 1 partition\(s\), needs 2"):
        await ensure_topics(kafka, [topics.Topic(name="fixed", partitions=2, description="")])


async def test_another_setting_is_refused(kafka: str) -> None:
    await ensure_topics(kafka, [topics.Topic(name="set", partitions=1, description="")])
    other = topics.Topic(name="set", partitions=1, description="", compression="zstd")
    with pytest.raises(TopicMismatchError) as mismatch:
        await ensure_topics(kafka, [other])
    assert (
        "set: compression.type is producer, needs zstd; kafka-configs.sh --alter --entity-type topics"
        " --entity-name set --add-config compression.type=zstd" in str(mismatch.value)
    )


async def test_a_log_that_state_is_folded_from_is_not_trimmed(kafka: str) -> None:
    trimmed = topics.Topic(name="folded", partitions=1, description="", retention_ms=86_400_000)
    await ensure_topics(kafka, [trimmed])
    with pytest.raises(TopicMismatchError, match=r"86400000, needs -1 \(state is folded from all of it\)"):
        await ensure_topics(kafka, [topics.Topic(name="folded", partitions=1, description="")])


async def test_telemetry_may_be_kept_for_some_days(kafka: str) -> None:
    bounded = from_environment({"QUESTLOG_TELEMETRY_RETENTION_DAYS": "30"})
    kept = {topic.name: topic.retention_ms for topic in topics_of(bounded)}
    assert kept.pop("telemetry") == 30 * 86_400_000
    unbounded = {topic.name: topic.retention_ms for topic in topics_of(Settings())}
    assert unbounded.pop("telemetry") == -1
    assert kept == unbounded
    telemetry = next(topic for topic in topics_of(bounded) if topic.name == "telemetry")
    await ensure_topics(kafka, [replace(telemetry, name="events-for-a-month")])
    with pytest.raises(TopicMismatchError, match=r"needs -1 \(QUESTLOG_TELEMETRY_RETENTION_DAYS\)"):
        await ensure_topics(kafka, [replace(TELEMETRY, name="events-for-a-month")])


def test_the_telemetry_partition_count_is_the_deployments() -> None:
    counts = {topic.name: topic.partitions for topic in topics_of(Settings(partitions={"telemetry": 4}))}
    assert counts == {
        "studio.commands": 1,
        "studio.events": 1,
        "liveops.commands": 8,
        "liveops.events": 8,
        "playtests.commands": 8,
        "playtests.events": 8,
        "fleet.commands": 1,
        "fleet.events": 1,
        "fleet.telemetry": 1,
        "telemetry": 4,
        "telemetry.skips": 1,
        "telemetry.forgotten": 1,
        "dead-letters": 1,
        "operations": 1,
    }


@pytest.mark.parametrize(
    ("noun", "count", "message"),
    [
        ("studio", 2, "QUESTLOG_PARTITIONS_STUDIO must be from 1 to 1, not 2"),
        ("nothing", 1, "QUESTLOG_PARTITIONS_NOTHING: there is no such noun"),
    ],
)
def test_a_count_that_a_noun_can_not_have_is_refused(noun: str, count: int, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        topics_of(Settings(partitions={noun: count}))
