"""Liveops' reads over rows held in memory, real Redis for limits and streams, and one game of each studio."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from api.liveops.app import LiveopsReads, create_liveops_reads
from api.liveops.subscriptions import ListenerOptions
from projections.liveops.keys import NOUN
from projections.liveops.streams import RedisStreamStores
from projections.redis.rate_limit import RedisRateLimiter
from projections.redis.stores import NounStores
from schemas.edge.ports import Credential, Game, KeyKind, Limits, StoreUnavailable
from schemas.fleet.ports import Given
from schemas.identifiers import key_hash
from schemas.liveops.ports import (
    BoardEntryRow,
    BoardRow,
    BoardView,
    HoldingRow,
    LedgerRow,
    LobbyRow,
    PlayerRow,
    RunRow,
)
from tests.api.world import MemoryDirectory
from tests.documented import async_hook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from schemas.liveops.ports import StreamEntry
    from schemas.liveops.views import Grant

_databases = itertools.count(1)


class Directory(MemoryDirectory):
    """Keys of each kind, and a game with the definition a test gives it."""

    def __init__(self, definition: dict[str, Any], limits: Limits) -> None:
        super().__init__("studio")
        self.doom = msgspec.structs.replace(self.doom, definition=definition, limits=limits)
        self.all_games = [self.doom, self.relay, self.theirs]
        run = self.doom.id
        self.live, self.test, self.server = f"lo_live_{run}", f"lo_test_{run}", f"lo_srv_{run}"
        self.foreign = f"lo_live_other_{run}"
        for key, kind, game in (
            (self.live, KeyKind.SDK_LIVE, self.doom),
            (self.test, KeyKind.SDK_TEST, self.doom),
            (self.server, KeyKind.SDK_SERVER, self.doom),
            (self.foreign, KeyKind.SDK_LIVE, self.theirs),
        ):
            self.credentials[key] = Credential(
                key_id=f"key_{key}", kind=kind, studio_id=game.studio_id, game_id=game.id
            )


class Rows:
    """PlayerReads, BoardReads and FinalBoardReads of rows a test sets. `asked` counts views."""

    def __init__(self) -> None:
        self.players: dict[tuple[str, str], PlayerRow] = {}
        self.run_rows: dict[tuple[str, str, str, str], RunRow] = {}
        self.wallets: dict[tuple[str, str], list[HoldingRow]] = {}
        self.items: dict[tuple[str, str], list[HoldingRow]] = {}
        self.grants: dict[tuple[str, str], list[Grant]] = {}
        self.ledgers: dict[tuple[str, str], list[LedgerRow]] = {}
        self.old_ledgers: dict[tuple[str, str], list[LedgerRow]] = {}
        self.lobbies: dict[str, LobbyRow] = {}
        self.servers: dict[str, Given] = {}
        self.boards: dict[str, BoardRow] = {}
        self.entries: dict[str, list[BoardEntryRow]] = {}
        self.final: dict[str, list[BoardEntryRow]] = {}
        self.final_away = False
        self.asked = 0

    def register(self, game_id: str, external_id: str, secret: str) -> None:
        self.players[game_id, external_id] = PlayerRow(
            external_id=external_id, created_at_ms=1, secret_hash=key_hash(secret) if secret else ""
        )

    async def player(self, game_id: str, external_id: str) -> PlayerRow | None:
        return self.players.get((game_id, external_id))

    async def runs(
        self, game_id: str, external_id: str, windows: Sequence[tuple[str, str]]
    ) -> list[RunRow | None]:
        return [self.run_rows.get((game_id, external_id, *window)) for window in windows]

    async def wallet(self, game_id: str, external_id: str) -> list[HoldingRow]:
        return self.wallets.get((game_id, external_id), [])

    async def inventory(self, game_id: str, external_id: str) -> list[HoldingRow]:
        return self.items.get((game_id, external_id), [])

    async def pending_grants(self, game_id: str, external_id: str) -> list[Grant]:
        return self.grants.get((game_id, external_id), [])

    async def ledger_head(self, game_id: str, external_id: str) -> list[LedgerRow]:
        return self.ledgers.get((game_id, external_id), [])

    async def lobby(self, game_id: str, lobby_id: str) -> LobbyRow | None:
        assert game_id
        return self.lobbies.get(lobby_id)

    async def given(self, lobby_id: str, now_ms: int) -> Given | None:
        assert now_ms
        return self.servers.get(lobby_id)

    async def board(self, game_id: str, board_id: str) -> BoardRow | None:
        assert game_id
        return self.boards.get(board_id)

    async def view(
        self, game_id: str, board_id: str, limit: int, external_id: str | None = None
    ) -> BoardView | None:
        assert game_id
        self.asked += 1
        await asyncio.sleep(0)
        board = self.boards.get(board_id)
        if board is None:
            return None
        entries = self.entries.get(board_id, [])
        own = next((entry for entry in entries if entry.external_id == external_id), None)
        return BoardView(board=board, total_players=len(entries), entries=entries[:limit], self_entry=own)

    async def rank(self, game_id: str, board_id: str, external_id: str) -> int | None:
        assert game_id
        entries = self.entries.get(board_id, [])
        return next((entry.rank for entry in entries if entry.external_id == external_id), None)

    async def final_entries(self, board_id: str, limit: int) -> list[BoardEntryRow]:
        if self.final_away:
            raise StoreUnavailable("away")
        return self.final.get(board_id, [])[:limit]

    async def final_entry(self, board_id: str, external_id: str) -> BoardEntryRow | None:
        if self.final_away:
            raise StoreUnavailable("away")
        entries = self.final.get(board_id, [])
        return next((entry for entry in entries if entry.external_id == external_id), None)

    async def ledger_before(self, game_id: str, external_id: str, number: int, limit: int) -> list[LedgerRow]:
        rows = self.old_ledgers.get((game_id, external_id), [])
        return [row for row in rows if row.movement.number < number][:limit]


class World:
    """One test's reads. `now` is what its clocks say, in seconds."""

    def __init__(self, redis: Redis, directory: Directory) -> None:
        self.redis = redis
        self.directory = directory
        self.rows = Rows()
        self.now = time.time()
        self.generation = "g1"
        self.reads = self.create()
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.serve),
            base_url="http://reads",
            event_hooks={"response": [async_hook]},
        )

    @property
    def game(self) -> Game:
        return self.directory.doom

    def create(self, **options: Any) -> LiveopsReads:
        """One more process of the same deployment; the options are those of its listeners."""
        return create_liveops_reads(
            directory=self.directory,
            limiter=RedisRateLimiter(self.redis),
            players=self.rows,
            boards=self.rows,
            finals=self.rows,
            streams=RedisStreamStores(NounStores(NOUN, [self.redis])),
            servers=self.rows,
            now_ms=lambda: int(self.now * 1000),
            monotonic=lambda: self.now,
            trusted_proxies=("127.0.0.0/8",),
            registry=CollectorRegistry(),
            listener_options=ListenerOptions(**options),
        )

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.reads.handles(scope)
        await self.reads(scope, receive, send)

    async def get(
        self, path: str, key: str | None = None, secret: str | None = None, **headers: str
    ) -> httpx.Response:
        sent = {"authorization": f"Bearer {key or self.directory.live}", **headers}
        if secret is not None:
            sent["x-player-secret"] = secret
        return await self.http.get(path, headers=sent)

    def board(self, name: str, scores: Sequence[float], **fields: Any) -> str:
        board_id = f"lb_{name}"
        row: dict[str, Any] = {
            "id": board_id,
            "studio_id": self.game.studio_id,
            "game_id": self.game.id,
            "event_key": "weekly",
            "window_id": "w_1_2",
            "order": "desc",
        }
        self.rows.boards[board_id] = BoardRow(**(row | fields))
        self.rows.entries[board_id] = entries(scores)
        return board_id

    async def tell(self, board_id: str, data: Mapping[str, Any] | None, rank: int | None = 1) -> str:
        """Add to a board's stream as the projection does; None finalizes it."""
        payload = b"" if data is None else msgspec.json.encode(data)
        fields = {"d": payload, "r": "" if rank is None or data is None else str(rank)}
        key = f"{NOUN}:{self.generation}:stream:{board_id}"
        return str((await self.redis.xadd(key, fields)).decode())  # type: ignore[arg-type,union-attr]

    async def use(self, generation: str) -> None:
        self.generation = generation
        await self.redis.set(f"generation:{NOUN}", generation)


def entries(scores: Sequence[float]) -> list[BoardEntryRow]:
    return [
        BoardEntryRow(rank=rank, external_id=f"p{rank}", score=score, achieved_at_ms=1000 + rank)
        for rank, score in enumerate(scores, 1)
    ]


def names(found: dict[str, list[StreamEntry]]) -> dict[str, list[str]]:
    return {board_id: [entry.id for entry in entries] for board_id, entries in found.items()}


@asynccontextmanager
async def open_world(
    redis_url: str, definition: dict[str, Any] | None = None, limits: Limits | None = None
) -> AsyncIterator[World]:
    redis = Redis.from_url(redis_url, db=next(_databases) % 10 + 3)
    await redis.flushdb()
    directory = Directory(definition or {}, limits or Limits())
    world = World(redis, directory)
    await world.use("g1")
    try:
        yield world
    finally:
        await world.http.aclose()
        await world.reads.close()
        await redis.aclose()
