"""Live-ops for the page: rows in memory that a test moves, real Redis Streams, and a ledger in ClickHouse."""

from __future__ import annotations

import json
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from api.liveops.app import LiveopsReads, create_liveops_reads
from deploy.clock import now_ms
from projections.liveops.economy_totals import Move, rows_of
from projections.liveops.keys import NOUN
from projections.liveops.streams import RedisStreamStores
from projections.liveops.table_rows import COLUMNS, ECONOMY, LEDGER
from projections.redis.client import connect
from projections.redis.rate_limit import RedisRateLimiter
from projections.redis.stores import NounStores
from schemas.liveops.definitions import resolve_events
from schemas.liveops.names import board_id
from schemas.liveops.ports import LEDGER_HEAD, BoardEntryRow, BoardRow, HoldingRow, LedgerRow
from schemas.liveops.views import Movement
from schemas.timestamps import iso_ms
from tests.api.liveops.world import Rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from projections.clickhouse.client import ClickHouse
    from schemas.edge.ports import Directory, Game

PLAYERS = ("ada", "grace", "katherine", "hedy", "radia", "margaret", "barbara", "frances")
STREAMS_DATABASE = 2


class Liveops:
    """What the page reads of live-ops, and what tests move in it."""

    def __init__(self, redis_url: str, directory: Directory) -> None:
        self.url = f"{redis_url.rstrip('/').removesuffix('/0')}/{STREAMS_DATABASE}"
        self.redis = connect(self.url)
        self.rows = Rows()
        self.reads: LiveopsReads = create_liveops_reads(
            directory=directory,
            limiter=RedisRateLimiter(self.redis),
            players=self.rows,
            boards=self.rows,
            finals=self.rows,
            streams=RedisStreamStores(NounStores(NOUN, [self.redis])),
            servers=self.rows,
            now_ms=now_ms,
            registry=CollectorRegistry(),
        )

    async def begin(self) -> None:
        """Say that the projection is ready."""
        async with self._own() as redis:
            await redis.set(f"generation:{NOUN}", "g1")

    async def close(self) -> None:
        await self.reads.close()
        await self.redis.aclose()

    @property
    def listeners(self) -> int:
        """Open streams."""
        return self.reads._listeners.places.taken

    def break_off(self) -> None:
        """End every open stream, as a server does that stops. In the page's loop."""
        for own in self.reads._listeners._open.values():
            for board in list(own._boards.values()):
                for listener in list(board.listeners):
                    listener.end()

    def board(self, game: Game, event_key: str, scores: dict[str, float], *, before: bool = False) -> str:
        """A leaderboard of the running window, or a finalized one of the window before; its id."""
        event = next(one for one in resolve_events(game) if one.definition.event_key == event_key)
        window = event.window_at(now_ms())
        assert window is not None
        if before:
            window = event.window_at(window.starts_at_ms - 1)
            assert window is not None
        board = board_id(game.id, event_key, window.id)
        self.rows.boards[board] = BoardRow(
            id=board,
            studio_id=game.studio_id,
            game_id=game.id,
            event_key=event_key,
            window_id=window.id,
            order=event.definition.order,
            finalized_at_ms=window.ends_at_ms if before else None,
            total_players=len(scores),
        )
        self.rank(board, scores)
        return board

    def rank(self, board: str, scores: dict[str, float]) -> None:
        """What a view of the board shows from now on."""
        sign = -1 if self.rows.boards[board].order == "desc" else 1
        ranked = sorted(scores.items(), key=lambda pair: sign * pair[1])
        found = [
            BoardEntryRow(rank=rank, external_id=name, score=score, achieved_at_ms=now_ms() - 60_000)
            for rank, (name, score) in enumerate(ranked, 1)
        ]
        self.rows.entries[board] = self.rows.final[board] = found
        self.rows.boards[board] = msgspec.structs.replace(self.rows.boards[board], total_players=len(found))

    async def tell(self, board: str, external_id: str, score: float, previous: float | None) -> None:
        """Progress, as the projection tells a board's listeners."""
        told = {
            "leaderboardId": board,
            "externalId": external_id,
            "score": score,
            "previousScore": previous,
            "occurredAt": iso_ms(now_ms()),
        }
        await self._add(board, msgspec.json.encode(told), "1")

    async def finalize(self, board: str) -> None:
        """The board's last word."""
        await self._add(board, b"", "")

    async def _add(self, board: str, data: bytes, rank: str) -> None:
        fields: Any = {"d": data, "r": rank}
        async with self._own() as redis:
            await redis.xadd(f"{NOUN}:g1:stream:{board}", fields)

    @asynccontextmanager
    async def _own(self) -> AsyncIterator[Redis]:
        """A connection of the caller's loop: the page is served in another."""
        redis = connect(self.url)
        try:
            yield redis
        finally:
            await redis.aclose()


def ledger_of(count: int, ending_ms: int, seed: int = 3) -> list[LedgerRow]:
    """A player's movements, oldest first: gold earned and spent, medkits found and used."""
    chance = random.Random(seed)
    held = {"gold": 0, "medkit": 0}
    rows = []
    for number in range(1, count + 1):
        key = "gold" if chance.random() < 0.75 else "medkit"
        spends = held[key] > 0 and chance.random() < 0.45
        amount = -min(held[key], chance.randint(1, 20 if key == "gold" else 1)) if spends else 0
        amount = amount or (chance.choice((20, 25, 50)) if key == "gold" else 1)
        held[key] += amount
        taken = ("debit", "ammo") if key == "gold" else ("consume", "healed")
        cause, reason = taken if amount < 0 else ("claim", "")
        movement = {"number": number, "type": "currency" if key == "gold" else "item", "key": key,
                    "amount": amount, "balance": held[key], "cause": cause, "command_id": f"c{number}",
                    "reason": reason, "grant_id": "" if amount < 0 else f"g{number}"}  # fmt: skip
        at_ms = ending_ms - (count - number) * 7 * 60_000
        rows.append(LedgerRow(movement=msgspec.convert(movement, Movement), at_ms=at_ms))
    return rows


async def seed_liveops(client: ClickHouse, world: Liveops, game: Game) -> None:
    """Boards, players and their ledgers: the newest in memory, all of them in ClickHouse."""
    await world.begin()
    chance = random.Random(5)
    world.board(game, "weekly-frags", {name: float(chance.randint(4, 90) * 50) for name in PLAYERS})
    scores = {name: float(chance.randint(4, 90) * 50) for name in PLAYERS}
    world.board(game, "weekly-frags", scores, before=True)
    lines = []
    moves: list[Move] = []
    for place, name in enumerate(PLAYERS):
        rows = ledger_of(130 - 12 * place, now_ms() - 30_000 * (place + 1), seed=place)
        key = (game.id, name)
        world.rows.register(game.id, name, "secret")
        world.rows.ledgers[key] = rows[::-1][:LEDGER_HEAD]
        world.rows.old_ledgers[key] = rows[::-1][LEDGER_HEAD:]
        last = {row.movement.key: row for row in rows}
        holdings = {
            kind: HoldingRow(key=kind, quantity=row.movement.balance, updated_at_ms=row.at_ms)
            for kind, row in last.items()
        }
        world.rows.wallets[key] = [row for kind, row in holdings.items() if kind == "gold"]
        world.rows.items[key] = [row for kind, row in holdings.items() if kind == "medkit" and row.quantity]
        for row in rows:
            moved = msgspec.structs.asdict(row.movement)
            kind = (moved["type"], moved["key"])
            moves.append(Move(game.studio_id, game.id, *kind, moved["amount"], row.at_ms, 0, len(moves)))
            whole = moved | {"studio_id": game.studio_id, "game_id": game.id, "external_id": name,
                             "at": f"{row.at_ms / 1000:.3f}"}  # fmt: skip
            lines.append(json.dumps({column: whole[column] for column in COLUMNS[LEDGER]}))
    await client.insert(
        LEDGER,
        list(COLUMNS[LEDGER]),
        "\n".join(lines).encode(),
        form="JSONEachRow",
        token=f"ledger:{game.id}",
    )
    sums = rows_of(moves, {}, {0: len(moves)})
    body = b"\n".join(map(msgspec.json.encode, sums))
    form, token = "JSONCompactEachRow", f"economy:{game.id}"
    await client.insert(ECONOMY, COLUMNS[ECONOMY], body, form=form, token=token)
