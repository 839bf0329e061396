"""What can be asked of liveops. Bodies of `schemas.envelope.Command`; who is meant is its `aggregate_id`.

To `names.player_aggregate`: everything until `GiveRankReward`; ForgetPlayer in every partition. To
`names.event_aggregate`: JoinEvent, LobbyDue, SettleLobbies, FinalizeBoard, OpenWindow. To
`names.window_aggregate`, in every partition: CloseWindow. StartAttempt, JoinEvent, FinalizeBoard and
OpenWindow carry the event's definition (`schemas.liveops.definitions`) in `Command.definition` and
`CommandRecord.definitions`: OpenWindow the game's current one, the others the one that OpenWindow has pinned.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from schemas.codec import Codec, Message
from schemas.liveops.views import CrateRow, FinalEntry, GrantEntry

InventoryMode = Literal["platform", "studio"]


class RegisterPlayer(Message, frozen=True, kw_only=True):
    """Give a player a secret. 409 where there is one already, unless `force` (test keys alone)."""

    WIRE: ClassVar[str] = "liveops.player-register.v1"

    secret_hash: str
    """`schemas.identifiers.key_hash` of the secret; the secret itself never travels."""
    force: bool = False


class RotatePlayerSecret(Message, frozen=True, kw_only=True):
    """Give a registered player another secret, from the studio's server. 404 where there is none."""

    WIRE: ClassVar[str] = "liveops.player-secret-rotate.v1"

    secret_hash: str


class ForgetPlayer(Message, frozen=True, kw_only=True):
    """Forget a player for good, in one partition: their id gives way to a pseudonym. Asked again: nothing.

    To each partition by number, with the player's `names.player_aggregate`: windows' groups, lobbies and
    ranks are in others than the player's. From then on whatever is asked of that id is 404. A record that
    holds it holds nothing else of the player.
    """

    WIRE: ClassVar[str] = "liveops.player-forget.v1"

    pseudonym: str
    """`names.pseudonym`, which only the deployment secret can tell from the id."""


class StartAttempt(Message, frozen=True, kw_only=True):
    """Start an attempt, expiring the active one. Without a definition the event is unknown: 404.

    A window id that is empty, or whose window is over, is 409. `group` (from JoinEvent) is needed in mode
    grouped, `segment` in mode segmented, `lobby_id` (active) with matchmaking.
    """

    WIRE: ClassVar[str] = "liveops.attempt-start.v1"

    event_key: str
    window_id: str
    group: int | None = None
    segment: str = ""
    lobby_id: str = ""
    player_context: dict[str, Any] = {}


class ReportProgress(Message, frozen=True, kw_only=True):
    """Move an attempt's metrics. `metric_value` is for the target's metric (or the only one there is)."""

    WIRE: ClassVar[str] = "liveops.progress-report.v1"

    event_key: str
    attempt_id: str
    mode: Literal["increment", "set"]
    metric_value: float | None = None
    metrics: dict[str, float] = {}
    occurred_at_ms: int | None = None


class ClaimGrant(Message, frozen=True, kw_only=True):
    """Move a reward's entries into wallet and inventory, once. Asked again it answers with the same row."""

    WIRE: ClassVar[str] = "liveops.grant-claim.v1"

    grant_id: str
    acked_by: Literal["sdk", "server"] = "sdk"
    inventory_mode: InventoryMode = "platform"
    """In mode studio items go nowhere: the studio keeps them, told by the webhook."""


class OpenCrate(Message, frozen=True, kw_only=True):
    """Roll a crate's table with the command's seed, once. Asked again it answers with the same contents."""

    WIRE: ClassVar[str] = "liveops.crate-open.v1"

    grant_id: str
    acked_by: Literal["sdk", "server"] = "sdk"


class DebitWallet(Message, frozen=True, kw_only=True):
    """Take from a balance; 409 `insufficient_balance` where there is too little."""

    WIRE: ClassVar[str] = "liveops.wallet-debit.v1"

    economy_key: str
    amount: int
    reason: str = ""
    in_catalog: bool = True
    """False where the game's catalog has no such key: 409."""


class CreditWallet(Message, frozen=True, kw_only=True):
    """Add to a balance, from the studio's server."""

    WIRE: ClassVar[str] = "liveops.wallet-credit.v1"

    economy_key: str
    amount: int
    reason: str = ""
    in_catalog: bool = True


class ConsumeItem(Message, frozen=True, kw_only=True):
    """Take from a holding; 409 where there is too little, or in inventory mode studio."""

    WIRE: ClassVar[str] = "liveops.item-consume.v1"

    item_key: str
    quantity: int
    reason: str = ""
    in_catalog: bool = True
    inventory_mode: InventoryMode = "platform"


class GrantItem(Message, frozen=True, kw_only=True):
    """Add to a holding, from the studio's server. 409 in inventory mode studio."""

    WIRE: ClassVar[str] = "liveops.item-grant.v1"

    item_key: str
    quantity: int
    reason: str = ""
    in_catalog: bool = True
    inventory_mode: InventoryMode = "platform"


class GiveGrant(Message, frozen=True, kw_only=True):
    """Give a player a pending grant, from the studio's server: a crate where there is a table."""

    WIRE: ClassVar[str] = "liveops.grant-give.v1"

    entries: list[GrantEntry] = []
    table: list[CrateRow] = []
    expires_at_ms: int | None = None
    unknown_key: str = ""
    """The first key the game's catalog has not: 409. Empty when all are known."""


class GiveRankReward(Message, frozen=True, kw_only=True):
    """Give the reward of a frozen rank. The grant's id is kept for life: asked again it changes nothing."""

    WIRE: ClassVar[str] = "liveops.rank-reward-give.v1"

    event_key: str
    window_id: str
    board_id: str
    rank: int
    trigger: str
    ordinal: int
    table_version: str
    entries: list[GrantEntry] = []
    table: list[CrateRow] = []


class JoinEvent(Message, frozen=True, kw_only=True):
    """Find a player's group (mode grouped) and lobby (matchmaking) in a window; asked again, the same.

    With matchmaking the answer may be a lobby that is still forming (202). `done_lobby_id` is the lobby in
    which the player has finished: they join another one.
    """

    WIRE: ClassVar[str] = "liveops.event-join.v1"

    event_key: str
    window_id: str
    external_id: str
    segment: str = ""
    done_lobby_id: str = ""


class LobbyDue(Message, frozen=True, kw_only=True):
    """Time has come for a lobby: to start or close it at `fills_at_ms`, or to score its bots. Idempotent."""

    WIRE: ClassVar[str] = "liveops.lobby-due.v1"

    event_key: str
    window_id: str
    lobby_id: str


class SettleLobbies(Message, frozen=True, kw_only=True):
    """After the window's end: close up to `limit` lobbies and give their bots their last scores.

    The answer says how many remain; ask until none does, before ranks are frozen.
    """

    WIRE: ClassVar[str] = "liveops.lobbies-settle.v1"

    event_key: str
    window_id: str
    limit: int = 500


class FinalizeBoard(Message, frozen=True, kw_only=True):
    """Freeze one chunk of a closed board's ranks, in order. One that was frozen before changes nothing."""

    WIRE: ClassVar[str] = "liveops.board-finalize.v1"

    event_key: str
    window_id: str
    board_id: str
    chunk: int
    """From 0."""
    entries: list[FinalEntry]
    """Ranks go on where the last chunk ended; empty only for a board without entries."""
    last: bool


class OpenWindow(Message, frozen=True, kw_only=True):
    """Pin the definition of an open window, in the partition of its `names.event_aggregate` alone.

    The first one pins the definition it carries; asked again, with whatever definition, it changes nothing.
    What is pinned is then read from the projection. 409 where the window is not open.
    """

    WIRE: ClassVar[str] = "liveops.window-open.v1"

    event_key: str
    window_id: str


class CloseWindow(Message, frozen=True, kw_only=True):
    """A window's end, to each partition: past it no attempt starts or moves there. Asked again: nothing."""

    WIRE: ClassVar[str] = "liveops.window-close.v1"

    event_key: str
    window_id: str


COMMANDS: Codec[Message] = Codec(
    (
        RegisterPlayer,
        RotatePlayerSecret,
        ForgetPlayer,
        StartAttempt,
        ReportProgress,
        ClaimGrant,
        OpenCrate,
        DebitWallet,
        CreditWallet,
        ConsumeItem,
        GrantItem,
        GiveGrant,
        GiveRankReward,
        JoinEvent,
        LobbyDue,
        SettleLobbies,
        FinalizeBoard,
        OpenWindow,
        CloseWindow,
    )
)
