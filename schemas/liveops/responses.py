"""What S3 answers with, as structs: the encoders' shapes and the schemas of its document.

Source: the S3 reference. Names are camelCase on the wire.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas.liveops.resources import (
    Attempt,
    CatalogCurrency,
    CatalogItem,
    Event,
    Grant,
    Item,
    KnownPlayer,
    LeaderboardEntry,
    Lobby,
    Movement,
    Player,
    Run,
    Shape,
    Standing,
    Time,
    WalletEntry,
)


class ErrorDetail(Shape, frozen=True, kw_only=True):
    """A refusal: `details` has what a program may act on."""

    code: str
    message: str
    details: dict[str, Any]


class ErrorResponse(Shape, frozen=True, kw_only=True):
    """S3's error body."""

    error: ErrorDetail


class PingResponse(Shape, frozen=True, kw_only=True):
    """The key is good."""

    ok: bool
    game_id: str
    key_type: Literal["client_sdk", "server_api"]
    environment: Literal["live", "test"]
    server_time: Time


class EventsListResponse(Shape, frozen=True, kw_only=True):
    """Events with an open window."""

    events: list[Event]


class StartAttemptResponse(Shape, frozen=True, kw_only=True):
    """An attempt that has begun, and its board."""

    attempt: Attempt
    leaderboard_id: str


class ProgressResponse(Shape, frozen=True, kw_only=True):
    """An attempt after its progress, and what it earned."""

    attempt: Attempt
    leaderboard: Standing
    grants: list[Grant]


class LeaderboardHead(Shape, frozen=True, kw_only=True):
    """A board's first entries."""

    leaderboard_id: str
    event_key: str
    window_id: str
    finalized: bool
    total_players: int
    entries: list[LeaderboardEntry]


class LeaderboardResponse(LeaderboardHead, frozen=True, kw_only=True):
    """A board's first entries, and one player's own."""

    self_entry: LeaderboardEntry | None = msgspec.field(name="self")


class LeaderboardStreamEvent(Shape, frozen=True, kw_only=True):
    """The data of a stream's `score_update`. `rank` is as of the write."""

    leaderboard_id: str
    external_id: str
    score: float
    previous_score: float | None
    rank: int | None
    occurred_at: Time


class PendingGrantsResponse(Shape, frozen=True, kw_only=True):
    """Unclaimed grants, newest first."""

    grants: list[Grant]


class ClaimGrantResponse(Shape, frozen=True, kw_only=True):
    """A grant after it was claimed or given."""

    grant: Grant


class OpenCrateResponse(Shape, frozen=True, kw_only=True):
    """An opened crate, and what was in it."""

    crate: Grant
    contents: Grant


class LobbyResponse(Shape, frozen=True, kw_only=True):
    """A lobby as it is now."""

    lobby: Lobby


class RegisterPlayerResponse(Shape, frozen=True, kw_only=True):
    """A player and their secret, which is kept nowhere."""

    player: Player
    secret: str


class InventoryListResponse(Shape, frozen=True, kw_only=True):
    """What is held; empty where the studio keeps the inventory."""

    items: list[Item]


class ConsumeItemResponse(Shape, frozen=True, kw_only=True):
    """A holding after it moved."""

    item: Item


class WalletListResponse(Shape, frozen=True, kw_only=True):
    """Every balance, zero ones included."""

    wallet: list[WalletEntry]


class DebitWalletResponse(Shape, frozen=True, kw_only=True):
    """A balance after it moved."""

    entry: WalletEntry


class CatalogResponse(Shape, frozen=True, kw_only=True):
    """Items and currencies."""

    items: list[CatalogItem]
    currencies: list[CatalogCurrency]
    inventory_mode: Literal["platform", "studio"]


class ServerPlayerResponse(Shape, frozen=True, kw_only=True):
    """Everything of one player; `ledger` has the newest movements."""

    player: KnownPlayer
    wallet: list[WalletEntry]
    inventory: list[Item]
    pending_grants: list[Grant]
    runs: list[Run]
    ledger: list[Movement]


class LedgerResponse(Shape, frozen=True, kw_only=True):
    """Movements, newest first. `nextCursor` is null at the end; cursors stay valid."""

    ledger: list[Movement]
    next_cursor: str | None
