"""The nested shapes that events, answers and stores of this noun share: attempts, board entries, grants.

NOTE: stored inside events. Append fields with a default; anything else is a new version of every event that
holds the shape. Times are unix milliseconds, names snake_case; the HTTP edges put them into S3's camelCase.
`gc=False`: plain values form no cycles.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from schemas.fleet.sizes import ComputeSize, Region

INT64_MAX: Final = 2**63 - 1

Order = Literal["desc", "asc"]
AttemptStatus = Literal["active", "completed", "expired"]
GrantKind = Literal["reward", "crate"]
GrantStatus = Literal["pending", "claimed"]


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt as it is after an event."""

    id: str
    event_key: str
    window_id: str
    board_id: str
    status: AttemptStatus
    metrics: dict[str, float]
    """Every metric of the event's definition; 0 until reported."""
    score: float
    started_at_ms: int
    completed_at_ms: int | None = None
    lobby_id: str | None = None


class BoardEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A player's (or bot's) entry on a board after an event: resulting values, to be set as they are.

    A board ranks by `score` (descending, or ascending where `order` says so), then `achieved_at_ms`, then
    external id. `previous_score` and `previous_achieved_at_ms` are None on the first entry.
    """

    board_id: str
    order: Order
    score: float
    """The kept score: best, latest or total, as the definition says."""
    achieved_at_ms: int
    """Effective time at which `score` got its present value."""
    previous_score: float | None
    previous_achieved_at_ms: int | None
    best: float
    """The best value this entry would have had so far; with `keep: best` the same as `score`."""
    is_personal_best: bool
    """This event's value is better than every earlier one."""


class GrantEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """So many of an item or a currency."""

    type: Literal["item", "currency"]
    key: str
    quantity: int


class CrateRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a crate's table: drawn with probability weight / sum of weights."""

    weight: float
    entries: list[GrantEntry]


class Roll(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a crate's contents were drawn; `schemas.liveops.crates.roll` gives `row` again from the rest."""

    table_version: str
    """`version:hash` of the definition the table came from, or `server:<hash of the table>`."""
    seed: str
    """The command's seed, hexadecimal."""
    row: int
    """Index into the table, from 0."""


class Grant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One grant as it is after an event. Expiry is a function of time: see `grant_status`."""

    id: str
    kind: GrantKind
    status: GrantStatus
    event_key: str | None
    attempt_id: str | None
    trigger: str
    """`completed`, `rank <= 3`, `score >= 10`, `server`, or `crate` for a crate's contents."""
    entries: list[GrantEntry]
    """Empty for a crate, opened or not: what was in it is its child grant."""
    created_at_ms: int
    parent_grant_id: str | None = None
    acked_by: str | None = None
    """Who claimed it: `sdk` or `server`."""
    claimed_at_ms: int | None = None
    expires_at_ms: int | None = None
    board_id: str | None = None
    """For a rank's reward: the board."""
    rank: int | None = None
    table: list[CrateRow] = []
    """A crate's table while it is unopened; empty afterwards."""
    table_version: str = ""
    roll: Roll | None = None
    """For a crate's contents: how they were drawn."""


def grant_status(grant: Grant, now_ms: int) -> Literal["pending", "claimed", "expired"]:
    """A grant's status at a time: pending ones expire at `expires_at_ms` without an event."""
    if grant.status == "pending" and grant.expires_at_ms is not None and now_ms >= grant.expires_at_ms:
        return "expired"
    return grant.status


class Movement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One ledger row: a balance or a holding moved. The sum of a key's amounts is its balance."""

    number: int
    """Position in the player's ledger, from 1, without gaps."""
    type: Literal["item", "currency"]
    key: str
    amount: int
    """What was added; negative for what was taken."""
    balance: int
    """Balance or holding after it."""
    cause: Literal["debit", "credit", "consume", "item_grant", "claim"]
    command_id: str
    reason: str = ""
    """What the caller said."""
    grant_id: str = ""
    table_version: str = ""
    """For what came out of a crate: which table, and the roll's seed."""
    seed: str = ""


class FinalEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A frozen rank on a finalized board."""

    rank: int
    external_id: str
    score: float
    achieved_at_ms: int
    is_bot: bool = False


class RankReward(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a rank earns: given to every player (never a bot) whose rank is `rank_max` or better."""

    rank_max: int
    trigger: str
    ordinal: int
    """Counts rewards of the same trigger, from 0: the last argument of `names.grant_id`."""
    entries: list[GrantEntry] = []
    table: list[CrateRow] = []
    """Given as a crate when there is a table, as entries otherwise."""


class LobbyMember(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A player in a lobby that became active, and the board they play on."""

    external_id: str
    joined_at_ms: int
    board_id: str


class WantedServer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The server that a lobby's definition asks for, as the fleet starts it."""

    region: Region
    compute_size: ComputeSize
    version_tag: str | None = None
    version: int | None = None
    startup_args: str | None = None
    ttl_s: int | None = None
    auto_restart: bool = False


class Bot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A bot in an active lobby. Its score is `schemas.liveops.bots.bot_score` of seed and time."""

    id: str
    seed: str
    board_id: str


class BotEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A bot's entry on its board, to be set as it is."""

    bot_id: str
    entry: BoardEntry
