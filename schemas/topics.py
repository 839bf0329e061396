"""One table of topics. They are created and verified before anything else starts.

All topics use LogAppendTime: a record's time is the log's, never a client's, so that every batch and deadline
is a function of the log. Nothing is compacted: compaction leaves offset gaps, and a gap means another writer.
"""

from __future__ import annotations

from typing import Final

import msgspec

RECORD_BYTES_MAX: Final = 16 * 1024 * 1024
COMMANDS_PER_RECORD_MAX: Final = 256
COMMAND_RECORD_BYTES_MAX: Final = 256 * 1024


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic's name and shape. `partitions` is fixed for ever once created; start refuses another count."""

    name: str
    partitions: int
    description: str
    compression: str = "producer"


STUDIO_COMMANDS: Final = Topic(
    name="studio.commands",
    partitions=1,
    description="Command records about studios, games, keys and definitions. One partition: its decider owns "
    "all that is globally unique.",
)
STUDIO_EVENTS: Final = Topic(
    name="studio.events",
    partitions=1,
    description="One events record for each record of studio.commands; `src` is that record's offset.",
)
LIVEOPS_COMMANDS: Final = Topic(
    name="liveops.commands",
    partitions=8,
    description="Command records of players, groups, lobbies and boards. The partition follows from the "
    "aggregate's id; a window's closing goes to each.",
)
LIVEOPS_EVENTS: Final = Topic(
    name="liveops.events",
    partitions=8,
    description="One events record for each record of the same partition of liveops.commands; `src` is that "
    "record's offset.",
)
TELEMETRY: Final = Topic(
    name="telemetry",
    partitions=1,
    description="Validated telemetry requests as sent, session deadlines and ticks: facts, no decider.",
)
DEAD_LETTERS: Final = Topic(
    name="dead-letters",
    partitions=1,
    description="Records and parts that could not be read, whole, with where they came from and why.",
)
TELEMETRY_SKIPS: Final = Topic(
    name="telemetry.skips",
    partitions=1,
    description="The list of decisions to skip a telemetry record; each is in the telemetry topic as well.",
)

ALL: Final = (
    STUDIO_COMMANDS,
    STUDIO_EVENTS,
    LIVEOPS_COMMANDS,
    LIVEOPS_EVENTS,
    TELEMETRY,
    TELEMETRY_SKIPS,
    DEAD_LETTERS,
)


def topic_settings(topic: Topic) -> dict[str, str]:
    """The Kafka topic configuration that start-up sets and verifies."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(RECORD_BYTES_MAX),
        "compression.type": topic.compression,
    }
