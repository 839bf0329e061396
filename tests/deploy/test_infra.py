import uuid

import clickhouse_connect
import pytest
import redis
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.stack.kafka import cluster_id

pytestmark = pytest.mark.stack


async def test_a_broker_takes_a_record(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic("infra-probe", 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, acks="all")
    await producer.start()
    try:
        metadata = await producer.send_and_wait("infra-probe", b"hello", partition=0)
    finally:
        await producer.stop()
    assert metadata.offset == 0
    assert metadata.timestamp_type == 1  # LogAppendTime


def test_redis_answers(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()
        assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_clickhouse_answers(clickhouse_url: str) -> None:
    client = clickhouse_connect.get_client(dsn=clickhouse_url)
    assert client.query("SELECT 1").result_rows == [(1,)]
    client.close()


def test_no_cluster_id_looks_like_an_option() -> None:
    assert cluster_id(uuid.UUID(bytes=b"\xf8" + bytes(15))) == "AAAAAAAAAAAAAAAAAAAAAA"
    assert len(cluster_id(uuid.UUID(bytes=b"\xff" * 16))) == 22
