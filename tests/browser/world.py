"""A dashboard to open in a browser: real ClickHouse, directory and counters in memory, on a free port."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Request

from api.dashboard import LiveMinute, ProjectionLag, create_dashboard
from projections.telemetry.queries.client import ClickHouseQueries
from schemas.edge.ports import Credential, Game, KeyKind, Limits, StoreUnavailable, Studio, Verdict
from schemas.identifiers import key_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

DOOM = Game(id="72ab8f81-ef36-4712-a046-399a62b9afaa", studio_id="studio_demo", slug="doom", name="Freedoom",
            created_at_ms=0, limits=Limits())  # fmt: skip
RELAY = Game(id="game_relay", studio_id="studio_demo", slug="relay", name="Relay", created_at_ms=0,
             limits=Limits())  # fmt: skip
OTHER = Game(id="game_other", studio_id="studio_other", slug="other-game", name="Other Game", created_at_ms=0,
             limits=Limits())  # fmt: skip
MANAGEMENT = "pl_mgmt_demo-management"
SECRET = "secret-of-doom"  # noqa: S105 - of a game in memory
TOKEN = "public-token-of-doom"  # noqa: S105 - likewise
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


class WindowLimiter:
    """A fixed window in one process: the limiter's contract without its store."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, int], int] = {}

    async def take(
        self, bucket: str, *, limit: float, period_ms: int, count_refused: bool = False
    ) -> Verdict:
        del count_refused
        now = int(time.time() * 1000)
        key = (bucket, now // period_ms)
        self.taken[key] = self.taken.get(key, 0) + 1
        left = period_ms - now % period_ms
        return Verdict(self.taken[key] <= limit, left, max(0, int(limit) - self.taken[key]), left)


class SwitchedQueries:
    """The real client, and a second one that leads nowhere for while ClickHouse is away."""

    def __init__(self, url: str, database: str) -> None:
        self.away = False
        self._here = ClickHouseQueries(url, database)
        self._nowhere = ClickHouseQueries("http://127.0.0.1:9", database)

    async def select(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        return await (self._nowhere if self.away else self._here).select(sql, parameters)

    async def close(self) -> None:
        await self._here.close()
        await self._nowhere.close()


class Signals:
    """Live counters and lags, as the page is to show them."""

    def __init__(self) -> None:
        self.lags = [
            ProjectionLag(name="studio → Redis", state="ready", lag_records=0, lag_seconds=0.0),
            ProjectionLag(name="telemetry → ClickHouse", state="ready", lag_records=3, lag_seconds=0.8),
            ProjectionLag(
                name="telemetry → live counters", state="behind", lag_records=1250, lag_seconds=6.4
            ),
        ]

    async def events_per_minute(self, game_id: str, minutes: int) -> Sequence[LiveMinute]:
        if game_id != DOOM.id:
            return []
        last = int(time.time()) // 60 * 60
        return [
            LiveMinute(last - 60 * ago, 2400 + (ago * 7919) % 900 - 18 * ago)
            for ago in range(minutes - 1, -1, -1)
        ]

    async def projections(self) -> Sequence[ProjectionLag]:
        return self.lags


class World:
    """Everything a test may look at or turn."""

    def __init__(self, clickhouse_url: str, database: str, vendor: Path | None) -> None:
        self.directory = MemoryDirectory()
        self.limiter = WindowLimiter()
        self.queries = SwitchedQueries(clickhouse_url, database)
        self.signals = Signals()
        self.base_url = ""
        self.app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        self.app.include_router(
            create_dashboard(
                directory=self.directory,
                limiter=self.limiter,
                queries=self.queries,
                live=self.signals,
                lag=self.signals,
                secret=b"a deployment secret of sixteen bytes or more",
                vendor=vendor,
                clock_ms=lambda: int(time.time() * 1000),
                client_ip=_client_ip,
                secure_cookie=False,
            )
        )

    @contextmanager
    def served(self, port: int = 0) -> Iterator[World]:
        """Serve until the block ends; `base_url` says where."""
        server = uvicorn.Server(uvicorn.Config(self.app, log_level="warning"))
        # Bound here, so that whoever connects before the server is up waits in the backlog.
        listener = socket.create_server(("127.0.0.1", port))
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        async def run() -> None:
            await server.serve([listener])
            await self.queries.close()

        thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(20)


def _client_ip(request: Request) -> str:
    return request.client.host if request.client else ""
