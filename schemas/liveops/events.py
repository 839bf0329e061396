"""What happened in liveops. Data of `schemas.envelope.Event`; its `at_ms` is the effective time.

Events carry resulting values, so that a projection sets and never computes. NOTE: stored: a field may be
added with a default; anything else is a new wire name with an upcaster in EVENTS.
"""

from __future__ import annotations

from typing import Any, ClassVar

from schemas.codec import Codec, Message
from schemas.liveops.event_windows import (
    BoardChunkFinalized,
    BoardFinalized,
    BotsScored,
    EventJoined,
    GroupAssigned,
    LobbiesSettled,
    LobbyActivated,
    LobbyClosed,
    LobbyJoined,
    LobbyOpened,
    WindowClosing,
    WindowOpened,
)
from schemas.liveops.views import Attempt, BoardEntry, Grant, Movement


class PlayerEvent(Message, frozen=True, kw_only=True):
    """Base: the player is the aggregate (`names.player_aggregate`)."""

    game_id: str
    external_id: str


class PlayerCreated(PlayerEvent, frozen=True, kw_only=True):
    """The first event of a player; always followed by the event that created them."""

    WIRE: ClassVar[str] = "liveops.player-created.v1"

    created_at_ms: int


class PlayerRegistered(PlayerEvent, frozen=True, kw_only=True):
    """A player has a secret now, the first or (with `force`) another."""

    WIRE: ClassVar[str] = "liveops.player-registered.v1"

    secret_hash: str
    created_at_ms: int
    """When the player was created."""
    previous_secret_hash: str = ""


class PlayerSecretRotated(PlayerEvent, frozen=True, kw_only=True):
    """A player has another secret; the previous one is invalid from now on."""

    WIRE: ClassVar[str] = "liveops.player-secret-rotated.v1"

    secret_hash: str
    created_at_ms: int
    previous_secret_hash: str


class PlayerForgotten(PlayerEvent, frozen=True, kw_only=True):
    """A player is forgotten in this partition: no event after it in the partition has their id.

    What came before it is kept under the pseudonym alone, by every reader. It names the id, as all events
    before it do: it is the log's, and no store's.
    """

    WIRE: ClassVar[str] = "liveops.player-forgotten.v1"

    pseudonym: str
    was_known: bool
    """Whether this is the partition that decides of the player, and they were known."""
    was_in_windows: bool
    """Whether groups or lobbies of this partition had them."""


class AttemptStarted(PlayerEvent, frozen=True, kw_only=True):
    """An attempt began; its board exists from now on."""

    WIRE: ClassVar[str] = "liveops.attempt-started.v1"

    attempt: Attempt
    order: str
    """The board's: `desc` or `asc`."""
    group: int | None
    segment: str
    attempts_used: int
    """Attempts of this player in this window, this one included."""
    attempt_cap: int | None
    definition: str
    """`version:hash` of the window's pinned definition."""
    player_context: dict[str, Any] = {}


class AttemptExpired(PlayerEvent, frozen=True, kw_only=True):
    """Another start ended an active attempt. Its score stays where it is kept."""

    WIRE: ClassVar[str] = "liveops.attempt-expired.v1"

    attempt: Attempt


class AttemptProgressed(PlayerEvent, frozen=True, kw_only=True):
    """Progress was reported: the attempt and the board's entry as they are now.

    Sent to the board's listeners whether or not the kept score moved.
    """

    WIRE: ClassVar[str] = "liveops.attempt-progressed.v1"

    attempt: Attempt
    entry: BoardEntry
    occurred_at_ms: int
    """When the client says it happened; effective time is the event's."""
    rated: dict[str, float] = {}
    """Increases of metrics that have a limit for each minute."""
    thresholds: list[int] = []
    """Rewards (by index in the definition) whose score was reached for the first time on this board."""


class AttemptCompleted(PlayerEvent, frozen=True, kw_only=True):
    """An attempt reached its target, or its final value. Follows its AttemptProgressed, for webhooks."""

    WIRE: ClassVar[str] = "liveops.attempt-completed.v1"

    attempt: Attempt


class ProgressImplausible(PlayerEvent, frozen=True, kw_only=True):
    """Progress over a plausibility limit was refused (409) and is recorded for the studio."""

    WIRE: ClassVar[str] = "liveops.progress-implausible.v1"

    event_key: str
    window_id: str
    attempt_id: str
    metric: str
    limit: str
    """`maxPerCall` or `maxPerMinute`."""
    allowed: float
    asked: float
    """This call's increase, or the last minute's with it."""


class GrantCreated(PlayerEvent, frozen=True, kw_only=True):
    """A grant is pending."""

    WIRE: ClassVar[str] = "liveops.grant-created.v1"

    grant: Grant


class GrantClaimed(PlayerEvent, frozen=True, kw_only=True):
    """A reward was claimed; the movements of its entries follow."""

    WIRE: ClassVar[str] = "liveops.grant-claimed.v1"

    grant: Grant


class ClaimRepeated(PlayerEvent, frozen=True, kw_only=True):
    """A claimed grant was claimed again: nothing moved, the answer is the same row."""

    WIRE: ClassVar[str] = "liveops.claim-repeated.v1"

    grant: Grant


class CrateOpened(PlayerEvent, frozen=True, kw_only=True):
    """A crate was rolled: the crate is claimed, its contents are a pending grant."""

    WIRE: ClassVar[str] = "liveops.crate-opened.v1"

    crate: Grant
    contents: Grant


class OpenRepeated(PlayerEvent, frozen=True, kw_only=True):
    """An opened crate was opened again: nothing was rolled, the answer is the crate and its contents now."""

    WIRE: ClassVar[str] = "liveops.open-repeated.v1"

    crate: Grant
    contents: Grant


class WalletChanged(PlayerEvent, frozen=True, kw_only=True):
    """A balance moved."""

    WIRE: ClassVar[str] = "liveops.wallet-changed.v1"

    movement: Movement


class InventoryChanged(PlayerEvent, frozen=True, kw_only=True):
    """A holding moved. At 0 the item is no longer held."""

    WIRE: ClassVar[str] = "liveops.inventory-changed.v1"

    movement: Movement


EVENTS: Codec[Message] = Codec(
    (
        PlayerCreated,
        PlayerRegistered,
        PlayerSecretRotated,
        PlayerForgotten,
        AttemptStarted,
        AttemptExpired,
        AttemptProgressed,
        AttemptCompleted,
        ProgressImplausible,
        GrantCreated,
        GrantClaimed,
        ClaimRepeated,
        CrateOpened,
        OpenRepeated,
        WalletChanged,
        InventoryChanged,
        WindowOpened,
        WindowClosing,
        EventJoined,
        GroupAssigned,
        LobbyOpened,
        LobbyJoined,
        LobbyActivated,
        LobbyClosed,
        BotsScored,
        LobbiesSettled,
        BoardChunkFinalized,
        BoardFinalized,
    )
)
"""Every event of the noun, those of windows, lobbies and boards included."""
