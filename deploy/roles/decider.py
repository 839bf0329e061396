"""The decider role: command records in, exactly one events record for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.log import LogReader
from schemas.topics import LIVEOPS_COMMANDS, LIVEOPS_EVENTS, STUDIO_COMMANDS, STUDIO_EVENTS, Topic
from streams.deciders.liveops.noun import LIVEOPS
from streams.deciders.shell import DeciderReader
from streams.deciders.snapshots import FolderSnapshots
from streams.deciders.studio import STUDIO

if TYPE_CHECKING:
    import asyncio

    from deploy.roles import Worker


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """A decider for each noun's commands topic. Snapshots are a cache: without them the fold takes longer."""
    studio = DeciderReader(
        STUDIO,
        commands=STUDIO_COMMANDS,
        events=STUDIO_EVENTS,
        tail=worker.tail,
        appender=worker.appender,
        snapshots=FolderSnapshots(worker.settings.home / "snapshots"),
    )
    commands = worker.topic(LIVEOPS_COMMANDS)
    liveops = DeciderReader(
        LIVEOPS,
        commands=commands,
        events=worker.topic(LIVEOPS_EVENTS),
        tail=worker.tail,
        appender=worker.appender,
        snapshots=FolderSnapshots(worker.settings.home / "snapshots"),
    )
    readers: list[tuple[Topic, LogReader]] = [(STUDIO_COMMANDS, studio), (commands, liveops)]
    await worker.follow(worker.application(), readers, stop)
