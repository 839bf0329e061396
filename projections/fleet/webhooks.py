"""What webhooks say of the fleet: `{"id", "type", "createdAt", "gameId", "data"}`. Pure.

`data` has `server` or `build` as S5 shows them to a server key; a server without `startup_args`, which may
hold secrets: a body passes through other hands. `server.running` is told whenever an attempt is ready, and
when a start claims a pool server; an unclaimed pool server has no notifications. In order for each
server and build. A subject is `s/<instance>` or `b/<build>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from projections.webhooks.notifications import Notification, Notified, standard_body
from schemas.codec import Message
from schemas.fleet import events as ev
from schemas.fleet.events import EVENTS
from schemas.fleet.resources import build_resource, server_resource
from schemas.fleet.views import Build, Server
from schemas.fleet.webhooks import FleetWebhookType


def _notifications(message: Message, at_ms: int) -> Sequence[Notification]:
    """What an event is worth telling."""
    del at_ms
    match message:
        case ev.ServerReady(server=server) | ev.ServerClaimed(server=server):
            return _of_server("server.running", server)
        case ev.ServerStopped(server=server):
            return _of_server("server.stopped", server)
        case ev.BuildReady(build=build):
            return _of_build("build.ready", build)
        case ev.BuildFailed(build=build):
            return _of_build("build.failed", build)
        case _:
            return ()


def _of_server(kind: FleetWebhookType, server: Server) -> Sequence[Notification]:
    if server.is_pool_server and server.pool_claimed_at_ms is None:
        return ()
    shown = replace(server_resource(server, whole=True), startup_args=UNSET)
    return (Notification(kind, f"s/{server.instance_id}", {"server": shown}),)


def _of_build(kind: FleetWebhookType, build: Build) -> Sequence[Notification]:
    return (Notification(kind, f"b/{build.id}", {"build": build_resource(build)}),)


def _game_of(message: Message) -> str:
    match message:
        case ev.ServerEvent(server=server):
            return server.game_id
        case ev.BuildEvent(build=build):
            return build.game_id
        case _:
            return ""


FLEET: Final = Notified(
    wire_names=frozenset(
        kind.WIRE
        for kind in (ev.ServerReady, ev.ServerClaimed, ev.ServerStopped, ev.BuildReady, ev.BuildFailed)
    ),
    events=EVENTS,
    notifications=_notifications,
    body=standard_body,
    game_of=_game_of,
)
