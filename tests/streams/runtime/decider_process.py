"""A decider process of a test. Arguments: bootstrap, home, instance, commands topic, events topic.

It runs the studio decider on topics of the test's own, until SIGTERM.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from deploy.objects import FolderObjects
from schemas.topics import Topic
from streams.deciders.decider import DeciderReader
from streams.deciders.snapshots import ObjectSnapshots
from streams.deciders.studio import STUDIO
from streams.runtime.application import create_application
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.process import run_worker
from streams.runtime.producer import KafkaAppender
from streams.runtime.reader import run_role


async def main(stop: asyncio.Event) -> None:
    kafka, home, instance, commands_name, events_name = sys.argv[1:]
    commands = Topic(name=commands_name, partitions=1, description="")
    events = Topic(name=events_name, partitions=1, description="")
    tail, appender = KafkaTail(kafka), KafkaAppender(kafka)
    await appender.start()
    decider = DeciderReader(
        STUDIO,
        commands=commands,
        events=events,
        tail=tail,
        appender=appender,
        snapshots=ObjectSnapshots(FolderObjects(Path(home), base_url="http://localhost", secret=b"secret")),
        snapshot_every=50,
    )
    app = create_application(
        commands_name, instance=instance, bootstrap=kafka, data_dir=Path(home), group_prefix="test"
    )
    await run_role(app, [(commands, decider)], tail=tail, stop=stop, lanes=True)
    await appender.stop()
    await tail.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(name)s %(message)s")
    run_worker(main)
