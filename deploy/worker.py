"""A worker process: builds its role's reader from the settings and lets the runtime drive it.

`python -m deploy.worker ROLE`, or `questlog worker ROLE`. Each role is one module of `deploy/roles`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from deploy import logging, settings
from deploy.admin import name_process, serve_admin
from deploy.brokers import brokers_of
from deploy.memory import tune_memory
from deploy.partition_counts import counted
from deploy.roles import Worker
from deploy.topics import Safety, ensure_topics
from schemas.fleet.noun import NOUN as FLEET
from streams.runtime import certificates
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.process import EXIT_FAILED, run_worker
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.settings import Settings
    from schemas.topics import Topic


def run(role: str, configured: Settings) -> None:
    """Run until SIGTERM or SIGINT. Leaves by exit code 70 or 71 where something unforeseen happened."""
    logging.configure(f"worker-{role}-{configured.instance}", configured.log_level)
    run_worker(lambda stop: _main(role, configured, stop))


async def _main(role: str, configured: Settings, stop: asyncio.Event) -> None:
    topics = _topics(role, configured)
    worker = Worker(role=role, settings=configured, topics=topics)
    health = lambda: worker.health()  # noqa: E731, PLW0108 - the role replaces the attribute
    name_process(role)
    certificates.warn_daily()
    serve_admin(configured.admin_host, configured.admin_port, health)
    async with AsyncExitStack() as stack:
        worker.stack = stack
        brokers = brokers_of(configured)
        safety = Safety(configured.replication, configured.insync_replicas_min)
        await ensure_topics(brokers, topics, safety)
        worker.tail = KafkaTail(brokers, client_id=f"questlog-{role}-tail")
        stack.push_async_callback(worker.tail.stop)
        worker.appender = KafkaAppender(brokers, client_id=f"questlog-{role}")
        stack.push_async_callback(worker.appender.stop)
        module = importlib.import_module(f"deploy.roles.{role}")
        tune_memory()
        await module.run(worker, stop)


def _topics(role: str, configured: Settings) -> Sequence[Topic]:
    """All there are; a host of game servers needs its noun's alone, and none of what others import."""
    if role == FLEET.name:
        return counted(FLEET, configured)
    from deploy.nouns import topics_of  # noqa: PLC0415 - see above

    return topics_of(configured)


if __name__ == "__main__":
    try:
        run(sys.argv[1], settings.from_environment())
    except Exception:  # noqa: BLE001 - a store that is away at start: the supervisor tries again
        logging.exception("the worker could not start")
        with contextlib.suppress(OSError):  # a log on a full disk
            sys.stderr.flush()
        os._exit(EXIT_FAILED)  # Faust's threads may still run
