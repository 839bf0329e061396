"""Which log this is: Kafka's own id of a topic, by a Metadata request that aiokafka doesn't bring.

A topic that was deleted and created again has another id, so a store's position or a snapshot that belongs to
the old one is recognised. One request at start, over aiokafka's connection with its TLS and SASL.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, ClassVar
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from schemas.log import LogUnavailable


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_NO_ID = bytes(16)
_TEXT = CompactString("utf-8")
_NODES = CompactArray(Int32)
_BROKER = (("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), ("tags", TaggedFields))
_PARTITION = (
    ("error_code", Int16),
    ("partition_index", Int32),
    ("leader_id", Int32),
    ("leader_epoch", Int32),
    ("replica_nodes", _NODES),
    ("isr_nodes", _NODES),
    ("offline_replicas", _NODES),
    ("tags", TaggedFields),
)


class _MetadataResponseV10(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(*_BROKER)),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _TEXT),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                ("partitions", CompactArray(*_PARTITION)),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataRequestV10(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION: ClassVar[bool] = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _MetadataResponseV10
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _TEXT), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataRequestV10]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_MetadataRequestV10]) -> Any:
        create_topic = cluster_operations = topic_operations = False
        topics: list[tuple[bytes, str, dict[int, bytes]]] = [(_NO_ID, self._topic, {})]
        return request_struct_class(topics, create_topic, cluster_operations, topic_operations, {})


async def topic_id(client: AIOKafkaClient, topic: str) -> str:
    """The topic's id as UUID text. Raises `LogUnavailable` when there is no such topic or no broker."""
    node = client.get_random_node()
    if node is None:
        raise LogUnavailable("no broker is known")
    response = await client.send(node, _MetadataRequest(topic))
    error, name, identity = response.topics[0][:3]
    if error or name != topic or identity == _NO_ID:
        raise LogUnavailable(f"topic {topic} has no id (Kafka error {error})")
    return str(UUID(bytes=identity))
