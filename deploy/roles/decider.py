"""The decider role: command records in, exactly one events record for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.nouns import deciding
from deploy.object_store import open_objects
from deploy.roles.consumer_groups import application, follow
from streams.deciders.decider import DeciderReader
from streams.deciders.snapshots import ObjectSnapshots

if TYPE_CHECKING:
    import asyncio

    from deploy.roles import Worker
    from deploy.settings import Settings
    from schemas.log import Appender, LogTail
    from schemas.topics import Topic
    from streams.deciders.snapshots import SnapshotStore


def deciders(
    configured: Settings, tail: LogTail, appender: Appender, snapshots: SnapshotStore
) -> list[tuple[Topic, DeciderReader[Any]]]:
    """A decider for each noun's commands topic, with this deployment's partition counts."""
    return [
        (
            noun.commands,
            DeciderReader(
                noun.decider,
                commands=noun.commands,
                events=noun.events,
                tail=tail,
                appender=appender,
                snapshots=snapshots,
            ),
        )
        for noun in deciding(configured)
    ]


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Decide. Snapshots are a cache: without them the fold takes longer.

    Each partition has a lane: none waits for another's acknowledgement.
    """
    snapshots = ObjectSnapshots(open_objects(worker.settings))
    readers = deciders(worker.settings, worker.tail, worker.appender, snapshots)
    await follow(worker, application(worker), readers, stop, lanes=True)
