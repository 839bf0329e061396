"""What deciders have decided, read from a noun's events topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from deploy.brokers import brokers_of
from deploy.nouns import topic_of
from schemas.envelope import Decided, EventsRecord
from streams.runtime.partition_reads import KafkaTail

if TYPE_CHECKING:
    from deploy.settings import Settings
    from schemas.topics import Topic

_RECORD: Final = msgspec.msgpack.Decoder(EventsRecord)


class Entry(msgspec.Struct, frozen=True):
    """What came of one command, and where the log says so."""

    partition: int
    offset: int
    decided: Decided


async def read_log(configured: Settings, events: Topic) -> list[Entry]:
    """All that an events topic holds and counts, partition by partition."""
    topic = topic_of(configured, events)
    tail = KafkaTail(brokers_of(configured), client_id="questlog-drill")
    found: list[Entry] = []
    try:
        for partition in range(topic.partitions):
            last = -1
            async for record in tail.read(topic.name, partition, 0):
                read = _RECORD.decode(record.value)
                if read.src != last + 1:  # of a decider that had been replaced
                    continue
                last = read.src
                found += [Entry(partition, record.offset, decided) for decided in read.decided]
    finally:
        await tail.stop()
    return found
