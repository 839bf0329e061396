"""The programs of a running stack.

The three stores, the workers, the agent of this machine and the edge processes, with what each waits for.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Final

from deploy.stack.clickhouse import clickhouse_part
from deploy.stack.kafka import kafka_part
from deploy.stack.ports import free_port
from deploy.stack.program import ProgramSpec
from deploy.stack.redis import redis_part

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.settings import Settings

PREPARED: Final = "prepared"
"""The step between stores and processes: topics and tables are as this build needs them."""
ROLES: Final[tuple[str, ...]] = ("decider", "redis", "clickhouse", "timer", "effects")
HOSTING: Final = "fleet"
"""The role of a machine that runs game servers: one process a machine."""
SINGLE: Final = "timer"
"""The role of which one process is enough: what it appends twice has one effect."""


AGENT: Final = f"worker-{HOSTING}"
"""Its program's name."""
AGENT_STOP_SECONDS: Final = 90.0
"""Servers may take a minute of it to end."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the stack listens, all on this machine.

    `admin` is the first of one port for each process; 0: free ones.
    """

    http: int
    kafka: int
    redis: int
    clickhouse: int
    admin: int = 0


def stores(
    settings: Settings, ports: Ports, *, cache: Path | None = None, redis_empty: bool = False
) -> list[ProgramSpec]:
    """Kafka, Redis and ClickHouse with their state in the home. Raises PartFailed naming what to install."""
    home = settings.home
    return [
        kafka_part(home, ports.kafka, cache=cache),
        redis_part(
            home,
            ports.redis,
            owner_password=settings.store_password("redis"),
            password=settings.store_password("redis user"),
            empty=redis_empty,
        ),
        clickhouse_part(
            home,
            ports.clickhouse,
            settings.store_password("clickhouse"),
            database=settings.clickhouse_database,
        ),
    ]


def processes(
    settings: Settings, ports: Ports, *, edges: int, workers: int = 1, hosts: bool = True
) -> list[ProgramSpec]:
    """The project's own processes. They get their settings by environment, as in production.

    With `hosts` this machine runs game servers. Their agent can't end them without a decider.
    """
    admin = iter(range(ports.admin, ports.admin + 100)) if ports.admin else iter(free_port, None)
    specs = []
    for role in ROLES:
        for name, instance in _names(f"worker-{role}", 1 if role == SINGLE else workers):
            own = dataclasses.replace(settings, admin_port=next(admin), instance=instance)
            specs.append(_process(own, name, ["deploy.worker", role]))
    if hosts:
        own = dataclasses.replace(settings, admin_port=next(admin))
        agent = _process(own, AGENT, ["deploy.worker", HOSTING])
        deciders = tuple(name for name, _ in _names("worker-decider", workers))
        specs.append(
            dataclasses.replace(
                agent, after=(PREPARED, "kafka"), stops_before=deciders, stop_seconds=AGENT_STOP_SECONDS
            )
        )
    for name, instance in _names("edge", edges):
        own = dataclasses.replace(settings, admin_port=next(admin), instance=instance)
        specs.append(_process(own, name, ["deploy.edge"]))
    return specs


def _names(name: str, count: int) -> list[tuple[str, int]]:
    return [(name, 0)] if count == 1 else [(f"{name}-{n}", n) for n in range(count)]


def _process(own: Settings, name: str, module: list[str]) -> ProgramSpec:
    return ProgramSpec(
        name=name,
        argv=[sys.executable, "-m", *module],
        environment=own.environment() | {"MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1"},
        after=(PREPARED, "kafka", "redis", "clickhouse"),
        start_seconds=600,  # a decider of another release may fold a long log first
        admin_port=own.admin_port,
    )
