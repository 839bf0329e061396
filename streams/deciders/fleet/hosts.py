"""Hosts: who joins, what agents report, who drains, who is silent, who is lost."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schemas.envelope import CommandRejected
from schemas.fleet import events as ev
from schemas.fleet import host_commands as ask
from schemas.fleet.host_views import Host, HostStatus, Instance
from schemas.fleet.limits import (
    BUILD_SILENT_MS,
    HOST_LOST_AFTER_MS,
    HOST_REPORTS_EVERY_MS,
    HOST_SUSPECTED_AFTER_MS,
    HOSTS_MAX,
    SECOND_MS,
)
from schemas.fleet.states import LIVE
from schemas.fleet.views import Build, Port, Server
from streams.deciders.fleet.builds import ended, give_waiting, try_again
from streams.deciders.fleet.draft import Draft
from streams.deciders.fleet.endings import end_attempt
from streams.deciders.fleet.launching import changed
from streams.deciders.fleet.pools import look_at_pools
from streams.deciders.fleet.refusals import conflict
from streams.deciders.fleet.state import FleetState, HostState, ServerState
from streams.deciders.noun import Request, Verdict

_SEEN_EVERY_MS = HOST_REPORTS_EVERY_MS - SECOND_MS
"""Reports that come closer say nothing new of the host's life."""


def join(state: FleetState, request: Request, command: ask.JoinHost) -> Verdict:
    """A new epoch."""
    draft = Draft(state, request)
    known = state.hosts.get(command.host_id)
    if known is None and len(state.hosts) >= HOSTS_MAX:
        return conflict("too_many_hosts")
    at_ms = draft.at_ms
    host = Host(
        id=command.host_id,
        epoch=known.host.epoch + 1 if known is not None else 1,
        status="up",
        capacity=command.capacity,
        joined_at_ms=at_ms,
        seen_at_ms=at_ms,
        due_at_ms=at_ms + HOST_SUSPECTED_AFTER_MS,
    )
    instances: list[Instance] = []
    processing: list[Build] = []
    if known is not None:
        host = _counted(host, known)
        instances = [_instance(state.servers[each]) for each in sorted(known.servers)]
        processing = [
            state.projects[key].builds[each].build for each, key in sorted(known.processing.items())
        ]
    draft.emit(ev.HostJoined(host=host, instances=instances, processing=processing, builds=command.builds))
    draft.freed()
    give_waiting(draft)
    return look_at_pools(draft)


def _instance(known: ServerState) -> Instance:
    """An attempt as it is to be run now: what a claim or an update changed since it was placed is in it."""
    server, spec = known.server, known.spec
    if spec is None:
        raise ValueError(f"{server.instance_id} has room and no launch spec")
    names = (
        "name",
        "match_id",
        "custom_data",
        "ttl_s",
        "expires_at_ms",
        "auto_restart",
        "pool_claimed_at_ms",
    )
    gone = server.restarting or server.phase not in LIVE
    if gone:
        return Instance(spec=spec, wanted="gone")
    return Instance(spec=replace(spec, **{name: getattr(server, name) for name in names}), wanted="running")


def report(state: FleetState, request: Request, command: ask.ReportHost) -> Verdict:
    """That a host lives, and what it saw of its servers and builds."""
    draft = Draft(state, request)
    known = _current(state, command.host_id, command.epoch)
    if isinstance(known, CommandRejected):
        return known
    _seen(draft, known, command)
    for one in command.reports:
        _server(draft, command.host_id, one)
    for done in command.build_reports:
        ended(draft, command.host_id, done)
    give_waiting(draft)
    if state.queued:
        draft.room_freed = True
    return look_at_pools(draft)


def _seen(draft: Draft, known: HostState, command: ask.ReportHost) -> None:
    at_ms, host = draft.at_ms, known.host
    processing = [
        replace(build, due_at_ms=at_ms + BUILD_SILENT_MS)
        for one in command.processing
        if one.build_id in known.processing
        and (build := _build(draft, known, one.build_id)).attempt == one.attempt
    ]
    is_new = command.builds is not None or host.status == "suspected"
    if not is_new and at_ms - host.seen_at_ms < _SEEN_EVERY_MS:
        return
    status: HostStatus = "draining" if known.draining else "up"
    host = replace(
        _counted(host, known),
        status=status,
        seen_at_ms=at_ms,
        suspected_at_ms=None,
        due_at_ms=at_ms + HOST_SUSPECTED_AFTER_MS,
    )
    draft.emit(ev.HostSeen(host=host, processing=processing, builds=command.builds))


def _build(draft: Draft, known: HostState, build_id: str) -> Build:
    return draft.state.projects[known.processing[build_id]].builds[build_id].build


def _server(draft: Draft, host_id: str, told: ask.Report) -> None:
    """One report. What is not of the current attempt here changes nothing."""
    known = draft.state.servers.get(told.instance_id)
    if known is None or known.room is None or known.room.host_id != host_id:
        return
    server = known.server
    if server.attempt != told.attempt:
        return
    if told.kind == "exited":
        end_attempt(draft, known, told.reason or "PROCESS_EXITED", told.exit_code)
    elif server.phase not in LIVE or server.restarting:
        return
    elif told.kind == "custom-data":
        if told.custom_data is not None and told.custom_data != server.custom_data:
            draft.emit(ev.ServerUpdated(server=changed(server, draft.at_ms, custom_data=told.custom_data)))
    elif server.phase == "starting":
        _begun(draft, server, told)
    elif server.phase == "running":  # its owner may call it ready before the host has said that it began
        fields = _of_host(server, told)
        if fields:
            draft.emit(ev.ServerUpdated(server=changed(server, draft.at_ms, **fields)))


def _begun(draft: Draft, server: Server, told: ask.Report) -> None:
    at_ms = draft.at_ms
    fields = _of_host(server, told)
    if server.process_started_at_ms is None:
        fields["process_started_at_ms"] = at_ms
    if told.kind == "ready":
        ready = changed(server, at_ms, phase="running", ready_at_ms=at_ms, **fields)
        draft.emit(ev.ServerReady(server=ready))
        draft.look_at_pool(ready)
    elif server.process_started_at_ms is None:
        draft.emit(ev.ServerStarted(server=changed(server, at_ms, **fields)))


def _of_host(server: Server, told: ask.Report) -> dict[str, Any]:
    """What a report says of where and how an attempt runs, as far as that is new."""
    fields: dict[str, Any] = {}
    if told.isolation is not None and told.isolation != server.isolation:
        fields["isolation"] = told.isolation
    if told.address is not None:
        ports = [_moved(port, told.address) for port in server.ports]
        if ports != server.ports:
            fields["ports"] = ports
    return fields


def _moved(port: Port, address: str) -> Port:
    return replace(port, host=address)


def drain(state: FleetState, request: Request, command: ask.DrainHost) -> Verdict:
    """No new servers and builds."""
    draft = Draft(state, request)
    known = _current(state, command.host_id, command.epoch)
    if isinstance(known, CommandRejected):
        return known
    if not known.draining:
        status: HostStatus = "suspected" if known.host.status == "suspected" else "draining"
        draft.emit(ev.HostDraining(host=replace(_counted(known.host, known), status=status)))
    return draft.decided()


def host_due(state: FleetState, request: Request, command: ask.HostDue) -> Verdict:
    """A silent host is suspected first, so that the log's own outage loses no host."""
    draft = Draft(state, request)
    known = state.hosts.get(command.host_id)
    if known is None or known.host.due_at_ms is None or draft.at_ms < known.host.due_at_ms:
        return ()
    host, at_ms = _counted(known.host, known), draft.at_ms
    if host.status != "suspected":
        suspected = replace(
            host, status="suspected", suspected_at_ms=at_ms, due_at_ms=at_ms + HOST_LOST_AFTER_MS
        )
        draft.emit(ev.HostSuspected(host=suspected))
        return draft.decided()
    draft.emit(ev.HostLost(host=replace(host, status="lost", due_at_ms=None)))
    for instance_id in sorted(known.servers):
        end_attempt(draft, draft.state.servers[instance_id], "HOST_LOST", None)
    for build_id, key in sorted(known.processing.items()):
        try_again(draft, draft.project_of(key).builds[build_id].build)
    return look_at_pools(draft)


def _current(state: FleetState, host_id: str, epoch: int) -> HostState | CommandRejected:
    known = state.hosts.get(host_id)
    if known is None:
        return conflict("unknown_host")
    if known.host.epoch != epoch or known.host.status == "lost":
        return conflict("fenced")
    return known


def _counted(host: Host, known: HostState) -> Host:
    """The host with what of it is taken."""
    return replace(
        host,
        servers=len(known.servers),
        memory_used_mb=known.memory_mb,
        cpu_reserved_millis=known.cpu_millis,
    )
