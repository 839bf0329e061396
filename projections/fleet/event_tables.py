"""The fleet's events in ClickHouse: things as they are now, transitions, the archive. DDL: `0017_fleet.sql`.

Events carry whole servers, builds and hosts, so the last event of a record is the row of each, and a batch
that is written again, whole or in other parts, comes to the same rows. Pure but for the lists it adds to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from projections.clickhouse.event_json import event_json
from projections.clickhouse.noun_tables import Rows, TableSet
from projections.clickhouse.times import optional_time, time_of
from schemas.codec import Message
from schemas.envelope import EventsRecord
from schemas.fleet import events as ev
from schemas.fleet.events import EVENTS
from schemas.fleet.host_views import Host
from schemas.fleet.noun import FLEET_EVENTS
from schemas.fleet.states import STATUSES
from schemas.fleet.views import Build, Server
from schemas.outcomes import SHELL_EVENTS

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

SERVERS: Final = "fleet_servers"
TRANSITIONS: Final = "fleet_transitions"
BUILDS: Final = "fleet_builds"
HOSTS: Final = "fleet_hosts"
ARCHIVE: Final = "fleet_events"

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    SERVERS: (
        *("studio_id", "game_id", "instance_id", "name", "status", "phase", "region", "compute_size"),
        *("build_id", "version_tag", "version", "match_id", "custom_data", "is_pool_server"),
        *("pool_claimed_at", "auto_restart", "ttl_seconds", "expires_at", "attempt", "host_id", "isolation"),
        *("address", "external_ports", "created_at", "updated_at", "process_started_at", "ready_at"),
        *("stopped_at", "stop_reason", "exit_code", "_offset"),
    ),
    TRANSITIONS: (
        *("studio_id", "game_id", "instance_id", "at", "event", "phase", "attempt", "host_id", "region"),
        *("compute_size", "build_id", "match_id", "reason", "exit_code", "failures", "quick_exits"),
        *("_partition", "_offset", "_index"),
    ),
    BUILDS: (
        *("studio_id", "game_id", "build_id", "name", "version", "status", "build_type"),
        *("executable_path", "image_url", "image_digest", "upload_bytes", "sha256", "size_bytes"),
        *("unpacked_bytes", "files", "error", "attempt", "created_at", "updated_at", "_offset"),
    ),
    HOSTS: (
        *("id", "status", "epoch", "address", "regions", "isolation", "cpu_millis", "cpu_reserved_millis"),
        *("memory_mb", "memory_used_mb", "servers", "first_port", "last_port", "overcommit", "tls"),
        *("runs_builds", "agent_version", "joined_at", "seen_at", "suspected_at", "_offset"),
    ),
    ARCHIVE: (
        *("studio_id", "game_id", "subject", "event", "command_id", "data", "at"),
        *("_partition", "_offset", "_index"),
    ),
}
_LEFT_OUT: Final = frozenset(
    {
        *("variables", "own_variables", "env", "startup_args", "entrypoint", "cmd"),
        *("credentials_key", "auth_config", "lobby_configs"),
    }
)
"""Fields, wherever they are in an event, that hold or may hold a secret."""
_PREFIX: Final = "fleet.server-"
Key = tuple[str, ...]


def add_record(record: EventsRecord, partition: int, offset: int, rows: Rows, changes: list[Any]) -> None:
    """Add the rows of a record's events: one of each thing, as the record's last event has it."""
    del changes  # no row depends on one that is stored
    now: dict[tuple[str, Key], list[Any]] = {}
    index = 0
    for decided in record.decided:
        for event in decided.events:
            if event.type not in SHELL_EVENTS:
                message, at = EVENTS.decode(event.type, event.data), time_of(event.at_ms)
                place = [partition, offset, index]
                table, key, row = _thing(message)
                if table:
                    now[table, key] = [*row, offset]
                if isinstance(message, ev.ServerEvent):
                    rows[TRANSITIONS].append([*_transition(message, event.type, at), *place])
                if not isinstance(message, ev.HostSeen):
                    data = event_json(message, _LEFT_OUT)
                    of = (*_owner(message), key[-1] if key else "")
                    rows[ARCHIVE].append([*of, event.type, decided.command_id, data, at, *place])
            index += 1
    for (table, _), row in now.items():
        rows[table].append(row)


def _thing(message: Message) -> tuple[str, Key, list[Any]]:
    """The table, key and row of what an event is about; empty for settings and pools."""
    match message:
        case ev.ServerEvent(server=server):
            return SERVERS, (server.studio_id, server.game_id, server.instance_id), _server(server)
        case ev.BuildEvent(build=build):
            return BUILDS, (build.studio_id, build.game_id, build.id), _build(build)
        case ev.HostEvent(host=host):
            return HOSTS, (host.id,), _host(host)
        case _:
            return "", (), []


def _owner(message: Message) -> tuple[str, str]:
    """Studio and game: the event's own, since one report of a host is about servers of many."""
    match message:
        case ev.ServerEvent(server=server):
            return server.studio_id, server.game_id
        case ev.BuildEvent(build=build):
            return build.studio_id, build.game_id
        case ev.ProjectEvent():
            return message.studio_id, message.game_id
        case _:
            return "", ""


def _server(server: Server) -> list[Any]:
    return [
        *(server.studio_id, server.game_id, server.instance_id, server.name, STATUSES[server.phase]),
        *(server.phase, server.region, server.compute_size, server.build_id, server.version_tag),
        *(server.version, server.match_id or "", server.custom_data or "", server.is_pool_server),
        *(
            optional_time(server.pool_claimed_at_ms),
            server.auto_restart,
            server.ttl_s,
            optional_time(server.expires_at_ms),
        ),
        *(server.attempt, server.host_id or "", server.isolation or ""),
        server.ports[0].host if server.ports else "",
        [port.external_port for port in server.ports],
        *(time_of(server.created_at_ms), time_of(server.updated_at_ms)),
        *(
            optional_time(server.process_started_at_ms),
            optional_time(server.ready_at_ms),
            optional_time(server.stopped_at_ms),
        ),
        *(server.stop_reason or "", server.exit_code),
    ]


def _transition(event: ev.ServerEvent, name: str, at: str) -> list[Any]:
    server = event.server
    attempt, host_id, reason, failures, quick_exits = server.attempt, server.host_id or "", "", 0, 0
    exit_code: int | None = None
    match event:
        case ev.ServerExited():
            attempt, host_id, reason = event.attempt, event.host_id, event.reason
            failures, quick_exits, exit_code = event.failures, event.quick_exits, server.exit_code
        case ev.ServerStopped():
            reason, exit_code = server.stop_reason or "", server.exit_code
        case ev.ServerStopping():
            reason = server.stop_reason or ""
        case _:
            pass
    return [
        *(server.studio_id, server.game_id, server.instance_id, at),
        name.removeprefix(_PREFIX).partition(".")[0],
        *(server.phase, attempt, host_id, server.region, server.compute_size, server.build_id),
        *(server.match_id or "", reason, exit_code, failures, quick_exits),
    ]


def _build(build: Build) -> list[Any]:
    made = build.artefact
    return [
        *(build.studio_id, build.game_id, build.id, build.name, build.version, build.status),
        *(build.build_type, build.executable_path or "", build.image_url or ""),
        *((made.image_digest if made is not None else None) or "", build.upload_bytes),
        *(("", None, None, None) if made is None else _made(made)),
        *(build.error or "", build.attempt, time_of(build.created_at_ms), time_of(build.updated_at_ms)),
    ]


def _made(made: Any) -> tuple[Any, ...]:
    return made.sha256, made.size_bytes, made.unpacked_bytes, made.files


def _host(host: Host) -> list[Any]:
    has = host.capacity
    return [
        *(host.id, host.status, host.epoch, has.address, has.regions, has.isolation, has.cpu_millis),
        *(host.cpu_reserved_millis, has.memory_mb, host.memory_used_mb, host.servers, has.first_port),
        *(has.last_port, has.overcommit, has.tls, has.runs_builds, has.agent_version),
        *(time_of(host.joined_at_ms), time_of(host.seen_at_ms), optional_time(host.suspected_at_ms)),
    ]


async def _nothing(client: ClickHouse, changes: Sequence[Any], ends: Mapping[int, int]) -> Rows:
    del client, changes, ends
    return {}


FLEET_TABLES: Final = TableSet(topic=FLEET_EVENTS.name, columns=COLUMNS, add=add_record, changed=_nothing)
