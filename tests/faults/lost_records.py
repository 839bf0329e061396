"""Records that are gone: a partition's newest, as one broker loses them with its power, and its oldest."""

from __future__ import annotations

from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from streams.runtime.partition_reads import KafkaTail


def batches(home: Path, topic: str, partition: int) -> list[tuple[int, int]]:
    """Where each batch of the partition's newest segment begins, and its size in bytes."""
    content = _segment(home, topic, partition).read_bytes()
    found, at = [], 0
    while at + 12 <= len(content):
        size = 12 + int.from_bytes(content[at + 8 : at + 12], "big")
        if at + size > len(content) or size == 12:
            break
        found.append((at, size))
        at += size
    return found


def lose(home: Path, topic: str, partition: int, count: int = 1) -> None:
    """Of a stopped stack: tear the `count`th last batch, and drop what stood behind it."""
    start, size = batches(home, topic, partition)[-count]
    with _segment(home, topic, partition).open("r+b") as segment:
        segment.truncate(start + size - 1)
    (home / "kafka" / "data" / ".kafka_cleanshutdown").unlink(missing_ok=True)


async def delete_records(kafka: str, topic: str, partition: int, *, before: int) -> None:
    """Of a running broker: the log begins at `before` from now on, as after a retention."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def end_offset(kafka: str, topic: str, partition: int) -> int:
    """Where a running broker will put the next record."""
    tail = KafkaTail(kafka)
    try:
        return await tail.end_offset(topic, partition)
    finally:
        await tail.stop()


def _segment(home: Path, topic: str, partition: int) -> Path:
    return max((home / "kafka" / "data" / f"{topic}-{partition}").glob("*.log"))
