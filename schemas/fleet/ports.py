"""What edges and process managers ask of the fleet's read side, as Protocols that `deploy` injects.

Every method raises `schemas.edge.ports.StoreUnavailable` instead of guessing. Times are unix milliseconds. By
id a row is found whichever project it is of: the caller compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from schemas.fleet.host_views import Host
from schemas.fleet.sizes import Region
from schemas.fleet.states import Status
from schemas.fleet.views import Build, BuildStatus, Server, Settings

RowT = TypeVar("RowT")


class Page(msgspec.Struct, Generic[RowT], frozen=True, gc=False):
    """Some rows of a list, and how many the whole list has."""

    total: int
    rows: Sequence[RowT]


class ServerFilter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which of a project's servers are asked for."""

    studio_id: str
    game_id: str
    statuses: Sequence[Status]
    include_pool: bool = False
    """Whether pool servers that no start has claimed are among them."""
    region: Region | None = None
    match_id: str | None = None
    limit: int
    offset: int


class DueRow(msgspec.Struct, frozen=True, gc=False):
    """What waits for time: a server, a build, a host, or an entry of a pool."""

    kind: str
    """`server`, `build`, `host` or `pool`."""
    studio_id: str
    game_id: str
    id: str
    """The server's, build's or host's; `<region>/<size>` of a pool's entry."""
    due_at_ms: int


class GivenRow(msgspec.Struct, frozen=True, gc=False):
    """What a live-ops lobby was given, as it is stored."""

    instance_id: str
    """Empty where it was refused one."""
    refused: str
    """The refusal's code; empty where it was given one."""


class Given(msgspec.Struct, frozen=True, gc=False):
    """What a live-ops lobby was given, and the server as it is now."""

    row: GivenRow
    server: Server | None
    """None where it was refused one, or it stopped long ago."""


class LobbyServerReads(Protocol):
    """Servers of live-ops lobbies."""

    async def given(self, lobby_id: str, now_ms: int) -> Given | None:
        """None before it was decided, and where the lobby's window ended an hour ago."""
        ...


class FleetReads(Protocol):
    """S5's reads in Redis: a client that got its answer reads its own write here."""

    async def server(self, instance_id: str, now_ms: int) -> Server | None:
        """A server; None once it has been stopped for 7 days."""
        ...

    async def servers(self, wanted: ServerFilter, now_ms: int) -> Page[Server]:
        """A page of a project's servers, newest first, and how many match."""
        ...

    async def build(self, build_id: str) -> Build | None:
        """A build, a deleted one too."""
        ...

    async def builds(
        self,
        studio_id: str,
        game_id: str,
        *,
        name: str | None,
        status: BuildStatus | None,
        limit: int,
        offset: int,
    ) -> Page[Build]:
        """A page of a project's builds, newest first, and how many match; deleted ones only by status."""
        ...

    async def settings(self, studio_id: str, game_id: str) -> Settings:
        """A project's settings; the defaults where none were ever set."""
        ...

    async def ready(self) -> None:
        """Return where the reads can be answered at all."""
        ...

    async def hosts(self) -> list[Host]:
        """Every host that ever joined, by id."""
        ...


class UploadReads(Protocol):
    """Uploads that are waited for, of all projects. Raises StoreUnavailable."""

    async def uploads(self, now_ms: int, limit: int) -> list[DueRow]:
        """Builds whose upload is processed without a call; `due_at_ms` is when each was created."""
        ...


class DueReads(Protocol):
    """What time has brought, of all projects."""

    async def dues(self, now_ms: int, limit: int) -> list[DueRow]:
        """What is due, the longest due first."""
        ...
