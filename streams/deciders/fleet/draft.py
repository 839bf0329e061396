"""A decision as it grows, and how servers and builds are found in it."""

from __future__ import annotations

from schemas.codec import Message
from schemas.fleet.limits import DECISION_SPECS_BYTES_MAX
from schemas.fleet.views import LaunchSpec, Server
from streams.deciders.fleet.evolve import evolve
from streams.deciders.fleet.evolve_servers import spec_bytes
from streams.deciders.fleet.state import FleetState, Project, ServerState, project_key
from streams.deciders.noun import Request


class Draft:
    """Events of one decision. What is read after an event sees it, as if it had been appended."""

    def __init__(self, state: FleetState, request: Request) -> None:
        self.request = request
        self.at_ms = request.at_ms
        self.events: list[Message] = []
        self.state = state
        self.made_servers = 0
        self.pools: set[str] = set()
        """Projects whose pools have to be looked at before the decision ends."""
        self.room_freed = False
        """Whether what is queued may find room now."""
        self.full: set[tuple[object, ...]] = set()
        """What no host had room for in this decision."""
        self._spec_bytes = 0

    def emit(self, event: Message) -> None:
        """Add an event."""
        self.events.append(event)
        self.state = evolve(self.state, event, self.at_ms)

    def decided(self) -> tuple[Message, ...]:
        """All of them."""
        return tuple(self.events)

    @property
    def key(self) -> str:
        """The request's project."""
        return project_key(self.request.studio_id, self.request.game_id)

    @property
    def project(self) -> Project:
        """The request's project."""
        return self.project_of(self.key)

    def project_of(self, key: str) -> Project:
        """A project by its key; one of which nothing is known has its defaults."""
        known = self.state.projects.get(key)
        if known is None:
            studio_id, _, game_id = key.partition("/")
            return Project(studio_id, game_id)
        return known

    def own_server(self, instance_id: str) -> ServerState | None:
        """A server of the request's project that is not stopped."""
        known = self.state.servers.get(instance_id)
        if known is None or project_key(known.server.studio_id, known.server.game_id) != self.key:
            return None
        return known

    def was_stopped(self, instance_id: str) -> bool:
        """Whether the request's project had this server."""
        gone = self.state.stopped.get(instance_id)
        return gone is not None and gone.project == self.key

    def look_at_pool(self, server: Server) -> None:
        """A server has changed: its project's pool may want another, or the plan allow one more."""
        key = project_key(server.studio_id, server.game_id)
        if server.is_pool_server or self.project_of(key).settings.pool.enabled:
            self.pools.add(key)

    def freed(self) -> None:
        """Room came free: what found none before may find it."""
        self.room_freed = True
        self.full.clear()

    def takes_more(self) -> bool:
        """Whether servers beside the one that was asked for still fit into this decision's record."""
        return self._spec_bytes < DECISION_SPECS_BYTES_MAX

    def count(self, spec: LaunchSpec) -> None:
        """A spec that is in this decision's record."""
        self._spec_bytes += spec_bytes(spec)
