"""The ASGI app of an edge process: the stores' clients, built in the server's loop, and who answers what."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import prometheus_client

import projections.clickhouse.http_session  # noqa: F401 - no request waits for aiohttp
from api.app import create_api, source_ip
from api.dashboard import create_dashboard
from api.dashboard.ports import LiveMinute
from api.fleet.app import FleetReading
from api.liveops.app import LiveopsReads
from api.playtests.app import PlaytestsReads
from deploy.assets import assets_folder, installed
from deploy.brokers import brokers_of
from deploy.clickhouse_clients import clickhouse_queries_of
from deploy.clock import now_ms
from deploy.command_clients import open_ai, open_commands
from deploy.documents import described_views, lazy_documents
from deploy.edge_headers import SafeHeaders
from deploy.edge_target import refuse_target
from deploy.mcp_endpoint import McpEndpoint
from deploy.noun import Edge, Reads
from deploy.nouns import NOUNS, deciding, surfaces, topic_of
from deploy.object_store import media_origins, open_objects
from deploy.object_urls import URL_PATH
from deploy.objects_app import ObjectsApp
from deploy.redis_stores import open_stores
from deploy.serving.fleet import open_session_keys as open_fleet_keys
from deploy.serving.playtests import open_session_keys as open_playtest_keys
from deploy.stack.kafka_jars import default_cache
from projections.lag import LagReader
from projections.redis.client import AWAY
from projections.redis.ended_sessions import RedisEndedSessions
from projections.redis.export_register import RedisExportRegister
from projections.redis.failures import RedisFailures
from projections.redis.rate_limit import RedisRateLimiter
from projections.studio.directory import RedisDirectory
from projections.telemetry.live_counters import RedisLive
from schemas.edge.cors import Cors
from schemas.edge.limits import UPLOADS_IN_FLIGHT_BYTES
from schemas.edge.ports import StoreUnavailable
from schemas.edge.proxy import TrustedProxies
from schemas.edge.target import target_problem
from schemas.telemetry.noun import TELEMETRY
from streams.gateway.app import Gateway, create_gateway
from streams.gateway.memory_quotas import BodiesInFlight
from streams.gateway.metrics import GatewayMetrics
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from pathlib import Path

    from deploy.settings import Settings
    from streams.ai.asking import AiAsking
    from streams.gateway.app import Writes
    from streams.gateway.services import Services

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

APPEND_TIMEOUT_S: Final = 6.0
"""A 503 must reach clients that wait 10 s, as the S4 reference's sample does."""
_READING: Final = frozenset({"GET", "HEAD"})

_log: Final = logging.getLogger(__name__)


class EdgeApp:
    """Hosts the gateway, the api, or both. No store needs to be there at start: answers are 503 then."""

    def __init__(self, kind: str, configured: Settings) -> None:
        self._kind = kind
        self._settings = configured
        self._cors = Cors(configured.cors)
        self._headers = SafeHeaders(https=configured.base_url.startswith("https:"))
        self._stack = AsyncExitStack()
        self._gateway: Gateway | None = None
        self._api: Asgi | None = None
        self._objects: Asgi | None = None
        self._reads: list[Reads] = []
        self._ready = False

    def health(self) -> dict[str, Any]:
        """For the admin port."""
        return {"ok": self._ready, "kind": self._kind}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the process's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] == "http":
            send = self._headers.sending(send)
            problem = target_problem(scope["raw_path"], scope["query_string"])
            if problem is not None:
                await refuse_target(
                    scope, send, problem, surfaces=surfaces(), cors=self._cors, now_ms=now_ms()
                )
                return
        await self._chosen(scope)(scope, receive, send)

    def _chosen(self, scope: Scope) -> Asgi:
        """Who answers; what runs alone answers everything. A path of both is read by GET and HEAD alone."""
        if self._objects is not None and scope["path"].startswith(URL_PATH):
            return self._objects
        gateway = self._gateway
        if gateway is not None and scope["method"] not in _READING and gateway.serves(scope):
            return gateway
        for reads in self._reads:
            if reads.handles(scope):
                return reads
        if gateway is not None and (self._api is None or gateway.answers(scope)):
            return gateway
        if self._api is None:
            raise RuntimeError("a request came before the start")
        return self._api

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            try:
                if message["type"] == "lifespan.startup":
                    await self._open()
                else:
                    self._ready = False
                    await self._stack.aclose()
            except Exception as error:  # noqa: BLE001 - the server gets it and ends the process
                _log.exception("%s failed", message["type"])
                await send({"type": f"{message['type']}.failed", "message": str(error)})
                return
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _open(self) -> None:
        configured = self._settings
        stores = open_stores(configured, connections=64)
        self._stack.push_async_callback(stores.aclose)
        redis = stores.common
        edge = Edge(
            settings=configured,
            stores=stores,
            directory=RedisDirectory(redis),
            limiter=RedisRateLimiter(redis),
            objects=open_objects(configured),
        )
        self._objects = ObjectsApp(
            edge.objects,
            edge.objects.urls,
            now_ms,
            self._cors,
            uploads=BodiesInFlight(UPLOADS_IN_FLIGHT_BYTES) if self._kind != "api" else None,
            proxies=TrustedProxies(configured.trusted_proxies),
        )
        appender = KafkaAppender(
            brokers_of(configured),
            client_id=f"questlog-edge-{configured.instance}",
            timeout_s=APPEND_TIMEOUT_S,
        )
        self._stack.push_async_callback(appender.stop)
        if self._kind != "api":
            self._gateway = await self._open_gateway(edge, appender)
        if self._kind != "gateway":
            self._api = self._open_api(edge, await open_ai(self._stack, appender, redis))
        self._ready = True

    async def _open_gateway(self, edge: Edge, appender: KafkaAppender) -> Gateway:
        configured = self._settings
        writes: list[Callable[[Services], Writes]] = []
        for noun in deciding(configured):
            writing = noun.served().writes
            if writing is not None:
                commands = await open_commands(
                    self._stack,
                    noun.commands,
                    edge.stores.of(noun.projection),
                    appender=appender,
                    client="edge",
                )
                writes.append(partial(writing, edge, commands))
        if self._kind == "edge":  # whose calls are reads of this process
            writes.append(self._mcp)
        figures = GatewayMetrics()
        prometheus_client.REGISTRY.register(figures)
        gateway = create_gateway(
            directory=edge.directory,
            limiter=edge.limiter,
            appender=appender,
            objects=edge.objects,
            exports=RedisExportRegister(edge.redis, configured.exports_per_day),
            surfaces=surfaces(),
            telemetry_partitions=topic_of(configured, TELEMETRY).partitions,
            trusted_proxies=configured.trusted_proxies,
            bodies_in_flight_bytes=configured.bodies_in_flight_bytes,
            cors=configured.cors,
            metrics=figures,
            writes=writes,
        )
        self._stack.push_async_callback(gateway.drained)
        return gateway

    def _mcp(self, services: Services) -> McpEndpoint:
        endpoint = McpEndpoint(services, self, base_url=self._settings.base_url)
        self._stack.push_async_callback(endpoint.close)
        return endpoint

    def _open_api(self, edge: Edge, ai: AiAsking) -> Asgi:
        configured, redis = self._settings, edge.redis
        queries = clickhouse_queries_of(configured)
        tail = KafkaTail(brokers_of(configured), client_id=f"questlog-api-{configured.instance}")
        self._stack.push_async_callback(tail.stop)
        lag = LagReader(
            failures=RedisFailures(redis),
            tail=tail,
            stores=edge.stores,
            queries=queries,
            nouns=deciding(configured),
            telemetry_partitions=topic_of(configured, TELEMETRY).partitions,
            now_ms=now_ms,
        )
        parts = [noun.served() for noun in NOUNS]
        self._reads = [served.reads(edge, queries) for served in parts if served.reads is not None]
        (liveops,) = (reads for reads in self._reads if isinstance(reads, LiveopsReads))
        (playtests,) = (reads for reads in self._reads if isinstance(reads, PlaytestsReads))
        (fleet,) = (reads for reads in self._reads if isinstance(reads, FleetReading))
        client_ip = source_ip(TrustedProxies(configured.trusted_proxies))
        dashboard = partial(
            create_dashboard,
            directory=edge.directory,
            limiter=edge.limiter,
            queries=queries,
            live=LiveCounters(RedisLive(redis), now_ms),
            liveops=liveops.dashboard_source,
            playtests=playtests.dashboard_source,
            playtest_keys=open_playtest_keys(edge),
            fleet=fleet.dashboard_source,
            fleet_keys=open_fleet_keys(edge),
            ended=RedisEndedSessions(redis),
            lag=lag,
            secret=configured.deployment_secret(),
            vendor=_vendor(),
            clock_ms=now_ms,
            client_ip=client_ip,
            secure_cookie=configured.base_url.startswith("https:"),
            media_origins=media_origins(configured),
        )
        api = create_api(
            directory=edge.directory,
            limiter=edge.limiter,
            queries=queries,
            lag=lag,
            surfaces=surfaces(),
            client_ip=client_ip,
            clock_ms=now_ms,
            ai=ai,
            sections=[served.section(edge, queries) for served in parts if served.section is not None],
            dashboard=dashboard,
            documents=lazy_documents(),
            tables=described_views(),
        )
        self._stack.push_async_callback(api.state.close)
        for reads in self._reads:
            self._stack.push_async_callback(reads.close)
        return api


class LiveCounters:
    """The dashboard's `LiveSource` over what the ClickHouse role publishes."""

    def __init__(self, live: RedisLive, now_ms: Callable[[], int]) -> None:
        self._live = live
        self._now_ms = now_ms

    async def events_per_minute(self, game_id: str, minutes: int) -> list[LiveMinute]:
        """The last minutes that had any events, in order, the running one included."""
        try:
            counted = await self._live.events_per_minute(game_id)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        since = self._now_ms() // 60_000 - minutes
        return [LiveMinute(minute * 60, counted[minute]) for minute in sorted(counted) if minute > since]


def _vendor() -> Path | None:
    cache = default_cache()
    return assets_folder(cache) if installed(cache) else None
