"""The fleet in Redis: which events set what, and what answers a command. Pure. Keys: `keys.py`.

Events carry whole rows, so the last event of a record decides. Which lists a row leaves follows from what the
lists can hold: it is taken out of all that it is not in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from projections.fleet import keys
from projections.redis.operations import (
    Operation,
    delete_score,
    expire_at,
    forget_until,
    set_field,
    set_score,
    set_value,
)
from projections.redis.reader import Projection
from schemas.codec import Message
from schemas.envelope import Decided
from schemas.fleet import events as ev
from schemas.fleet.answers import outcome_of
from schemas.fleet.events import EVENTS
from schemas.fleet.host_views import Host
from schemas.fleet.limits import HOUR_MS
from schemas.fleet.noun import FLEET_EVENTS
from schemas.fleet.objects import UPLOAD_AWAITED_MS
from schemas.fleet.ports import GivenRow
from schemas.fleet.states import STATUSES
from schemas.fleet.views import Build, BuildStatus, Server

STOPPED_KEPT_MS: Final = 7 * 24 * HOUR_MS
"""A stopped server can be read for so long."""
_BUILD_STATUSES: Final[tuple[BuildStatus, ...]] = ("uploading", "processing", "ready", "failed", "deleted")
_CLASSES: Final = tuple(name + pool for name in dict.fromkeys(STATUSES.values()) for pool in ("", keys.POOL))
_encode: Final = msgspec.msgpack.Encoder(order="deterministic").encode


def _servers(event: ev.ServerEvent) -> Iterable[Operation]:
    server = event.server
    owner = keys.project(server.studio_id, server.game_id)
    row, place = keys.server_key(server.instance_id), keys.place(server.created_at_ms, server.instance_id)
    yield set_value(row, _encode(server))
    own = keys.server_class(server)
    for name in _CLASSES:
        for listed in (keys.servers_key(owner, name), keys.servers_key(owner, name, server.region)):
            yield set_score(listed, 0.0, place) if name == own else delete_score(listed, place)
    if server.match_id is not None:
        yield set_score(keys.match_key(owner, server.match_id), 0.0, place)
    due = keys.due_member("server", server.studio_id, server.game_id, server.instance_id)
    yield from _due(due, server.due_at_ms)
    if server.phase == "stopped":
        yield from _gone_later(server, owner, own, place)


def _gone_later(server: Server, owner: str, own: str, place: str) -> Iterable[Operation]:
    """The row of a stopped server goes after some days, and what stopped so long before leaves the lists."""
    stopped_at_ms = server.updated_at_ms if server.stopped_at_ms is None else server.stopped_at_ms
    gone_at_ms = stopped_at_ms + STOPPED_KEPT_MS
    yield expire_at(keys.server_key(server.instance_id), gone_at_ms)
    if server.match_id is not None:
        yield expire_at(keys.match_key(owner, server.match_id), gone_at_ms)
    for listed in (keys.servers_key(owner, own), keys.servers_key(owner, own, server.region)):
        stops = keys.stops_key(listed)
        yield set_score(stops, stopped_at_ms, place)
        yield forget_until(stops, stopped_at_ms - STOPPED_KEPT_MS, listed)


def _builds(event: ev.BuildEvent) -> Iterable[Operation]:
    build: Build = event.build
    place = keys.place(build.created_at_ms, build.id)
    yield set_value(keys.build_key(build.id), _encode(build))
    for status in _BUILD_STATUSES:
        there = status == build.status
        for listed in keys.build_lists(msgspec.structs.replace(build, status=status)):
            yield set_score(listed, 0.0, place) if there else delete_score(listed, place)
    yield from _build_due(build)
    if build.processes_itself:
        yield from _upload(build)


def _upload(build: Build) -> Iterable[Operation]:
    """What waits for its upload; what has waited too long for one leaves the list with the next."""
    member = keys.due_member("build", build.studio_id, build.game_id, build.id)
    if build.status == "uploading":
        yield set_score(keys.UPLOADS, build.created_at_ms, member)
        yield forget_until(keys.UPLOADS, build.created_at_ms - UPLOAD_AWAITED_MS, keys.UPLOADS)
    else:
        yield delete_score(keys.UPLOADS, member)


def _build_due(build: Build) -> Iterable[Operation]:
    yield from _due(keys.due_member("build", build.studio_id, build.game_id, build.id), build.due_at_ms)


def _hosts(event: ev.HostEvent) -> Iterable[Operation]:
    host: Host = event.host
    yield set_field(keys.HOSTS, host.id, _encode(host))
    yield from _due(keys.due_member("host", "", "", host.id), host.due_at_ms)
    if isinstance(event, ev.HostSeen):
        for build in event.processing:
            yield set_value(keys.build_key(build.id), _encode(build))
            yield from _build_due(build)


def _settings(event: ev.SettingsChanged) -> Iterable[Operation]:
    yield set_value(keys.settings_key(keys.project(event.studio_id, event.game_id)), _encode(event.settings))


def _paused(event: ev.PoolPaused) -> Iterable[Operation]:
    entry = f"{event.region}/{event.compute_size}"
    yield from _due(keys.due_member("pool", event.studio_id, event.game_id, entry), event.until_ms)


def _lobby(event: ev.LobbyServerGiven | ev.LobbyServerRefused) -> Iterable[Operation]:
    row = (
        GivenRow("", event.code)
        if isinstance(event, ev.LobbyServerRefused)
        else GivenRow(event.instance_id, "")
    )
    yield set_value(keys.lobby_key(event.lobby_id), _encode(row))
    yield expire_at(keys.lobby_key(event.lobby_id), event.ends_at_ms + HOUR_MS)


def _lobby_ended(event: ev.LobbyServerEnded) -> Iterable[Operation]:
    """What it was given stays to be read as long as the lobby itself."""
    yield expire_at(keys.lobby_key(event.lobby_id), event.ends_at_ms + HOUR_MS)


def _due(member: str, at_ms: int | None) -> Iterable[Operation]:
    yield delete_score(keys.DUES, member) if at_ms is None else set_score(keys.DUES, at_ms, member)


_STEPS: Final[dict[type[Message], Callable[[Any], Iterable[Operation]]]] = {
    **dict.fromkeys(ev.SERVER_EVENTS, _servers),
    **dict.fromkeys(ev.BUILD_EVENTS, _builds),
    **dict.fromkeys(ev.HOST_EVENTS, _hosts),
    ev.SettingsChanged: _settings,
    ev.PoolPaused: _paused,
    ev.LobbyServerGiven: _lobby,
    ev.LobbyServerRefused: _lobby,
    ev.LobbyServerEnded: _lobby_ended,
}


def project(
    decided: Decided, messages: Sequence[Any], appended_at_ms: int, partition: int
) -> list[Operation]:
    """What one command's events set, in order. Applying them again changes nothing.

    Of several events of one row the last alone is set: each holds all of it.
    """
    del decided, appended_at_ms, partition  # the times that matter here are the events' own
    last: dict[Any, tuple[Callable[[Any], Iterable[Operation]], Any]] = {}
    for number, message in enumerate(messages):
        step = _STEPS.get(type(message))
        if step is not None:
            subject = _subject(message) or number
            last.pop(subject, None)
            last[subject] = (step, message)
    return [operation for step, message in last.values() for operation in step(message)]


def _subject(message: Any) -> str:
    """Which row an event is of; empty for what is of none."""
    match message:
        case ev.ServerEvent():
            return message.server.instance_id
        case ev.BuildEvent():
            return message.build.id
        case ev.HostEvent():
            return message.host.id
        case _:
            return ""


FLEET: Final = Projection(
    noun=keys.NOUN,
    topic=FLEET_EVENTS,
    events=EVENTS,
    project=project,
    outcome_of=outcome_of,
)
