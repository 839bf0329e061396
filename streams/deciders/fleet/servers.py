"""What clients and time do to servers: start, stop, update, restart, ttl and the end of a backoff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from schemas.envelope import CommandRejected
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet import names
from schemas.fleet.sizes import SIZES, ComputeSize
from schemas.fleet.states import LIVE
from schemas.fleet.views import Build, PlanLimits, PortConfig, Server
from streams.deciders.fleet.draft import Draft
from streams.deciders.fleet.endings import stop as end
from streams.deciders.fleet.launching import again, attempt, build_of, changed, waits
from streams.deciders.fleet.pools import look_at_pools
from streams.deciders.fleet.refusals import conflict, no_capacity, not_found, quota
from streams.deciders.fleet.state import FleetState, Project, ServerState, entry_key, is_idle
from streams.deciders.fleet.tls import tls_refused
from streams.deciders.noun import Request, Verdict

AnyStart = ask.StartServer | ask.StartLobbyServer


def start(state: FleetState, request: Request, command: ask.StartServer) -> Verdict:
    """A pool server that fits, or a new one on a host with room."""
    draft = Draft(state, request)
    server = begin(draft, command, names.instance_id(request.command_id))
    if isinstance(server, CommandRejected):
        return server
    return look_at_pools(draft)


def begin(
    draft: Draft,
    command: AnyStart,
    instance_id: str,
    *,
    may_wait: bool = False,
) -> Server | CommandRejected:
    """Claim a pool server that fits, or place a new one of that id; `may_wait`: for room, if need be."""
    limits, launch = command.limits, command.launch
    ttl_s = _ttl_s(command.compute_size, launch, limits, None)
    if isinstance(ttl_s, CommandRejected):
        return ttl_s
    ports = None if launch.port_configs is UNSET else tuple(launch.port_configs)
    refused = tls_refused(draft.state, _effective(draft.project, ports), command.region)
    if refused is not None:
        return refused
    build = build_of(draft.project, _given(launch.version_tag), _given(launch.version))
    if build is None:
        return not_found("Build")
    server = _new(draft, command, build, ttl_s, instance_id)
    claimed = _claimable(draft, command, build)
    if claimed is not None:
        return _claim(draft, claimed, server)
    return _place(draft, command, server, ports, may_wait=may_wait)


def _place(
    draft: Draft, command: AnyStart, server: Server, ports: tuple[PortConfig, ...] | None, *, may_wait: bool
) -> Server | CommandRejected:
    limits, launch = command.limits, command.launch
    if draft.project.active >= limits.active_servers:
        return quota("active_servers", f"The plan allows {limits.active_servers} active servers")
    variables = () if launch.variables is UNSET else tuple(launch.variables)
    if not attempt(draft, server, variables, ports):
        if not may_wait:
            return no_capacity(command.region)
        draft.emit(ev.ServerQueued(server=server))
    return server


def _new(
    draft: Draft,
    command: AnyStart,
    build: Build,
    ttl_s: int | None,
    instance_id: str,
) -> Server:
    at_ms, launch = draft.at_ms, command.launch
    persistent = SIZES[command.compute_size].persistent
    return Server(
        instance_id=instance_id,
        studio_id=draft.request.studio_id,
        game_id=draft.request.game_id,
        name=command.name,
        phase="queued",
        region=command.region,
        compute_size=command.compute_size,
        version_tag=build.name,
        version=build.version,
        build_id=build.id,
        created_at_ms=at_ms,
        updated_at_ms=at_ms,
        startup_args=_given(launch.startup_args),
        auto_restart=persistent or launch.auto_restart is True,
        custom_data=_given(launch.custom_data),
        ttl_s=ttl_s,
        expires_at_ms=at_ms + ttl_s * 1000 if ttl_s is not None else None,
        match_id=_given(launch.match_id),
    )


def _claimable(draft: Draft, command: AnyStart, build: Build) -> ServerState | None:
    """The oldest ready pool server that is just what a start asks for."""
    launch = command.launch
    if _given(launch.startup_args) or _given(launch.variables) or launch.port_configs is not UNSET:
        return None
    idle = draft.project.idle.get(entry_key(command.region, command.compute_size), ())
    for instance_id in idle:
        known = draft.state.servers[instance_id]
        if known.server.phase == "running" and known.server.build_id == build.id:
            return known
    return None


def _claim(draft: Draft, known: ServerState, asked: Server) -> Server:
    claimed = changed(
        known.server,
        draft.at_ms,
        name=asked.name,
        auto_restart=asked.auto_restart,
        custom_data=asked.custom_data,
        ttl_s=asked.ttl_s,
        expires_at_ms=asked.expires_at_ms,
        match_id=asked.match_id,
        pool_claimed_at_ms=draft.at_ms,
    )
    draft.emit(ev.ServerClaimed(server=claimed))
    draft.pools.add(draft.key)
    return claimed


def stop(state: FleetState, request: Request, command: ask.StopServer) -> Verdict:
    """A live server ends; one that has ended, or is about to, is stopped already."""
    draft = Draft(state, request)
    known = draft.own_server(command.instance_id)
    if known is None:
        return () if draft.was_stopped(command.instance_id) else not_found("Server")
    if known.server.phase in LIVE:
        end(draft, known, command.reason or "API_REQUEST")
    return look_at_pools(draft)


def update(state: FleetState, request: Request, command: ask.UpdateServer) -> Verdict:
    """Other custom data, or that it is ready."""
    draft = Draft(state, request)
    known = _live(draft, command.instance_id)
    if isinstance(known, CommandRejected):
        return known
    server, at_ms = known.server, draft.at_ms
    becomes_ready = command.ready is True and server.phase == "starting" and not server.restarting
    if command.custom_data is None and not becomes_ready:
        return ()
    data = server.custom_data if command.custom_data is None else command.custom_data
    updated = changed(server, at_ms, custom_data=data)
    draft.emit(ev.ServerUpdated(server=updated))
    if becomes_ready:
        began_ms = at_ms if server.process_started_at_ms is None else server.process_started_at_ms
        ready = changed(updated, at_ms, phase="running", ready_at_ms=at_ms, process_started_at_ms=began_ms)
        draft.emit(ev.ServerReady(server=ready))
        draft.look_at_pool(ready)
    return look_at_pools(draft)


def restart(state: FleetState, request: Request, command: ask.RestartServer) -> Verdict:
    """Another attempt: at once where there is none, else once the old one is gone."""
    draft = Draft(state, request)
    known = _live(draft, command.instance_id)
    if isinstance(known, CommandRejected):
        return known
    server, launch = known.server, command.launch
    if is_idle(server):
        return conflict("unclaimed")
    ttl_s = _ttl_s(server.compute_size, launch, command.limits, server.ttl_s)
    if isinstance(ttl_s, CommandRejected):
        return ttl_s
    ports = known.own_ports if launch.port_configs is UNSET else tuple(launch.port_configs)
    refused = tls_refused(state, _effective(draft.project, ports), server.region)
    if refused is not None:
        return refused
    build = _other_build(draft, server, launch)
    if build is None:
        return not_found("Build")
    fields = _changes(server, command, ttl_s, draft.at_ms)
    fields |= {"version_tag": build.name, "version": build.version, "build_id": build.id}
    if known.room is None:
        restarting = waits(server, draft.at_ms, **fields)
    else:
        restarting = changed(
            server, draft.at_ms, phase="starting", restarting=True, ready_at_ms=None, **fields
        )
    variables = known.own_variables if launch.variables is UNSET else tuple(launch.variables)
    draft.emit(
        ev.ServerRestarting(
            server=restarting,
            own_variables=list(variables),
            own_ports=list(ports) if ports is not None else None,
        )
    )
    if known.room is None:
        again(draft, draft.state.servers[server.instance_id])
    return draft.decided()


def _other_build(draft: Draft, server: Server, launch: ask.Launch) -> Build | None:
    """The build that it has, or the one that a restart names."""
    tag, version = _given(launch.version_tag), _given(launch.version)
    if tag is None and version is None:
        return draft.project.builds[server.build_id].build
    return build_of(draft.project, tag if tag is not None else server.version_tag, version)


def _changes(server: Server, command: ask.RestartServer, ttl_s: int | None, at_ms: int) -> dict[str, Any]:
    launch = command.launch
    persistent = SIZES[server.compute_size].persistent
    fields: dict[str, Any] = {
        "ttl_s": ttl_s,
        "expires_at_ms": at_ms + ttl_s * 1000 if ttl_s is not None else None,
    }
    if command.name is not None:
        fields["name"] = command.name
    for name in ("startup_args", "custom_data", "match_id"):
        given = getattr(launch, name)
        if given is not UNSET:
            fields[name] = given
    if launch.auto_restart is not UNSET:
        fields["auto_restart"] = persistent or launch.auto_restart
    return fields


def server_due(state: FleetState, request: Request, command: ask.ServerDue) -> Verdict:
    """The ttl is over, or a pause is."""
    draft = Draft(state, request)
    known = draft.own_server(command.instance_id)
    if known is None or known.server.phase not in LIVE:
        return ()
    server, at_ms = known.server, draft.at_ms
    if server.expires_at_ms is not None and server.expires_at_ms <= at_ms:
        end(draft, known, "TTL_EXPIRED")
    elif server.phase == "backoff" and (server.backoff_until_ms or 0) <= at_ms and not again(draft, known):
        draft.emit(ev.ServerQueued(server=waits(server, at_ms)))
    return look_at_pools(draft)


def _effective(project: Project, own: tuple[PortConfig, ...] | None) -> Sequence[PortConfig]:
    """The ports that a server has: its own, or the project's."""
    return project.settings.port_configs if own is None else own


def _live(draft: Draft, instance_id: str) -> ServerState | CommandRejected:
    """A server that can change; 404, or 409 where it is stopped."""
    known = draft.own_server(instance_id)
    if known is None:
        return conflict("stopped") if draft.was_stopped(instance_id) else not_found("Server")
    return known if known.server.phase in LIVE else conflict("stopped")


def _ttl_s(
    size: ComputeSize, launch: ask.Launch, limits: PlanLimits, before_s: int | None
) -> int | CommandRejected | None:
    """The ttl that holds; 403 for a size or a ttl that the plan doesn't allow."""
    if limits.sizes is not None and size not in limits.sizes:
        return quota("compute_size", f"The plan has no servers of size {size}")
    if SIZES[size].persistent:
        return None
    given: int | None = _given(launch.ttl_s)
    if given is None:
        return before_s if before_s is not None else limits.ttl_default_s
    if limits.ttl_max_s is not None and given > limits.ttl_max_s:
        return quota("ttl", f"The plan allows a ttl of at most {limits.ttl_max_s} seconds")
    return given


def _given(value: Any) -> Any:
    """A field of a launch; None where it is left out."""
    return None if value is UNSET else value
