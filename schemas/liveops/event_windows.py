"""What happened to windows, groups, lobbies and finalized boards. Read with `schemas.liveops.events.EVENTS`.

NOTE: stored, like everything there.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import UNSET, UnsetType

from schemas.codec import Message
from schemas.liveops.views import Bot, BotEntry, FinalEntry, LobbyMember, RankReward, WantedServer

LobbyStatus = Literal["forming", "active", "closed"]


class MarkerEvent(Message, frozen=True, kw_only=True):
    """Base: what one partition knows of a window is the aggregate (`names.window_aggregate`)."""

    game_id: str
    event_key: str
    window_id: str


class WindowOpened(MarkerEvent, frozen=True, kw_only=True):
    """An (event, window) was used in this partition for the first time, which pins its definition there.

    The partition of its `names.event_aggregate` opens it first (OpenWindow); commands carry what is pinned
    there to the others. Windows from before there was an OpenWindow may have another pin in each partition.
    """

    WIRE: ClassVar[str] = "liveops.window-opened.v1"

    starts_at_ms: int
    ends_at_ms: int
    reference: str
    """`version:hash`."""
    definition: bytes
    """`schemas.liveops.definitions.encode_definition` of the event's definition."""


class WindowClosing(MarkerEvent, frozen=True, kw_only=True):
    """The marker: no event after it in this partition moves an attempt of the window."""

    WIRE: ClassVar[str] = "liveops.window-closing.v1"

    ends_at_ms: int


class EventWindowEvent(Message, frozen=True, kw_only=True):
    """Base: groups, lobbies and final ranks of an (event, window) (`names.event_aggregate`)."""

    game_id: str
    event_key: str
    window_id: str


class GroupAssigned(EventWindowEvent, frozen=True, kw_only=True):
    """A player plays in a group, and so on its board, for the rest of the window."""

    WIRE: ClassVar[str] = "liveops.group-assigned.v1"

    external_id: str
    group: int
    """From 1, in order of arrival."""
    board_id: str


class LobbyOpened(EventWindowEvent, frozen=True, kw_only=True):
    """A lobby is forming; the LobbyJoined of its first player follows. It is due at `fills_at_ms`."""

    WIRE: ClassVar[str] = "liveops.lobby-opened.v1"

    lobby_id: str
    number: int
    size: int
    min_players: int
    segment: str
    opened_at_ms: int
    fills_at_ms: int
    bots_per_minute: float | None
    """None: empty places stay empty."""


class LobbyJoined(EventWindowEvent, frozen=True, kw_only=True):
    """A player took a place in a forming lobby."""

    WIRE: ClassVar[str] = "liveops.lobby-joined.v1"

    lobby_id: str
    external_id: str
    joined_at_ms: int
    players: int
    """In the lobby, this one included."""


class LobbyActivated(EventWindowEvent, frozen=True, kw_only=True):
    """A lobby is full, or started with those present and bots."""

    WIRE: ClassVar[str] = "liveops.lobby-activated.v1"

    lobby_id: str
    activated_at_ms: int
    players: list[LobbyMember]
    bots: list[Bot]
    next_due_ms: int | None
    """When its bots are to be scored next; None without bots."""
    server: WantedServer | UnsetType = UNSET
    """The game server that the fleet is to give it; UNSET: it needs none."""


class LobbyClosed(EventWindowEvent, frozen=True, kw_only=True):
    """A lobby ended: too few players came (they may start again), or its window is over."""

    WIRE: ClassVar[str] = "liveops.lobby-closed.v1"

    lobby_id: str
    reason: Literal["too_few_players", "window_over"]
    had_server: Literal[True] | UnsetType = UNSET
    """Whether the fleet was to give it a game server, which ends now."""


class BotsScored(EventWindowEvent, frozen=True, kw_only=True):
    """Bots' entries as they are now. Not sent to listeners."""

    WIRE: ClassVar[str] = "liveops.bots-scored.v1"

    lobby_id: str
    entries: list[BotEntry]
    """Those that moved."""
    next_due_ms: int | None


class EventJoined(EventWindowEvent, frozen=True, kw_only=True):
    """The answer to JoinEvent: where a player plays, or the lobby they wait in. Changes nothing by itself."""

    WIRE: ClassVar[str] = "liveops.event-joined.v1"

    external_id: str
    lobby_id: str
    """Empty without matchmaking."""
    lobby_status: LobbyStatus
    """`active` without matchmaking: the attempt can start."""
    fills_at_ms: int | None
    group: int | None
    segment: str
    board_id: str
    """Empty while the lobby is forming."""


class LobbiesSettled(EventWindowEvent, frozen=True, kw_only=True):
    """The answer to SettleLobbies: lobbies that are not closed yet."""

    WIRE: ClassVar[str] = "liveops.lobbies-settled.v1"

    remaining: int


class BoardChunkFinalized(EventWindowEvent, frozen=True, kw_only=True):
    """A chunk of a board's ranks is frozen. Rewards are due to its entries that are no bots."""

    WIRE: ClassVar[str] = "liveops.board-chunk-finalized.v1"

    board_id: str
    chunk: int
    entries: list[FinalEntry]
    rewards: list[RankReward]
    """Those that reach into this chunk."""
    table_version: str
    """`version:hash` of the definition the rewards are from."""


class BoardFinalized(EventWindowEvent, frozen=True, kw_only=True):
    """All of a board's ranks are frozen, for good."""

    WIRE: ClassVar[str] = "liveops.board-finalized.v1"

    board_id: str
    chunks: int
    total_players: int
    finalized_at_ms: int
