"""A dashboard to open in a browser: real ClickHouse and Redis, a directory in memory, on a free port."""

from __future__ import annotations

import asyncio
import secrets
import socket
import tempfile
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Request

from api.dashboard import create_dashboard
from api.dashboard.session import SessionSigner
from api.docs import docs_router
from api.telemetry.ai_section import AiSection
from api.telemetry.experiment_section import ExperimentSection
from api.telemetry.telemetry_section import TelemetrySection
from api.telemetry.tester_section import TesterSection
from deploy.clock import now_ms
from deploy.documents import described_views, documents
from deploy.edge_app import LiveCounters
from projections.redis.client import connect
from projections.redis.ended_sessions import RedisEndedSessions
from projections.redis.rate_limit import RedisRateLimiter
from projections.telemetry.live_counters import RedisLive
from projections.telemetry.queries.client import ClickHouseQueries
from schemas.edge.ports import Credential, Game, KeyKind, Limits, StoreUnavailable, Studio
from schemas.edge.session_keys import SessionKeys
from schemas.fleet.session_authority import S5_SESSIONS
from schemas.identifiers import key_hash
from schemas.lag import ProjectionLag
from schemas.playtests.session_authority import S2_SESSIONS
from schemas.studio.definitions import load_definitions
from tests.api.world import MemoryAi, MemoryExperiments
from tests.browser.fleet import Fleet
from tests.browser.liveops import Liveops
from tests.browser.playtests import Playtests
from tests.browser.seed import FUNNEL
from tests.schemas.liveops.test_definitions import DEMO, demo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from api.telemetry.sections import Section
CAMPAIGN = {"key": "campaign", "name": "Campaign", "steps": [*FUNNEL], "windowMinutes": 60}
DOOM = Game(id="72ab8f81-ef36-4712-a046-399a62b9afaa", studio_id="studio_demo", slug="doom", name="Freedoom",
            created_at_ms=0, limits=Limits(), definition=demo().definition | {"funnels": [CAMPAIGN]},
            feedback_forms=load_definitions(DEMO.read_text()).games[0].settings.feedback_forms)  # fmt: skip
RELAY = Game(id="game_relay", studio_id="studio_demo", slug="relay", name="Relay", created_at_ms=0,
             limits=Limits())  # fmt: skip
OTHER = Game(id="game_other", studio_id="studio_other", slug="other-game", name="Other Game", created_at_ms=0,
             limits=Limits())  # fmt: skip
MANAGEMENT = "pl_mgmt_demo-management"
SECRET = "secret-of-doom"  # noqa: S105 - of a game in memory
TOKEN = "public-token-of-doom"  # noqa: S105 - likewise
SIGNING = b"a deployment secret of sixteen bytes or more"
OTHER_MANAGEMENT = "pl_mgmt_other-management"


class MemoryDirectory:
    """The directory's contract over two dicts; `revoke` takes effect at once."""

    def __init__(self) -> None:
        self.away = False
        self.all_games = [DOOM, RELAY, OTHER]
        self.credentials = {
            key_hash(key): Credential(key_id=key, kind=kind, studio_id=studio, game_id=game)
            for key, kind, studio, game in (
                (MANAGEMENT, KeyKind.MANAGEMENT, "studio_demo", ""),
                (SECRET, KeyKind.SECRET_API, "studio_demo", DOOM.id),
                (TOKEN, KeyKind.PUBLIC_TOKEN, "studio_demo", DOOM.id),
                (OTHER_MANAGEMENT, KeyKind.MANAGEMENT, "studio_other", ""),
            )
        }

    def revoke(self, key: str) -> Credential:
        return self.credentials.pop(key_hash(key))

    def restore(self, key: str, credential: Credential) -> None:
        self.credentials[key_hash(key)] = credential

    async def credential(self, presented: str) -> Credential | None:
        return await self.credential_by_hash(key_hash(presented))

    async def credential_by_hash(self, hashed: str) -> Credential | None:
        if self.away:
            raise StoreUnavailable
        return self.credentials.get(hashed)

    async def studio(self, studio_id: str) -> Studio | None:
        name = {"studio_demo": "Demo Studio", "studio_other": "Other Studio"}[studio_id]
        return Studio(id=studio_id, slug=studio_id, name=name, plan="studio", created_at_ms=0)

    async def game(self, game_id: str) -> Game | None:
        return next((game for game in self.all_games if game.id == game_id), None)

    async def game_by_slug(self, studio_id: str, slug: str) -> Game | None:
        return next((g for g in self.all_games if (g.studio_id, g.slug) == (studio_id, slug)), None)

    async def games(self, studio_id: str) -> list[Game]:
        return [game for game in self.all_games if game.studio_id == studio_id]


class SwitchedQueries:
    """The real client, and a second one that leads nowhere for while ClickHouse is away."""

    def __init__(self, url: str, database: str) -> None:
        self.away = False
        self.here = ClickHouseQueries(url, database)
        self._nowhere = ClickHouseQueries("http://127.0.0.1:9", database)

    async def select(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        return await (self._nowhere if self.away else self.here).select(sql, parameters)

    @property
    def system_database(self) -> str:
        return self.here.system_database

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, seconds: float = 5.0
    ) -> list[list[Any]]:
        return await (self._nowhere if self.away else self.here).query(sql, parameters, seconds=seconds)

    async def close(self) -> None:
        await self.here.close()
        await self._nowhere.close()


class Lags:
    """Lags as the page is to show them, whatever the log does."""

    def __init__(self) -> None:
        self.lags = [
            ProjectionLag(name="redis:studio", state="ready", lag_records=0, lag_seconds=0.0),
            ProjectionLag(name="clickhouse:telemetry", state="ready", lag_records=3, lag_seconds=0.8),
            ProjectionLag(name="decider:studio", state="behind", lag_records=1250, lag_seconds=6.4),
        ]

    async def projections(self) -> Sequence[ProjectionLag]:
        return self.lags


class World:
    """Everything a test may look at or turn."""

    def __init__(self, clickhouse_url: str, database: str, redis_url: str, vendor: Path | None) -> None:
        self._clickhouse_url, self._database = clickhouse_url, database
        self.loop: asyncio.AbstractEventLoop
        """What serves the page; set once it does."""
        self.directory = MemoryDirectory()
        self.redis = connect(redis_url)
        self.queries = SwitchedQueries(clickhouse_url, database)
        self.lags = Lags()
        self.liveops = Liveops(redis_url, self.directory)
        self.playtests = Playtests(redis_url, self.directory, Path(tempfile.gettempdir()), SIGNING)
        self.experiments = MemoryExperiments()
        self.experiments.owners = {game.id: game.studio_id for game in self.directory.all_games}
        self.ai = MemoryAi()
        self.sections: list[Section] = [
            TesterSection(self.queries, self.ai),
            AiSection(self.queries, self.ai),
            ExperimentSection(self.directory, self.experiments, self.queries, now_ms),
            TelemetrySection(self.queries, self.ai),
        ]
        self.fleet = Fleet(redis_url, self.directory, self.queries, SIGNING)
        ended = RedisEndedSessions(self.redis)
        self.base_url = ""
        self.app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        self.app.include_router(
            create_dashboard(
                self.sections,
                directory=self.directory,
                limiter=RedisRateLimiter(self.redis, prefix=f"{database}:limit:"),
                queries=self.queries,
                live=LiveCounters(RedisLive(self.redis), now_ms),
                liveops=self.liveops.reads.dashboard_source,
                playtests=self.playtests.reads.dashboard_source,
                playtest_keys=SessionKeys(SIGNING, self.directory, ended, S2_SESSIONS),
                fleet=self.fleet.reads.dashboard_source,
                fleet_keys=SessionKeys(SIGNING, self.directory, ended, S5_SESSIONS),
                ended=ended,
                lag=self.lags,
                secret=SIGNING,
                vendor=vendor,
                clock_ms=now_ms,
                client_ip=_client_ip,
                secure_cookie=False,
            )
        )

        self.app.include_router(
            docs_router({name: partial(dict, one) for name, one in documents().items()}, described_views())
        )

    async def asked(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What ClickHouse says, asked from the caller's loop."""
        queries = ClickHouseQueries(self._clickhouse_url, self._database)
        try:
            return await queries.select(sql, parameters)
        finally:
            await queries.close()

    async def forget_ai_reads(self) -> None:
        """Fill the buckets of reads that ask an AI, of which a page takes two: tests share their keys."""

        async def forget() -> None:
            async for key in self.redis.scan_iter(f"{self._database}:limit:read:ai:*"):
                await self.redis.delete(key)

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(forget(), self.loop))

    def cookie(self, key: str) -> str:
        """The cookie that signing in with that key gives."""
        return SessionSigner(SIGNING).issue(key_hash(key), now_ms())

    @contextmanager
    def served(self, port: int = 0) -> Iterator[World]:
        """Serve until the block ends; `base_url` says where."""
        server = uvicorn.Server(uvicorn.Config(self.app, log_level="warning"))
        # Bound here, so that clients that connect before the server is up wait in the backlog.
        listener = socket.create_server(("127.0.0.1", port))
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        async def run() -> None:
            self.loop = asyncio.get_running_loop()
            await self.playtests.begin()
            await self.fleet.begin()
            await server.serve([listener])
            await self.playtests.close()
            await self.fleet.close()
            await self.liveops.close()
            for section in self.sections:
                await section.close()
            await self.queries.close()
            await self.redis.aclose()

        thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(20)


def _client_ip(request: Request) -> str:
    """Every request is its own address, so that tests don't limit each other, unless it says otherwise."""
    return request.headers.get("x-test-address") or secrets.token_hex(8)
