"""What a topic is, and the topics of no noun: each noun declares its own in `schemas/<noun>/noun.py`.

They are created and verified before anything else starts.

All topics use LogAppendTime: a record's time is the log's, never a client's, so that every batch and deadline
is a function of the log. Nothing is compacted: compaction leaves offset gaps, and a gap means another writer.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

RECORD_BYTES_MAX: Final = 16 * 1024 * 1024
PARTITIONS_MAX: Final = 256
COMMANDS_PER_RECORD_MAX: Final = 256
COMMAND_RECORD_BYTES_MAX: Final = 256 * 1024


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic's name and shape. `partitions` is fixed for ever once created; start refuses another count."""

    name: str
    partitions: int
    """The default; `QUESTLOG_PARTITIONS_<NOUN>` sets that of a noun's topics, up to `partitions_max`."""
    description: str
    partitions_max: int = PARTITIONS_MAX
    key: Literal["aggregate_id", "studio_id", "game_id"] = "aggregate_id"
    """Of commands: the field of a command whose hash is its partition."""
    compression: str = "producer"
    trimmable: bool = False
    """No state is folded from it, so that `QUESTLOG_<NOUN>_RETENTION_DAYS` may bound how long it is kept."""
    retention_ms: int = -1
    """How long records are kept, at least; -1 is for ever, as all must be that state is folded from."""
    command_record_bytes_max: int = COMMAND_RECORD_BYTES_MAX
    """Of commands: what a gateway puts into one record."""


DEAD_LETTERS: Final = Topic(
    name="dead-letters",
    partitions=1,
    partitions_max=1,
    description="Records and entries that could not be read, whole, with where they came from and why.",
)
SHARED: Final = (DEAD_LETTERS,)
"""Topics that belong to no noun."""


def topic_settings(topic: Topic) -> dict[str, str]:
    """The Kafka topic configuration that start-up sets and verifies."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_ms),
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(RECORD_BYTES_MAX),
        "compression.type": topic.compression,
    }
