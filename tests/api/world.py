"""A read side over real ClickHouse and Redis, with a directory in memory and rows put in directly."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import struct
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, get_args

import httpx
import msgspec
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from api.app import create_api, source_ip
from api.telemetry.experiment_section import ExperimentSection
from deploy.nouns import surfaces
from projections.clickhouse.client import ClickHouse
from projections.redis.rate_limit import RedisRateLimiter
from projections.telemetry.queries.client import ClickHouseQueries
from schemas.edge.ports import Credential, Game, KeyKind, Limits, StoreUnavailable, Studio
from schemas.edge.proxy import TrustedProxies
from schemas.lag import ProjectionLag
from schemas.studio.ai_outputs import checked_output
from schemas.studio.ai_requests import AiAnswer, AiReason, AiRequest, AiText, vector_id
from schemas.studio.experiments import Digest, ExperimentLife
from tests.ai_server import vector as ai_vector
from tests.documented import async_hook
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from schemas.studio.ai import AiPurpose, AiSettings

NOW_MS = 1_790_000_000_000
MINUTE = 60_000
_offsets = itertools.count(1)
REASONS: dict[str, AiReason] = {reason: reason for reason in get_args(AiReason)}


WRITES: Final = {"openapi": "3.1.0", "info": {"title": "Writes", "version": "1"}, "paths": {}}
"""A document of another surface."""


class MemoryDirectory:
    """Two studios: one with two games, one with one. `away` makes every look-up fail."""

    def __init__(self, plan: str) -> None:
        run = uuid.uuid4().hex[:12]
        self.away = False
        self.studio_id, self.other_id = f"studio_{run}", f"studio_other_{run}"
        self.studios = {
            self.studio_id: Studio(
                id=self.studio_id, slug="demo", name="Demo", plan=plan, created_at_ms=NOW_MS
            ),
            self.other_id: Studio(
                id=self.other_id, slug="other", name="Other", plan="free", created_at_ms=NOW_MS
            ),
        }
        self.doom = self._game(f"game_a{run}", self.studio_id, "doom")
        self.relay = self._game(f"game_b{run}", self.studio_id, "relay")
        self.theirs = self._game(f"game_c{run}", self.other_id, "other-game")
        self.all_games = [self.doom, self.relay, self.theirs]
        self.management, self.ingest, self.token = f"pl_mgmt_{run}", f"pl_ik_{run}", f"pub_{run}"
        self.other_management = f"pl_mgmt_other_{run}"
        self.credentials = {
            key: Credential(key_id=f"key_{key}", kind=kind, studio_id=studio)
            for key, kind, studio in (
                (self.management, KeyKind.MANAGEMENT, self.studio_id),
                (self.ingest, KeyKind.INGEST, self.studio_id),
                (self.token, KeyKind.PUBLIC_TOKEN, self.studio_id),
                (self.other_management, KeyKind.MANAGEMENT, self.other_id),
            )
        }

    def _game(self, game_id: str, studio_id: str, slug: str) -> Game:
        return Game(
            id=game_id,
            studio_id=studio_id,
            slug=slug,
            name=slug.title(),
            created_at_ms=NOW_MS,
            limits=Limits(),
        )

    def _here(self) -> None:
        if self.away:
            raise StoreUnavailable("away")

    async def credential(self, presented: str) -> Credential | None:
        self._here()
        return self.credentials.get(presented)

    async def studio(self, studio_id: str) -> Studio | None:
        self._here()
        return self.studios.get(studio_id)

    async def game(self, game_id: str) -> Game | None:
        self._here()
        return next((game for game in self.all_games if game.id == game_id), None)

    async def game_by_slug(self, studio_id: str, slug: str) -> Game | None:
        self._here()
        return next((g for g in self.all_games if (g.studio_id, g.slug) == (studio_id, slug)), None)

    async def games(self, studio_id: str) -> list[Game]:
        self._here()
        return [game for game in self.all_games if game.studio_id == studio_id]


class MemoryExperiments:
    """Lives and digests by experiment id; a game's are those that name it."""

    def __init__(self) -> None:
        self.lives: list[ExperimentLife] = []
        self.digests: dict[str, Digest] = {}
        self.owners: dict[str, str] = {}
        self.now_ms = NOW_MS

    async def experiments(self, game_id: str) -> list[ExperimentLife]:
        found = [life for life in self.lives if life.game_id == game_id]
        return sorted(found, key=lambda life: (-life.created_at_ms, life.id))

    async def experiment(self, studio_id: str, experiment_id: str) -> ExperimentLife | None:
        own = (life for life in self.lives if self.owners[life.game_id] == studio_id)
        return next((life for life in own if life.id == experiment_id), None)

    async def digest(self, studio_id: str, experiment_id: str) -> Digest | None:
        del studio_id
        return self.digests.get(experiment_id)


class MemoryAi:
    """A studio's AI: settings where a key works, and what each kind of request is answered with."""

    def __init__(self) -> None:
        self.settings: dict[str, AiSettings] = {}
        """By purpose."""
        self.requests: list[AiRequest] = []
        self.say: Callable[[AiRequest], str | AiReason] = lambda _: "ai_error"
        self.kept: dict[str, AiText] = {}
        self.held: dict[str, bytes] = {}

    async def usable(self, studio_id: str, purpose: AiPurpose) -> AiSettings | None:
        del studio_id
        return self.settings.get(purpose)

    async def answer(self, studio_id: str, request: AiRequest) -> AiAnswer | AiReason:
        del studio_id
        self.requests.append(request)
        said = self.say(request)
        if (reason := REASONS.get(said)) is not None:
            return reason
        if request.purpose == "embedding":
            for text in json.loads(request.input):
                vector = struct.pack("<256f", *ai_vector(text))
                self.held[vector_id(request.model_id, text)] = vector
        output = "" if request.purpose == "embedding" else checked_output(request.kind, request.input, said)
        return AiAnswer(
            kind=request.kind,
            model_id=request.model_id,
            attempt=1,
            status="ok",
            output=output,
            finished_at_ms=NOW_MS,
        )

    async def texts(self, studio_id: str, keys: Sequence[str]) -> list[AiText | None]:
        del studio_id
        return [self.kept.get(key) for key in keys]

    async def vectors(self, studio_id: str, ids: Sequence[str]) -> list[bytes | None]:
        del studio_id
        return [self.held.get(one) for one in ids]


class Lags:
    """What /readyz is told."""

    def __init__(self) -> None:
        self.rows: list[ProjectionLag] = [
            ProjectionLag(name="telemetry → ClickHouse", state="ready", lag_records=3, lag_seconds=0.25)
        ]

    async def projections(self) -> Sequence[ProjectionLag]:
        return self.rows


class World:
    """One test's api, its stores and its two tenants."""

    def __init__(
        self,
        directory: MemoryDirectory,
        http: httpx.AsyncClient,
        clickhouse: ClickHouse,
        queries: ClickHouseQueries,
    ) -> None:
        self.directory = directory
        self.http = http
        self.clickhouse = clickhouse
        self.queries = queries
        self.ai = MemoryAi()
        self.lags = Lags()
        self.experiments = MemoryExperiments()
        self.app: Any = None

    def define(self, *lives: ExperimentLife, **definition: Any) -> None:
        """Give doom a definition, and these lives to its experiments."""
        old = self.directory.doom
        game = replace(old, definition=definition, definition_version=old.definition_version + 1)
        at = self.directory.all_games.index(old)
        self.directory.all_games[at] = self.directory.doom = game
        self.experiments.owners = {one.id: one.studio_id for one in self.directory.all_games}
        self.experiments.lives = list(lives)

    async def read(self, path: str, key: str | None = None, **params: object) -> httpx.Response:
        return await self.http.get(
            path,
            params={name.rstrip("_"): str(value) for name, value in params.items()},
            headers={"authorization": f"Bearer {key or self.directory.management}"},
        )

    async def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        body = b"\n".join(msgspec.json.encode(row) for row in rows)
        digest = hashlib.sha256(body).hexdigest()
        await self.clickhouse.insert(table, sorted(rows[0]), body, form="JSONEachRow", token=digest)

    async def sessions(self, *rows: dict[str, Any]) -> None:
        await self.insert("session_parts", [session_row(self.directory.doom, **row) for row in rows])

    async def feedback(self, *rows: dict[str, Any]) -> None:
        await self.insert("feedback", [feedback_row(self.directory.doom, **row) for row in rows])

    async def insights(self, *rows: dict[str, Any]) -> None:
        await self.insert("insights", [insight_row(self.directory.doom, **row) for row in rows])


def feedback_row(own: Game, /, **fields: Any) -> dict[str, Any]:
    """A row of feedback to the form `ff`; `texts` answer its fields q0, q1 and so on."""
    texts: list[Any] = fields.pop("texts")
    answers = [{"fieldId": f"q{index}", "value": text} for index, text in enumerate(texts)]
    row: dict[str, Any] = {
        "studio_id": own.studio_id,
        "game_id": own.id,
        "form_id": "ff",
        "submission_id": f"sub_{uuid.uuid4().hex}",
        "session_id": "",
        "player_id": "device_1",
        "answers": msgspec.json.encode(answers).decode(),
        "arrived_at": time64(NOW_MS),
        "_partition": 0,
        "_offset": next(_offsets),
        "_index": 0,
        "_rank": next(_offsets),
    }
    return row | fields


def session_row(own: Game, /, **fields: Any) -> dict[str, Any]:
    """A row of session_parts; `events` are (unix ms, name), from which counts and spans follow."""
    game: Game = fields.pop("game", own)
    events: list[tuple[int, str]] = fields.pop("events", [(NOW_MS, "click"), (NOW_MS + 10_000, "click")])
    times = [moment for moment, _ in events]
    counts: dict[str, int] = {}
    for _, name in events:
        counts[name] = counts.get(name, 0) + 1
    row: dict[str, Any] = {
        "studio_id": game.studio_id,
        "game_id": game.id,
        "session_id": f"sess_{uuid.uuid4().hex}",
        "player_id": "device_1",
        "tester_handle": "device_1",
        "title": "",
        "source": "unity-telemetry",
        "build_id": "0.4.9",
        "environment": "production",
        "platform": "Win64",
        "metadata": "{}",
        "experiments": "",
        "country": "",
        "region": "",
        "city": "",
        "started_at": None,
        "first_event_at": time64(min(times)),
        "last_event_at": time64(max(times)),
        "first_arrived_at": time64(min(times)),
        "event_counts": counts,
        "spans": spans(times),
        "ended": 1,
        "closed": 1,
        "_partition": 0,
        "_version": next(_offsets),
    }
    return row | fields


def insight_row(own: Game, /, **fields: Any) -> dict[str, Any]:
    game: Game = fields.pop("game", own)
    row: dict[str, Any] = {
        "studio_id": game.studio_id,
        "game_id": game.id,
        "session_id": "",
        "player_id": "device_1",
        "insight_id": f"ins_{uuid.uuid4().hex}",
        "type": "session-summary",
        "sentiment": "neutral",
        "confidence": 0.5,
        "evidence": "It went on.",
        "event_ids": ["0-1-0"],
        "place": "",
        "tag": "session-summary",
        "build_id": "0.4.9",
        "environment": "production",
        "created_at": time64(NOW_MS),
        "removed": 0,
        "_version": next(_offsets),
    }
    return row | fields


def time64(unix_ms: int) -> str:
    return f"{unix_ms / 1000:.3f}"


def spans(times: list[int]) -> list[tuple[int, int]]:
    """Maximal runs with gaps of at most 30 s."""
    runs: list[tuple[int, int]] = []
    for moment in sorted(times):
        if runs and moment - runs[-1][1] <= 30_000:
            runs[-1] = (runs[-1][0], moment)
        else:
            runs.append((moment, moment))
    return runs


def create_database(url: str) -> str:
    """A migrated database of a new name."""
    name = f"test_{uuid.uuid4().hex}"

    async def create() -> None:
        await (await migrated(url, name, for_session=True)).close()

    asyncio.run(create())
    return name


@asynccontextmanager
async def open_world(
    clickhouse_url: str,
    database: str,
    redis_url: str,
    *,
    plan: str = "studio",
) -> AsyncIterator[World]:
    directory = MemoryDirectory(plan)
    redis = Redis.from_url(redis_url)
    clickhouse = ClickHouse(clickhouse_url, database)
    queries = ClickHouseQueries(clickhouse_url, database)
    lags = Lags()
    experiments = MemoryExperiments()
    ai = MemoryAi()
    section = ExperimentSection(directory, experiments, queries, lambda: experiments.now_ms)
    app = create_api(
        directory=directory,
        limiter=RedisRateLimiter(redis, prefix=f"limit:{uuid.uuid4().hex}:"),
        queries=queries,
        lag=lags,
        surfaces=surfaces(),
        client_ip=source_ip(TrustedProxies(["127.0.0.0/8"])),
        clock_ms=lambda: NOW_MS,
        ai=ai,
        sections=[section],
        documents={
            "writes": lambda: {"openapi": "3.1.0", "info": {"title": "Writes", "version": "1"}, "paths": {}}
        },
        registry=CollectorRegistry(),
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    hooks = {"response": [async_hook]}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", event_hooks=hooks) as http:
        world = World(directory, http, clickhouse, queries)
        world.lags, world.app, world.experiments, world.ai = lags, app, experiments, ai
        try:
            yield world
        finally:
            await app.state.close()
            await clickhouse.close()
            await redis.aclose()
