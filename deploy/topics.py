"""Creates and verifies the topics before anything else starts.

A topic that exists with another partition count or setting, or with fewer replicas, stops the start:
deciders and batches rest on the first two, what is acknowledged on the last. The message says what to do.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code

from deploy.settings import PREFIX, partitions_variable
from schemas import topics
from streams.runtime.brokers import Brokers, at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_EXISTS: Final = 36
_REQUEST_MS: Final = 20_000
FoundT = TypeVar("FoundT")
_SETTLE_SECONDS: Final = 20


class TopicMismatchError(Exception):
    """Topics that exist otherwise than this build needs.

    The message names each, what it has and what is needed.
    """


class KafkaAway(Exception):
    """No broker serves; the message says of each server why."""


class Safety(NamedTuple):
    """How many machines have what is acknowledged."""

    replication: int = 1
    """Replicas of each partition, at least."""
    insync: int = 1
    """How many must have a record before it is acknowledged."""


ONE_MACHINE: Final = Safety()


async def ensure_topics(
    where: Brokers | str, wanted: Sequence[topics.Topic], safety: Safety = ONE_MACHINE
) -> list[str]:
    """Create what is missing and verify all; the names that were created. Called again, or by many: harmless.

    Raises TopicMismatchError, KafkaAway, or aiokafka's KafkaError where the cluster refuses.
    """
    brokers = at(where)
    admin = AIOKafkaAdminClient(**brokers.client(), request_timeout_ms=_REQUEST_MS)
    try:
        await admin.start()
    except KafkaError as error:
        await admin.close()
        raise KafkaAway(f"no Kafka: {await brokers.trouble()}") from error
    try:
        created = await _create(admin, wanted, safety)
        described = await _described(admin, wanted)
        problems = _partition_problems(described, wanted)
        problems += _replica_problems(described, wanted, safety.replication)
        problems += await _setting_problems(admin, wanted, safety)
    finally:
        await admin.close()
    if problems:
        raise TopicMismatchError("topics are not as this build needs them:\n" + "\n".join(problems))
    return created


def settings_of(topic: topics.Topic, insync: int) -> dict[str, str]:
    """A topic's configuration, with the replicas that must have a record before it is acknowledged."""
    return topics.topic_settings(topic) | {"min.insync.replicas": str(insync)}


async def _create(admin: Any, wanted: Sequence[topics.Topic], safety: Safety) -> list[str]:
    existing = set(await admin.list_topics())
    missing = [topic for topic in wanted if topic.name not in existing]
    if not missing:
        return []
    response = await admin.create_topics(
        [
            NewTopic(
                topic.name,
                topic.partitions,
                safety.replication,
                topic_configs=settings_of(topic, safety.insync),
            )
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


async def _described(admin: Any, wanted: Sequence[topics.Topic]) -> dict[str, list[dict[str, Any]]]:
    """The partitions of each topic, once every partition of a topic just created has its leader."""

    async def look() -> dict[str, list[dict[str, Any]]] | None:
        entries = await admin.describe_topics([topic.name for topic in wanted])
        if not all(_led(entry) for entry in entries):
            return None
        return {entry["topic"]: entry["partitions"] for entry in entries}

    return await _settled(look)


async def _settled(look: Callable[[], Awaitable[FoundT | None]]) -> FoundT:
    """What is there once anything is: topics just created take a moment to be known. Raises TimeoutError."""
    async with asyncio.timeout(_SETTLE_SECONDS):
        while True:
            found = await look()
            if found is not None:
                return found
            await asyncio.sleep(0.05)


def _led(entry: dict[str, Any]) -> bool:
    partitions = entry["partitions"]
    return entry["error_code"] == 0 and all(p["error_code"] == 0 and p["leader"] >= 0 for p in partitions)


def _partition_problems(
    described: dict[str, list[dict[str, Any]]], wanted: Sequence[topics.Topic]
) -> list[str]:
    return [
        f"  {topic.name}: has {len(described[topic.name])} partition(s), needs {topic.partitions}; the count"
        f" never changes (use another home or cluster, or set"
        f" {partitions_variable(topic.name.split('.')[0])} back)"
        for topic in wanted
        if len(described[topic.name]) != topic.partitions
    ]


def _replica_problems(
    described: dict[str, list[dict[str, Any]]], wanted: Sequence[topics.Topic], replication: int
) -> list[str]:
    """More replicas than asked for are no problem."""
    problems = []
    for topic in wanted:
        least = min(len(partition["replicas"]) for partition in described[topic.name])
        if least < replication:
            problems.append(
                f"  {topic.name}: has {least} replica(s) of a partition, needs {replication}; add replicas"
                f" with kafka-reassign-partitions.sh, or set {PREFIX}REPLICATION to {least}"
            )
    return problems


async def _setting_problems(admin: Any, wanted: Sequence[topics.Topic], safety: Safety) -> list[str]:
    problems = []
    found = await _settled(lambda: settings_there(admin, wanted))
    for topic in wanted:
        for key, value in settings_of(topic, safety.insync).items():
            has = found[topic.name].get(key)
            if has != value:
                problems.append(
                    f"  {topic.name}: {key} is {has}, needs {value}{_reason(topic, key)}; kafka-configs.sh"
                    f" --alter --entity-type topics --entity-name {topic.name} --add-config {key}={value}"
                )
    return problems


async def settings_there(admin: Any, wanted: Sequence[topics.Topic]) -> dict[str, dict[str, str]] | None:
    """What each topic is set to; None while the broker that is asked has not heard of one just created.

    That all partitions are led is another broker's word. Raises a KafkaError where the cluster refuses.
    """
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in wanted]
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for resource in response.resources:
            code, message, _, name, entries = resource[:5]
            if code == UnknownTopicOrPartitionError.errno:
                return None
            if code:
                raise for_code(code)(f"reading settings of topic {name}: {message}")
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


def _reason(topic: topics.Topic, key: str) -> str:
    if key == "min.insync.replicas":
        return f" ({PREFIX}INSYNC_REPLICAS, or one less than {PREFIX}REPLICATION)"
    if key != "retention.ms":
        return ""
    if topic.trimmable:
        return f" ({PREFIX}TELEMETRY_RETENTION_DAYS)"
    return " (state is folded from all of it)" if topic.retention_ms == -1 else ""
