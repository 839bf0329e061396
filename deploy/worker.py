"""A worker process: builds its role's reader from the settings and lets the runtime drive it.

`python -m deploy.worker ROLE`, or `questlog worker ROLE`. Each role is one module of `deploy/roles`.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from deploy import logging, settings
from deploy.admin import serve_admin
from deploy.roles import Worker
from deploy.topics import ensure_topics, wanted_topics
from streams.runtime.application import SESSION_SECONDS, create_application
from streams.runtime.process import run_worker
from streams.runtime.producer import KafkaAppender
from streams.runtime.reader import EXIT_FAILED, Role
from streams.runtime.tail import KafkaTail

if TYPE_CHECKING:
    from deploy.settings import Settings

HEARTBEAT_MS_MAX: Final = 2 * SESSION_SECONDS * 1000


def run(role: str, configured: Settings) -> None:
    """Run until SIGTERM or SIGINT. Leaves by exit code 70 or 71 where something unforeseen happened."""
    logging.configure(f"worker-{role}-{configured.instance}", configured.log_level)
    run_worker(lambda stop: _main(role, configured, stop))


async def _main(role: str, configured: Settings, stop: asyncio.Event) -> None:
    worker = Worker(role=role, settings=configured)
    serve_admin(configured.admin_host, configured.admin_port, lambda: _health(worker))
    async with AsyncExitStack() as stack:
        worker.stack = stack
        await ensure_topics(
            configured.kafka,
            wanted_topics(configured.telemetry_partitions),
            replication=configured.replication,
        )
        worker.tail = KafkaTail(configured.kafka, client_id=f"questlog-{role}-tail")
        stack.push_async_callback(worker.tail.stop)
        worker.appender = KafkaAppender(configured.kafka, client_id=f"questlog-{role}")
        stack.push_async_callback(worker.appender.stop)
        worker.app = create_application(
            role,
            instance=str(configured.instance),
            bootstrap=configured.kafka,
            data_dir=configured.home,
        )
        module = importlib.import_module(f"deploy.roles.{role}")
        bindings = await module.bindings(worker)
        worker.role_runner = Role(worker.app, bindings, tail=worker.tail)
        await worker.role_runner.run(stop)


def _health(worker: Worker) -> dict[str, Any]:
    """`ok` while the group knows this worker; `lag` in records over all of its partitions."""
    if worker.role_runner is None:
        return {"ok": False, "role": worker.role, "lag": None}
    health = worker.role_runner.health()
    lags = [partition["lag"] for partition in health["partitions"] if partition["lag"] is not None]
    return {
        "ok": health["heartbeat_age_ms"] < HEARTBEAT_MS_MAX,
        "lag": sum(lags) if lags else None,
        **health,
        **worker.health(),
    }


if __name__ == "__main__":
    try:
        run(sys.argv[1], settings.from_environment())
    except Exception:  # noqa: BLE001 - a store that is away at start: the supervisor tries again
        logging.exception("the worker could not start")
        sys.stderr.flush()
        os._exit(EXIT_FAILED)  # Faust's threads may still run
