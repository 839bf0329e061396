"""One player's reads: events, grants, inventory, wallet; and what only a studio's server may see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from api.http import Answer
from api.liveops.http import Call, whole_number
from schemas.edge.errors import Refused
from schemas.edge.ports import Game, KeyKind, StoreUnavailable
from schemas.liveops import json as shapes
from schemas.liveops import resources, responses
from schemas.liveops.access import Caller
from schemas.liveops.definitions import ResolvedEvent, resolve_events
from schemas.liveops.names import board_id
from schemas.liveops.ports import LEDGER_HEAD, FinalBoardReads, LedgerRow, PlayerReads, RunRow
from schemas.liveops.views import GrantEntry, grant_status
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from schemas.liveops.windows import Window

_GRANTS_SHOWN: Final = 200
NEWEST_ROWS: Final = 20
"""Ledger rows in a player's overview."""
_GAMES_RESOLVED_MAX: Final = 256
_NO_PLAYER: Final = "there is no such player"


class PlayerRoutes:
    """Handlers of authorized requests."""

    def __init__(self, players: PlayerReads, finals: FinalBoardReads, now_ms: Callable[[], int]) -> None:
        self._players = players
        self._finals = finals
        self._now_ms = now_ms
        self._resolved: dict[tuple[str, int], list[ResolvedEvent]] = {}

    async def ping(self, _: Call, caller: Caller) -> Answer:
        """PingResponse."""
        body = responses.PingResponse(
            ok=True,
            game_id=caller.game.id,
            key_type="server_api" if caller.is_server else "client_sdk",
            environment="test" if caller.credential.kind == KeyKind.SDK_TEST else "live",
            server_time=iso_ms(self._now_ms()),
        )
        return Answer(200, shapes.encode(body))

    async def catalog(self, _: Call, caller: Caller) -> Answer:
        """CatalogResponse of the key's game."""
        return Answer(200, shapes.encode(shapes.catalog(caller.game.definition)))

    async def events(self, call: Call, caller: Caller) -> Answer:
        """EventsListResponse: events whose window is open now, with the player's run in each."""
        call.query()
        running = self._open_events(caller.game)
        runs = await self._runs(caller.game, call.names["externalId"], running)
        body = [
            _event(caller.game.id, event, window, run)
            for (event, window), run in zip(running, runs, strict=True)
        ]
        return Answer(200, shapes.encode(responses.EventsListResponse(events=body)))

    async def pending_grants(self, call: Call, caller: Caller) -> Answer:
        """PendingGrantsResponse, newest first; empty for an unknown player."""
        grants = await self._grants(caller.game, call.names["externalId"], call.query()["limit"])
        return Answer(200, shapes.encode(responses.PendingGrantsResponse(grants=grants)))

    async def inventory(self, call: Call, caller: Caller) -> Answer:
        """InventoryListResponse; empty where the studio keeps the inventory."""
        items = await self._items(caller.game, call.names["externalId"])
        return Answer(200, shapes.encode(responses.InventoryListResponse(items=items)))

    async def wallet(self, call: Call, caller: Caller) -> Answer:
        """WalletListResponse, zero balances included."""
        rows = await self._players.wallet(caller.game.id, call.names["externalId"])
        wallet = [shapes.wallet_entry(row) for row in rows]
        return Answer(200, shapes.encode(responses.WalletListResponse(wallet=wallet)))

    async def server_player(self, call: Call, caller: Caller) -> Answer:
        """Everything of one player *(ours)*: 404 for an unknown one."""
        body = await self.overview(caller.game, call.names["externalId"])
        if body is None:
            raise Refused(404, _NO_PLAYER)
        return Answer(200, shapes.encode(body))

    async def overview(self, game: Game, external_id: str) -> responses.ServerPlayerResponse | None:
        """Everything of one player in S3's shapes; None for an unknown one."""
        running = self._open_events(game)
        player = await self._players.player(game.id, external_id)
        if player is None:
            return None
        wallet, items, grants, runs, head = await asyncio.gather(
            self._players.wallet(game.id, external_id),
            self._items(game, external_id),
            self._grants(game, external_id, _GRANTS_SHOWN),
            self._runs(game, external_id, running),
            self._players.ledger_head(game.id, external_id),
        )
        return responses.ServerPlayerResponse(
            player=resources.KnownPlayer(
                external_id=player.external_id,
                created_at=iso_ms(player.created_at_ms),
                registered=bool(player.secret_hash),
            ),
            wallet=[shapes.wallet_entry(row) for row in wallet],
            inventory=items,
            pending_grants=grants,
            runs=[_run(run) for run in runs if run is not None],
            ledger=[shapes.movement(row) for row in head[:NEWEST_ROWS]],
        )

    async def server_ledger(self, call: Call, caller: Caller) -> Answer:
        """Every movement *(ours)*, newest first. `nextCursor` is null at the end; cursors stay valid."""
        query = call.query()
        cursor = query["cursor"]
        below = 2**53 if cursor is None else whole_number("cursor", cursor, 1, 2**53)
        body = await self.ledger(caller.game, call.names["externalId"], below, query["limit"])
        if body is None:
            raise Refused(404, _NO_PLAYER)
        return Answer(200, shapes.encode(body))

    async def ledger(
        self, game: Game, external_id: str, below: int, limit: int
    ) -> responses.LedgerResponse | None:
        """A page of one player's movements numbered below `below`; None for an unknown one."""
        player = await self._players.player(game.id, external_id)
        if player is None:
            return None
        rows = await self._movements(game.id, player.external_id, below, limit)
        last = rows[-1].movement.number if rows else 1
        return responses.LedgerResponse(
            ledger=[shapes.movement(row) for row in rows], next_cursor=str(last) if last > 1 else None
        )

    async def _grants(self, game: Game, external_id: str, limit: int) -> list[resources.Grant]:
        now = self._now_ms()
        grants = await self._players.pending_grants(game.id, external_id)
        pending = [grant for grant in grants if grant_status(grant, now) == "pending"]
        return [shapes.grant(grant, now) for grant in pending[:limit]]

    async def _items(self, game: Game, external_id: str) -> list[resources.Item]:
        if shapes.inventory_mode(game.definition) == "studio":
            return []
        return [shapes.item(row) for row in await self._players.inventory(game.id, external_id)]

    async def _runs(
        self, game: Game, external_id: str, running: list[tuple[ResolvedEvent, Window]]
    ) -> list[RunRow | None]:
        if not running:
            return []
        windows = [(event.definition.event_key, window.id) for event, window in running]
        return await self._players.runs(game.id, external_id, windows)

    async def _movements(self, game_id: str, external_id: str, below: int, limit: int) -> list[LedgerRow]:
        """The newest from Redis, older ones from ClickHouse; numbers have no gaps, so neither have pages."""
        head = await self._players.ledger_head(game_id, external_id)
        rows = [row for row in head if row.movement.number < below][:limit]
        oldest = rows[-1].movement.number if rows else below
        if len(rows) == limit or oldest == 1 or len(head) < LEDGER_HEAD:
            return rows
        older = await self._finals.ledger_before(game_id, external_id, oldest, limit - len(rows))
        if not rows and not older:  # an empty page would say that the ledger ends here
            raise StoreUnavailable("ClickHouse has not got these movements yet")
        return rows + older

    def _open_events(self, game: Game) -> list[tuple[ResolvedEvent, Window]]:
        now = self._now_ms()
        running = [(event, event.window_at(now)) for event in self._events_of(game)]
        return [(event, window) for event, window in running if window is not None]

    def _events_of(self, game: Game) -> list[ResolvedEvent]:
        key = (game.id, game.definition_version)
        events = self._resolved.get(key)
        if events is None:
            if len(self._resolved) >= _GAMES_RESOLVED_MAX:
                self._resolved.clear()
            events = self._resolved[key] = resolve_events(game)
        return events


def _event(game_id: str, event: ResolvedEvent, window: Window, run: RunRow | None) -> resources.Event:
    definition = event.definition
    target = definition.target
    shared = definition.mode == "global"
    active = run is not None and run.attempt.status == "active"
    return resources.Event(
        event_key=definition.event_key,
        name=definition.name,
        mode=definition.mode,
        window_id=window.id,
        window_starts_at=iso_ms(window.starts_at_ms),
        window_ends_at=iso_ms(window.ends_at_ms),
        leaderboard_id=board_id(game_id, definition.event_key, window.id) if shared else None,
        target=None if target is None else resources.EventTarget(metric=target.metric, value=target.value),
        attempts_used=0 if run is None else run.attempts_used,
        attempt_cap=definition.attempt_cap,
        active_attempt_id=run.attempt.id if run is not None and active else None,
        matchmaking=definition.matchmaking is not None,
        rewards=[
            resources.EventReward(
                trigger=reward.trigger,
                kind="reward" if reward.crate is None else "crate",
                entries=[GrantEntry(**msgspec.structs.asdict(entry)) for entry in reward.entries or []],
            )
            for reward in definition.rewards
        ],
    )


def _run(run: RunRow) -> resources.Run:
    return resources.Run(
        event_key=run.event_key,
        window_id=run.window_id,
        leaderboard_id=run.attempt.board_id,
        attempts_used=run.attempts_used,
        group=run.group,
        segment=run.segment or None,
        attempt=shapes.attempt(run.attempt),
    )
