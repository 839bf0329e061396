"""What is known of a noun: each room's part, and how its parts are opened on a deployment's stores."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from redis.asyncio import Redis

    from api.telemetry.sections import Section
    from deploy.objects import FolderObjects
    from deploy.objects_s3 import S3Objects
    from deploy.settings import Settings
    from projections.clickhouse.tables import Tables
    from projections.redis.rate_limit import RedisRateLimiter
    from projections.redis.reader import Projection
    from projections.redis.stores import RedisStores
    from projections.studio.directory import RedisDirectory
    from projections.telemetry.queries.client import ClickHouseQueries
    from projections.webhooks.notifications import Notified
    from schemas.edge.openapi import Document
    from schemas.edge.routes import Route
    from schemas.log import Appender, LogReader, LogTail
    from schemas.noun import NounSchema
    from schemas.topics import Topic
    from streams.asking import Asker
    from streams.deciders.noun import Noun as Decider
    from streams.effect_reader import Reading
    from streams.gateway.app import Writes
    from streams.gateway.commands import CommandClient
    from streams.gateway.services import Services


class Reads(Protocol):
    """A noun's reads: an ASGI application for its own paths."""

    def handles(self, scope: Any) -> bool:
        """Whether a request's path is one of these reads, with whatever method."""
        ...

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one HTTP request that it handles."""
        ...

    async def close(self) -> None:
        """End what is open, before the loop ends."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """What an edge process has open."""

    settings: Settings
    stores: RedisStores
    directory: RedisDirectory
    limiter: RedisRateLimiter
    objects: FolderObjects | S3Objects

    @property
    def redis(self) -> Redis:
        """The common one."""
        return self.stores.common


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Acting:
    """What the process managers and effects of a noun that decides have."""

    settings: Settings
    stores: RedisStores
    tail: LogTail
    asker: Asker
    events: Topic
    """What an effect reads; a process manager gets the noun's own."""
    appender: Appender
    telemetry: Topic
    """Of requests: facts, to which an effect may append."""
    stack: AsyncExitStack
    """Closes at the process's end what is opened beside these."""

    @property
    def redis(self) -> Redis:
        """The common one."""
        return self.stores.common


Tick = Callable[[int], Awaitable[Any]]
"""Does what is due at a time (ms). A second process may do the same at the same time."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """A reader of events whose effects are commands of the noun, or lie outside the log."""

    open: Callable[[Acting, Reading], LogReader]
    reads: Topic | None = None
    """Another noun's events, where it does not read its own."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What an edge process serves of a noun, and its documents. All parts are optional."""

    writes: Callable[[Edge, CommandClient, Services], Writes] | None = None
    """Makes its writes, which the gateway serves. What they ask, they ask of its decider."""
    reads: Callable[[Edge, ClickHouseQueries], Reads] | None = None
    """Makes its reads, which the api serves."""
    section: Callable[[Edge, ClickHouseQueries], Section] | None = None
    """Makes its reads in S1's Management API."""
    documents: Mapping[str, tuple[Document, Sequence[Route]]] = dataclasses.field(default_factory=dict)
    """OpenAPI documents by the short names under which /docs shows them."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Noun:
    """A noun. All parts but the first are optional."""

    schema: NounSchema
    decider: Decider[Any] | None = None
    projection: Projection | None = None
    """There is one where there is a decider."""
    tables: tuple[Tables, ...] = ()
    """In ClickHouse, by the topics that they follow from."""
    views: Path | None = None
    """The folder of its views for analysts (`projections.clickhouse.views`)."""
    notified: Notified | None = None
    """What webhooks are told of its events."""
    effects: Mapping[str, Effect] = dataclasses.field(default_factory=dict)
    """By the names of their positions, which never change."""
    managers: Callable[[Acting], Mapping[str, Tick]] | None = None
    """What the timer calls each second, by name."""
    served: Callable[[], Served] = Served
    """Its part of the edge, imported by the call: workers do without it."""

    @property
    def name(self) -> str:
        """As in topics, keys, settings and folders."""
        return self.schema.name

    def read_by(self, effect: str) -> str:
        """The name of the topic that one of its effects reads."""
        topic = self.effects[effect].reads
        return f"{self.name}.events" if topic is None else topic.name
