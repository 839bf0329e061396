import asyncio

import pytest

from deploy.nouns import topics_of
from deploy.settings import Settings, SettingsError
from deploy.topics import TopicMismatchError, ensure_topics
from schemas import topics

pytestmark = pytest.mark.stack


async def test_topics_are_created_once_and_verified(kafka: str) -> None:
    wanted = [topics.Topic(name=f"made.{n}", partitions=n, description="") for n in (1, 3)]
    assert sorted(await ensure_topics(kafka, wanted)) == ["made.1", "made.3"]
    assert await ensure_topics(kafka, wanted) == []


async def test_two_processes_may_create_at_once(kafka: str) -> None:
    wanted = [topics.Topic(name="raced", partitions=2, description="")]
    made = await asyncio.gather(*(ensure_topics(kafka, wanted) for _ in range(3)))
    assert [name for names in made for name in names] == ["raced"]


async def test_another_partition_count_is_refused(kafka: str) -> None:
    await ensure_topics(kafka, [topics.Topic(name="fixed", partitions=1, description="")])
    with pytest.raises(TopicMismatchError, match=r"fixed: has 1 partition\(s\), needs 2"):
        await ensure_topics(kafka, [topics.Topic(name="fixed", partitions=2, description="")])


async def test_another_setting_is_refused(kafka: str) -> None:
    await ensure_topics(kafka, [topics.Topic(name="set", partitions=1, description="")])
    other = topics.Topic(name="set", partitions=1, description="", compression="zstd")
    with pytest.raises(TopicMismatchError, match=r"set: compression\.type is producer, needs zstd"):
        await ensure_topics(kafka, [other])


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
        "dead-letters": 1,
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
