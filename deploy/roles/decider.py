"""The decider role: command records in, exactly one events record for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from deploy.object_store import open_objects
from deploy.topics import wanted_topics
from schemas.topics import LIVEOPS_COMMANDS, LIVEOPS_EVENTS, STUDIO_COMMANDS, STUDIO_EVENTS, Topic
from streams.deciders.decider import DeciderReader
from streams.deciders.liveops.noun import LIVEOPS
from streams.deciders.noun import Noun
from streams.deciders.snapshots import ObjectSnapshots
from streams.deciders.studio import STUDIO

if TYPE_CHECKING:
    import asyncio

    from deploy.roles import Worker
    from deploy.settings import Settings
    from schemas.log import Appender, LogTail
    from streams.deciders.snapshots import SnapshotStore

NOUNS: Final[tuple[tuple[Noun[Any], Topic, Topic], ...]] = (
    (STUDIO, STUDIO_COMMANDS, STUDIO_EVENTS),
    (LIVEOPS, LIVEOPS_COMMANDS, LIVEOPS_EVENTS),
)
"""Each with its commands and its events."""


def deciders(
    configured: Settings, tail: LogTail, appender: Appender, snapshots: SnapshotStore
) -> list[tuple[Topic, DeciderReader[Any]]]:
    """A decider for each noun's commands topic, with this deployment's partition counts."""
    wanted = wanted_topics(configured.telemetry_partitions, configured.liveops_partitions)
    topics = {topic.name: topic for topic in wanted}
    return [
        (
            topics[commands.name],
            DeciderReader(
                noun,
                commands=topics[commands.name],
                events=topics[events.name],
                tail=tail,
                appender=appender,
                snapshots=snapshots,
            ),
        )
        for noun, commands, events in NOUNS
    ]


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Decide. Snapshots are a cache: without them the fold takes longer.

    Each partition has a lane: none waits for another's acknowledgement.
    """
    snapshots = ObjectSnapshots(open_objects(worker.settings, worker.stack))
    readers = deciders(worker.settings, worker.tail, worker.appender, snapshots)
    await worker.follow(worker.application(), readers, stop, lanes=True)
