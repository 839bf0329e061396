"""From each of S5's writes to its command, and from the outcome to its answer.

All that is shown is in the outcome, so that a retry under the same idempotency key gets it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

from schemas.codec import Message
from schemas.edge.ports import Directory
from schemas.envelope import Outcome
from schemas.fleet import answers, bodies, names, responses
from schemas.fleet import commands as ask
from schemas.fleet.access import Caller
from schemas.fleet.ports import FleetReads
from schemas.fleet.requests import not_found, server_id
from schemas.fleet.resources import server_resource, settings_resource
from schemas.fleet.variables import Variables
from schemas.fleet.views import PoolConfig, PortConfig, Settings
from schemas.objects import ObjectStore
from schemas.seal import Sealer
from streams.gateway.fleet.asking import Asking
from streams.gateway.fleet.build_handlers import BuildHandlers
from streams.gateway.fleet.outcomes import answer_if_any, answer_of
from streams.gateway.fleet.writes import Write
from streams.gateway.keyed_requests import KeyedRequests

_encode: Final = msgspec.json.Encoder().encode


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """What the writes read beside asking the decider."""

    directory: Directory
    reads: FleetReads
    objects: ObjectStore
    sealer: Sealer
    """Under the fleet secret, which hosts hold."""


class Handlers:
    """Called with a write, each gives the answer's body. Raises `Refused` and what stores raise."""

    def __init__(
        self,
        requests: KeyedRequests,
        stores: Stores,
        *,
        now_ms: Callable[[], int],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._asking = Asking(requests, stores.directory)
        self._reads = stores.reads
        self._variables = Variables(stores.sealer, randomness)
        self._now_ms = now_ms
        builds = BuildHandlers(requests, self._asking, stores.objects, stores.sealer, randomness)
        self.by_operation: Final[Mapping[str, Callable[[Write], Awaitable[bytes]]]] = {
            "start_server": self._start,
            "update_server": self._update,
            "put_status": self._put_status,
            "restart_server": self._restart,
            "stop_server": self._stop,
            "change_settings": self._change_settings,
            **builds.by_operation,
        }

    async def _start(self, write: Write) -> bytes:
        body: bodies.StartBody = write.body
        command = ask.StartServer(
            name=body.name,
            region=body.region,
            compute_size=body.compute_size,
            limits=await self._asking.limits(write.caller),
            launch=self._launch(write.caller, body),
        )
        return self._server(await self._ask(write, command, names.instance_id(write.asked.command_id)))

    async def _restart(self, write: Write) -> bytes:
        body: bodies.RestartBody = write.body
        instance_id = server_id(write.path)
        command = ask.RestartServer(
            instance_id=instance_id,
            name=body.name,
            limits=await self._asking.limits(write.caller),
            launch=self._launch(write.caller, body),
        )
        return self._server(await self._ask(write, command, instance_id))

    async def _update(self, write: Write) -> bytes:
        instance_id = server_id(write.path)
        command = ask.UpdateServer(
            instance_id=instance_id, custom_data=bodies.json_text(write.body.custom_data)
        )
        return self._server(await self._ask(write, command, instance_id))

    async def _put_status(self, write: Write) -> bytes:
        """v2's PUT."""
        body: bodies.StatusBody = write.body
        instance_id = server_id(write.path)
        server = None
        if body.server_status == "stopped":
            outcome = await self._ask(write, ask.StopServer(instance_id=instance_id), instance_id)
            changed = answer_if_any(answers.ServerAnswer, outcome)
            server = None if changed is None else changed.server
        elif body.server_status == "running" or body.custom_data is not None:
            data = None if body.custom_data is None else bodies.json_text(body.custom_data)
            command = ask.UpdateServer(
                instance_id=instance_id, custom_data=data, ready=body.server_status == "running" or UNSET
            )
            changed = answer_if_any(answers.ServerAnswer, await self._ask(write, command, instance_id))
            server = None if changed is None else changed.server
        if server is None:
            server = await self._reads.server(instance_id, self._now_ms())
        if server is None or server.game_id != write.caller.project_id:
            raise not_found()
        return _encode(server_resource(server, whole=True))

    async def _stop(self, write: Write) -> bytes:
        instance_id = server_id(write.path)
        command = ask.StopServer(instance_id=instance_id, reason=write.body.shutdown_reason)
        await self._ask(write, command, instance_id)
        return _encode(responses.Stopped(status="stopped"))

    async def _change_settings(self, write: Write) -> bytes:
        body: bodies.SettingsBody = write.body
        caller = write.caller
        given: dict[str, Any] = {
            "port_configs": None if body.port_configs is None else _ports(body.port_configs),
            "variables": self._variables.sealed(caller, body.environment_variables),
            "pool": None
            if body.pool_config is None
            else PoolConfig(
                enabled=body.pool_config.enabled,
                regions=body.pool_config.regions,
                version_tag=body.pool_config.version_tag,
            ),
            "auth_config": None if body.auth_config is None else bodies.json_text(body.auth_config),
            "lobby_configs": None if body.lobby_configs is None else bodies.json_text(body.lobby_configs),
            "readiness": body.readiness,
            "startup_timeout_s": body.startup_timeout,
            "stop_grace_s": body.stop_grace,
        }
        command = ask.ChangeSettings(
            limits=await self._asking.limits(caller),
            **{name: value for name, value in given.items() if value is not None},
        )
        aggregate = names.project_aggregate(caller.studio_id, caller.project_id)
        outcome = await self._asking.ask(write, command, aggregate)
        settings = await self._settings(caller, outcome)
        return _encode(settings_resource(settings, self._variables.opener(caller)))

    async def _settings(self, caller: Caller, outcome: Outcome) -> Settings:
        """The settings after a change; where nothing changed, those that are."""
        changed = answer_if_any(answers.SettingsAnswer, outcome)
        if changed is not None:
            return changed.settings
        return await self._reads.settings(caller.studio_id, caller.project_id)

    def _launch(self, caller: Caller, body: bodies.LaunchBody) -> ask.Launch:
        given: dict[str, Any] = {
            "version_tag": body.version_tag,
            "version": body.version,
            "startup_args": body.startup_args,
            "ttl_s": body.ttl,
            "auto_restart": body.auto_restart,
            "custom_data": None if body.custom_data is None else bodies.json_text(body.custom_data),
            "match_id": body.match_id,
            "variables": self._variables.sealed(caller, body.environment_variables),
            "port_configs": None if body.port_configs is None else _ports(body.port_configs),
        }
        return ask.Launch(**{name: value for name, value in given.items() if value is not None})

    async def _ask(self, write: Write, command: Message, instance_id: str) -> Outcome:
        caller = write.caller
        aggregate = names.server_aggregate(caller.studio_id, caller.project_id, instance_id)
        return await self._asking.ask(write, command, aggregate)

    def _server(self, outcome: Outcome) -> bytes:
        return _encode(server_resource(answer_of(answers.ServerAnswer, outcome).server, whole=True))


def _ports(ports: list[bodies.PortBody]) -> list[PortConfig]:
    return [
        PortConfig(
            name=port.name,
            internal_port=port.internal_port,
            protocol=port.protocol,
            tls_enabled=port.tls_enabled,
            proxy_protocol=port.proxy_protocol,
        )
        for port in ports
    ]
