"""The fleet role: the agent of this machine, which runs game servers. It needs the log and the objects."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from deploy.brokers import brokers_of
from deploy.clock import now_ms
from deploy.fleet_cluster import open_cluster
from deploy.fleet_host import (
    HostBuilds,
    Opened,
    capacity_of,
    certificate_files,
    has_room,
    host_id,
    open_driver,
    open_processor,
)
from deploy.object_store import open_objects
from deploy.sealing import open_fleet_sealer
from schemas.fleet.commands import COMMANDS
from schemas.fleet.names import project_aggregate, variable_field
from schemas.fleet.noun import FLEET_COMMANDS, FLEET_EVENTS, FLEET_TELEMETRY
from schemas.identifiers import partition_of
from streams.asking import CommandBuilder
from streams.fleet.host.agent import Agent, HostSettings
from streams.fleet.host.agones.driver import AgonesDriver
from streams.fleet.host.attempts import Attempts
from streams.fleet.host.cache import BuildCache
from streams.fleet.host.launching import launch_of
from streams.fleet.host.log import HostLog
from streams.fleet.host.membership import CannotJoin
from streams.fleet.host.process import ProcessDriver
from streams.fleet.host.reporter import Fenced
from streams.fleet.host.root_lock import AgentRunning
from streams.fleet.host.telemetry import Telemetry
from streams.runtime.partition_stream import follow
from streams.runtime.process import EXIT_FAILED, end_process
from streams.runtime.watchdog import Watchdog

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.roles import Worker
    from deploy.settings import Settings
    from schemas.fleet.views import LaunchSpec, SealedVariable
    from schemas.objects import ObjectStore
    from streams.fleet.host.launch import Launch

_MIB: Final = 1024 * 1024


async def run(worker: Worker, stop: asyncio.Event) -> None:
    """Serve this machine until `stop` is set; with `fleet_stop_servers` its servers end then, too."""
    configured = worker.settings
    name = host_id(configured)
    os.umask(0o022)  # what servers see is for their users, too; who else looks does not pass the first folder
    above = (configured.home / "fleet").absolute()
    above.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = above / name
    root.mkdir(mode=0o711, exist_ok=True)
    objects = open_objects(_without_deployment_secret(configured))
    certificate = await asyncio.to_thread(certificate_files, configured)
    driver, warning = await asyncio.to_thread(_open_driver, configured, root, name, objects)
    shared = not isinstance(driver, ProcessDriver) or driver.as_root
    attempts = Attempts(root)
    cache = BuildCache(root / "builds", bytes_max=configured.fleet_cache_mib * _MIB, shared=shared)
    commands, events, told = map(worker.topic, (FLEET_COMMANDS, FLEET_EVENTS, FLEET_TELEMETRY))
    partition = partition_of(name, commands.partitions)
    sealer = open_fleet_sealer(configured)

    def launch(spec: LaunchSpec) -> Launch:
        def opened(variable: SealedVariable) -> str:
            return sealer.open(
                variable.sealed,
                studio_id=spec.studio_id,
                aggregate_id=project_aggregate(spec.studio_id, spec.game_id),
                field=variable_field(variable.name),
            )

        return launch_of(spec, opened)

    def telemetry(epoch: int) -> Telemetry:
        return Telemetry(
            worker.appender,
            topic=told.name,
            partition=partition_of(name, told.partitions),
            host_id=name,
            epoch=epoch,
        )

    log = HostLog(
        appender=worker.appender,
        follow=partial(follow, brokers_of(configured)),
        commands=commands.name,
        events=events.name,
        partition=partition,
        name=f"fleet-{name}",
        new_record_id=lambda: secrets.token_hex(16),
    )
    capacity = capacity_of(configured, driver)
    agent = Agent(
        root,
        HostSettings(
            host_id=name,
            capacity=capacity,
            stop_servers=bool(configured.fleet_stop_servers),
            away_s=configured.fleet_away_s,
        ),
        driver=driver,
        log=log,
        telemetry=telemetry,
        builder=CommandBuilder(COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes),
        builds=_fetched_by_nodes
        if isinstance(driver, AgonesDriver)
        else HostBuilds(
            objects,
            cache,
            lambda: {one.launch.sha256 for one in attempts if one.launch.sha256 is not None},
        ),
        held=cache.held,
        launch_of=launch,
        end_of_events=lambda: worker.tail.end_offset(events.name, partition),
        clock_ms=now_ms,
        processor=open_processor(configured, root, objects, sealer),
        has_room=partial(has_room, configured, root),
        certificate=certificate,
    )

    ends: dict[int, int] = {}

    def positions() -> list[tuple[str, dict[int, int], dict[int, int]]] | None:
        if log.position is None or not agent.joined:
            return None
        return [(events.name, {partition: log.position}, ends)]

    def health() -> dict[str, Any]:
        end = ends.get(partition)
        return {
            "ok": agent.joined,
            "lag": None if end is None or log.position is None else max(0, end - log.position),
            "driver": driver.name,
            "warning": warning,
            "address": capacity.address,
            "ports": f"{capacity.first_port}-{capacity.last_port}",
            "servers": sum(serving.state == "runs" for serving in list(agent.servings.values())),
            "builds": len(agent.processing),
        }

    worker.health = health
    watchdog = Watchdog(end_process, worker.tail, positions)
    watchdog.start()
    try:
        await agent.run(stop)
    except (AgentRunning, CannotJoin, Fenced) as error:  # the host is another agent's, or unknown
        end_process(EXIT_FAILED, str(error))
    finally:
        await watchdog.stop()


def _open_driver(configured: Settings, root: Path, name: str, objects: ObjectStore) -> Opened:
    if configured.fleet_driver == AgonesDriver.name:
        return Opened(open_cluster(configured, root, host_id=name, objects=objects), None)
    return open_driver(configured, root)


async def _fetched_by_nodes(_launch: Launch) -> Path | None:
    """A cluster's nodes fetch builds by themselves."""
    return None


def _without_deployment_secret(configured: Settings) -> Settings:
    """A host with the fleet secret need not have the deployment's: it reads objects and signs nothing."""
    if not configured.fleet_secret:
        return configured
    return dataclasses.replace(configured, secret=configured.fleet_secret)
