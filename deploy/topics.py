"""Creates and verifies the topics before anything else starts.

A topic that exists with another partition count or setting stops the start: deciders and batches rest on
both.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from deploy.settings import partitions_variable
from schemas import topics

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXISTS: Final = 36
_REQUEST_MS: Final = 20_000
_SETTLE_SECONDS: Final = 20


class TopicMismatchError(Exception):
    """Topics that exist otherwise than this build needs.

    The message names each, what it has and what is needed.
    """


async def ensure_topics(bootstrap: str, wanted: Sequence[topics.Topic], *, replication: int = 1) -> list[str]:
    """Create what is missing and verify all; the names that were created. Called again, or by many: harmless.

    Raises TopicMismatchError, or aiokafka's KafkaError where the cluster is away.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_REQUEST_MS)
    await admin.start()
    try:
        created = await _create(admin, wanted, replication)
        problems = _partition_problems(await _described(admin, wanted), wanted)
        problems += await _setting_problems(admin, wanted, replication)
    finally:
        await admin.close()
    if problems:
        raise TopicMismatchError("topics are not as this build needs them:\n" + "\n".join(problems))
    return created


def settings_of(topic: topics.Topic, replication: int) -> dict[str, str]:
    """A topic's configuration, with the replicas that must have a record before it is acknowledged."""
    return topics.topic_settings(topic) | {"min.insync.replicas": str(max(1, replication - 1))}


async def _create(admin: Any, wanted: Sequence[topics.Topic], replication: int) -> list[str]:
    existing = set(await admin.list_topics())
    missing = [topic for topic in wanted if topic.name not in existing]
    if not missing:
        return []
    response = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, replication, topic_configs=settings_of(topic, replication))
            for topic in missing
        ]
    )
    created = []
    for name, code, *rest in response.topic_errors:
        if code == 0:
            created.append(name)
        elif code != _EXISTS:  # another process was first
            raise for_code(code)(f"creating topic {name}: {rest[0] if rest else ''}")
    return created


async def _described(admin: Any, wanted: Sequence[topics.Topic]) -> dict[str, int]:
    """Partition count of each topic, once every partition of a topic just created has its leader."""
    async with asyncio.timeout(_SETTLE_SECONDS):
        while True:
            entries = await admin.describe_topics([topic.name for topic in wanted])
            if all(_led(entry) for entry in entries):
                return {entry["topic"]: len(entry["partitions"]) for entry in entries}
            await asyncio.sleep(0.05)


def _led(entry: dict[str, Any]) -> bool:
    partitions = entry["partitions"]
    return entry["error_code"] == 0 and all(p["error_code"] == 0 and p["leader"] >= 0 for p in partitions)


def _partition_problems(counts: dict[str, int], wanted: Sequence[topics.Topic]) -> list[str]:
    return [
        f"  {topic.name}: has {counts[topic.name]} partition(s), needs {topic.partitions}; the count never "
        f"changes (use another home or cluster, or set {partitions_variable(topic.name.split('.')[0])} back)"
        for topic in wanted
        if counts[topic.name] != topic.partitions
    ]


async def _setting_problems(admin: Any, wanted: Sequence[topics.Topic], replication: int) -> list[str]:
    problems = []
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in wanted]
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for resource in response.resources:
            code, message, _, name, entries = resource[:5]
            if code:
                raise for_code(code)(f"reading settings of topic {name}: {message}")
            found[name] = {entry[0]: entry[1] for entry in entries}
    for topic in wanted:
        for key, value in settings_of(topic, replication).items():
            has = found[topic.name].get(key)
            if has != value:
                problems.append(f"  {topic.name}: {key} is {has}, needs {value}")
    return problems
