"""What the log says of an attempt, as the host runs it and as its server is shown itself. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from schemas.fleet.resources import server_resource
from schemas.fleet.views import LaunchSpec, SealedVariable, Server
from streams.fleet.host.launch import Launch, Port

_NOT_SHOWN: Final = ("phase", "started_at", "stopped_at", "created_at", "updated_at", "machine_id")


def launch_of(spec: LaunchSpec, opened: Callable[[SealedVariable], str]) -> Launch:
    """The launch of an attempt; `opened` gives a variable's value and may raise."""
    artefact = spec.build.artefact
    image = artefact.image
    environment: dict[str, str] = {}
    if artefact.executable_path:
        command = (artefact.executable_path,)
    else:
        command = (*(image.entrypoint if image else ()), *(image.cmd if image else ()))
    if image is not None:
        environment |= dict(line.split("=", 1) for line in image.env if "=" in line)
    environment |= {variable.name: opened(variable) for variable in spec.variables}
    return Launch(
        studio_id=spec.studio_id,
        game_id=spec.game_id,
        name=spec.name,
        instance_id=spec.instance_id,
        attempt=spec.attempt,
        region=spec.region,
        command=command,
        cpu_cores=spec.cpu_millis / 1000,
        memory_mib=spec.memory_mb,
        cores=tuple(spec.cores),
        sha256=artefact.sha256,
        generation=artefact.generation,
        size_bytes=artefact.size_bytes,
        unpacked_bytes=artefact.unpacked_bytes,
        image=image is not None,
        workdir=(image.workdir or "/") if image is not None else None,
        startup_args=spec.startup_args or "",
        environment=environment,
        ports=tuple(
            Port(
                *(port.name, port.internal_port, port.external_port, port.protocol),
                tls=port.tls_enabled,
                proxy=port.proxy_protocol,
            )
            for port in spec.ports
        ),
        match_id=spec.match_id,
        readiness=spec.readiness,
        startup_timeout_s=float(spec.startup_timeout_s),
        stop_grace_s=float(spec.stop_grace_s),
        document=document(server_of(spec)),
    )


def document(server: Server) -> dict[str, Any]:
    """What server.json says of a server: all but its phase, the times of its life and its machine."""
    shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(server_resource(server, whole=True)))
    return {name: value for name, value in shown.items() if name not in _NOT_SHOWN}


def server_of(spec: LaunchSpec) -> Server:
    """The server as it is when its attempt begins."""
    return Server(
        instance_id=spec.instance_id,
        studio_id=spec.studio_id,
        game_id=spec.game_id,
        name=spec.name,
        phase="starting",
        region=spec.region,
        compute_size=spec.compute_size,
        version_tag=spec.version_tag,
        version=spec.version,
        build_id=spec.build.build_id,
        created_at_ms=spec.created_at_ms,
        updated_at_ms=spec.placed_at_ms,
        ports=spec.ports,
        startup_args=spec.startup_args,
        auto_restart=spec.auto_restart,
        custom_data=spec.custom_data,
        ttl_s=spec.ttl_s,
        expires_at_ms=spec.expires_at_ms,
        is_pool_server=spec.is_pool_server,
        pool_claimed_at_ms=spec.pool_claimed_at_ms,
        match_id=spec.match_id,
        attempt=spec.attempt,
    )
