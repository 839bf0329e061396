"""The decider role: command records in, exactly one events record for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.topics import STUDIO_COMMANDS, STUDIO_EVENTS
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
    await worker.follow(worker.application(), [(STUDIO_COMMANDS, studio)], stop)
