"""What S3's answers are made of, as structs: attempts, grants, entries. `responses` has the whole answers.

Source: the S3 reference, and the live-ops contract's table of fields. Names are camelCase on the wire.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from schemas.liveops.views import GrantEntry

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Kind = Literal["item", "currency"]


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base: fields as S3 names them."""


class EventTarget(Shape, frozen=True, kw_only=True):
    """What completes an attempt."""

    metric: str
    value: float


class EventReward(Shape, frozen=True, kw_only=True):
    """What an event gives, and when."""

    trigger: str
    kind: Literal["reward", "crate"]
    entries: list[GrantEntry]


class Event(Shape, frozen=True, kw_only=True):
    """An event with an open window, as one player sees it."""

    event_key: str
    name: str
    mode: Literal["global", "grouped", "segmented"]
    window_id: str
    window_starts_at: Time
    window_ends_at: Time
    leaderboard_id: str | None
    target: EventTarget | None
    attempts_used: int
    attempt_cap: int | None
    active_attempt_id: str | None
    matchmaking: bool
    rewards: list[EventReward]


class Attempt(Shape, frozen=True, kw_only=True):
    """One attempt."""

    id: str
    event_key: str
    window_id: str
    status: Literal["active", "completed", "expired"]
    metrics: dict[str, float]
    score: float
    started_at: Time
    completed_at: Time | None
    lobby_id: str | None


class GrantSource(Shape, frozen=True, kw_only=True):
    """A grant's `source`; a server's grant has neither event nor attempt."""

    event_key: str | None
    attempt_id: str | None
    trigger: str


class Grant(Shape, frozen=True, kw_only=True):
    """One grant. `entries` are empty for a crate."""

    id: str
    kind: Literal["reward", "crate"]
    status: Literal["pending", "claimed", "expired"]
    source: GrantSource
    entries: list[GrantEntry]
    parent_grant_id: str | None
    acked_by: str | None
    created_at: Time
    claimed_at: Time | None
    expires_at: Time | None


class Standing(Shape, frozen=True, kw_only=True):
    """Where a progress has put its player. `rank` is null while the board can't be read."""

    leaderboard_id: str
    rank: int | None
    score: float
    is_personal_best: bool


class LeaderboardEntry(Shape, frozen=True, kw_only=True):
    """A place on a board."""

    rank: int
    external_id: str
    score: float
    achieved_at: Time
    is_bot: bool


class LobbyPlayer(Shape, frozen=True, kw_only=True):
    """A player in a lobby."""

    external_id: str
    joined_at: Time


class LobbyServerPort(Shape, frozen=True, kw_only=True):
    """Where players reach a port of a lobby's server."""

    name: str
    protocol: Literal["udp", "tcp"]
    host: str
    port: int
    tls_enabled: bool


class LobbyServer(Shape, frozen=True, kw_only=True):
    """A lobby's game server. Its `matchId` on S5 is the lobby's id."""

    status: Literal["launching", "running", "stopped", "refused"]
    """`launching` also while it waits for room. `stopped` and `refused` are for good."""
    instance_id: str | None
    """Null until the fleet has decided, and where it refused."""
    region: str
    ports: list[LobbyServerPort]
    """Where it is reached once it runs; empty before, and once it has stopped."""
    error: str | None
    """Of `refused`: the code of S5's refusal."""


class Lobby(Shape, frozen=True, kw_only=True):
    """A lobby."""

    id: str
    event_key: str
    status: Literal["forming", "active", "closed"]
    size: int
    players: list[LobbyPlayer]
    bots: int
    fills_at: Time
    server: LobbyServer | None
    """Null where the definition asks for none, and until the lobby turns active."""


class Player(Shape, frozen=True, kw_only=True):
    """A player."""

    external_id: str
    created_at: Time


class Item(Shape, frozen=True, kw_only=True):
    """What an inventory holds of one item."""

    item_key: str
    quantity: int
    updated_at: Time


class WalletEntry(Shape, frozen=True, kw_only=True):
    """A balance."""

    economy_key: str
    balance: int
    updated_at: Time


class CatalogItem(Shape, frozen=True, kw_only=True):
    """An item of the game's definition."""

    item_key: str
    name: str
    metadata: dict[str, Any]


class CatalogCurrency(Shape, frozen=True, kw_only=True):
    """A currency of the game's definition."""

    economy_key: str
    name: str


class Movement(Shape, frozen=True, kw_only=True):
    """A ledger row: `amount` is what was added, negative for what was taken; `balance` is what it left."""

    number: int
    type: Kind
    key: str
    amount: int
    balance: int
    cause: Literal["debit", "credit", "consume", "item_grant", "claim"]
    reason: str
    grant_id: str | None
    table_version: str | None
    seed: str | None
    command_id: str
    occurred_at: Time


class Run(Shape, frozen=True, kw_only=True):
    """A player in one window of an event."""

    event_key: str
    window_id: str
    leaderboard_id: str
    attempts_used: int
    group: int | None
    segment: str | None
    attempt: Attempt


class KnownPlayer(Player, frozen=True, kw_only=True):
    """A player, and whether they have a secret."""

    registered: bool
