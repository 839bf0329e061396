"""What the log wants of one host, folded from its events since it joined. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from schemas.codec import Message
from schemas.fleet.events import (
    BuildEvent,
    BuildProcessing,
    HostJoined,
    HostLost,
    ServerEvent,
    ServerExited,
    ServerPlaced,
    ServerRestarting,
    ServerStopped,
    ServerStopping,
)
from schemas.fleet.host_views import Instance
from schemas.fleet.views import Build, LaunchSpec, Server
from streams.fleet.host.reconcile import Want


class Entry(msgspec.Struct):
    """An attempt that this host has to run, or to bring to its end."""

    spec: LaunchSpec
    want: Want
    server: Server | None = None
    """As the last event has it; None until there was one."""


class Wanted:
    """All that one host should run and process, under one epoch."""

    def __init__(
        self, host_id: str, epoch: int, instances: list[Instance], processing: list[Build] | None = None
    ) -> None:
        self._host_id: Final = host_id
        self._epoch: Final = epoch
        self.fenced = False
        """Whether another agent serves the host, or the log has given it up: this one must end."""
        self.entries: dict[str, Entry] = {
            attempt_id(instance.spec.instance_id, instance.spec.attempt): Entry(
                instance.spec, instance.wanted
            )
            for instance in instances
        }
        self.builds: dict[str, Build] = {build.id: build for build in processing or ()}
        """Those whose attempts of processing are this host's, the first given first."""

    def wants(self) -> Mapping[str, Want]:
        """By attempt."""
        return {name: entry.want for name, entry in self.entries.items()}

    def apply(self, event: Message) -> str | None:
        """Takes in one event; the attempt that it changed, if it was one of this host's."""
        match event:
            case HostJoined(host=host) if host.id == self._host_id:
                self.fenced = self.fenced or host.epoch > self._epoch
            case HostLost(host=host) if host.id == self._host_id:
                self.fenced = True
            case ServerExited():
                if event.host_id == self._host_id:
                    return self._gone(attempt_id(event.server.instance_id, event.attempt))
            case ServerEvent():
                if event.server.host_id == self._host_id:
                    return self._of_server(event)
            case BuildEvent():
                self._of_build(event)
            case _:
                pass
        return None

    def _of_build(self, event: BuildEvent) -> None:
        build = event.build
        self.builds.pop(build.id, None)
        if isinstance(event, BuildProcessing) and build.host_id == self._host_id:
            self.builds[build.id] = build

    def _of_server(self, event: ServerEvent) -> str | None:
        server = event.server
        name = attempt_id(server.instance_id, server.attempt)
        if isinstance(event, ServerPlaced):
            self.entries[name] = Entry(event.spec, "running", server)
            return name
        entry = self.entries.get(name)
        if entry is None:
            return None
        if isinstance(event, ServerStopped):
            return self._gone(name)
        entry.server = server
        if isinstance(event, ServerStopping | ServerRestarting):
            entry.want = "gone"
        return name

    def _gone(self, name: str) -> str | None:
        return name if self.entries.pop(name, None) is not None else None


def attempt_id(instance_id: str, attempt: int) -> str:
    """The name of an attempt's folder and container."""
    return f"{instance_id}-{attempt}"
