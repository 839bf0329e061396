"""The nested shapes that events, answers and stores of playtests share: orders, slots, applications, people.

NOTE: stored inside events. Append fields with a default; anything else is a new version of every event that
holds the shape. Times are unix milliseconds, names snake_case; the HTTP edges put them into S2's camelCase.
Source: the playtests contract, "Objects". `gc=False`: plain values form no cycles.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

Visibility = Literal["private", "public"]
OrderStatus = Literal["pending_payment", "active", "completed", "cancelled"]
TargetingType = Literal["new", "past"]
PastScope = Literal["any", "specific"]
SelectionMode = Literal["automatic", "manual"]
SlotStatus = Literal[
    "open",
    "reserved",
    "submitted",
    "accepted",
    "rejected",
    "expired",
    "blocked",
    "cancelled",
    "publishing",
]
SLOT_STATUSES: Final[tuple[SlotStatus, ...]] = get_args(SlotStatus)
ApplicationStatus = Literal["pending", "approved", "rejected", "auto_rejected", "withdrawn"]
TranscriptionStatus = Literal["pending", "processing", "approved", "failed"]
BlockReason = Literal["cannot_launch", "key_invalid", "crash", "hardware", "content", "other"]
TrialStatus = Literal["none", "pending", "approved", "declined"]


class Money(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where an order's money is: `paid_cents` is the sum of the others."""

    paid_cents: int = 0
    held_cents: int = 0
    payout_cents: int = 0
    fee_cents: int = 0
    credited_cents: int = 0


class SlotCounts(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """How many slots of an order have each status."""

    open: int = 0
    reserved: int = 0
    submitted: int = 0
    accepted: int = 0
    rejected: int = 0
    expired: int = 0
    blocked: int = 0
    cancelled: int = 0
    publishing: int = 0

    @property
    def live(self) -> int:
        """Seats whose money is still on a slot."""
        return self.open + self.reserved + self.submitted + self.blocked

    def by_status(self) -> dict[SlotStatus, int]:
        """Every status with its count."""
        return {status: getattr(self, status) for status in SLOT_STATUSES}


class Progress(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What is counted over an order, as it is after an event: to be set as it is."""

    money: Money = Money()
    slots: SlotCounts = SlotCounts()
    due_at_ms: int | None = None
    """When a ReviewDue has something to do; None while it has nothing."""
    activated_at_ms: int | None = None
    """Of the order: its place among those that are offered."""


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A playtest as it was ordered and as it stands; its money and slots are counted beside it."""

    id: str
    studio_id: str
    game_id: str
    visibility: Visibility
    quantity: int
    duration_minutes: int
    player_count: int
    cost_per_slot_cents: int
    payout_cents: int
    status: OrderStatus
    created_at_ms: int
    notes_for_testers: str | None = None
    trial: TrialStatus = "none"
    targeting_type: TargetingType | None = None
    past_playtester_scope: PastScope | None = None
    targeted_playtester_id: str | None = None
    selection_mode: SelectionMode = "automatic"
    qualifications: str | None = None
    activated_at_ms: int | None = None
    applications_expire_at_ms: int | None = None


class Submission(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A recording that was handed in."""

    id: str
    video_key: str
    """Of the object store."""
    video_bytes: int
    created_at_ms: int
    notes: str | None = None


class Rating(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the owner says of an accepted slot; the last one counts."""

    score: int
    comment: str | None = None


class Rejection(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a submission was rejected."""

    created_at_ms: int
    reason: str | None = None


class Transcription(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A submission's transcript; the object and the rest are there once it is approved."""

    id: str
    status: TranscriptionStatus
    version: str | None = None
    key: str = ""
    """Of the object store."""
    key_takeaways: list[str] = []


class BlockedReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a playtester can't go on."""

    reason_code: BlockReason
    reported_at_ms: int
    notes: str | None = None


class SlotState(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What every slot has, as it is after an event: to be set as it is. The rest of `Slot` comes in parts."""

    id: str
    number: int
    status: SlotStatus
    created_at_ms: int
    deadline_at_ms: int | None = None
    """Of the submission, from the reservation on."""
    playtester_id: str | None = None
    previous_slot_id: str | None = None
    key_number: int | None = None
    due_at_ms: int | None = None
    """When a SlotDue (reserved) or a BlockDue (blocked) has something to do; None in other states."""


class Slot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A slot and all that was said of it, as reads answer it."""

    id: str
    order_id: str
    studio_id: str
    game_id: str
    number: int
    """From 1, in its order: slot n gets key n."""
    status: SlotStatus
    created_at_ms: int
    deadline_at_ms: int | None = None
    playtester_id: str | None = None
    key_number: int | None = None
    """Of its game key among the order's keys, from 1; None where the order gave none."""
    game_key: str = ""
    """As `schemas.seal` sealed it; empty where there is none, or where it is not to be shown."""
    submission: Submission | None = None
    rating: Rating | None = None
    rejection: Rejection | None = None
    transcription: Transcription | None = None
    blocked_report: BlockedReport | None = None
    previous_slot_id: str | None = None
    public_key: str = ""
    """Of the object store, once the recording is published."""
    due_at_ms: int | None = None


class ApplicationState(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An application without its text, as it is after an event: to be set as it is."""

    id: str
    playtester_id: str
    status: ApplicationStatus
    created_at_ms: int
    reviewed_at_ms: int | None = None
    """When it left `pending`, by its owner, its playtester or an automatic rejection."""
    assigned_slot_id: str | None = None


class AutoRejected(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One of many applications that were rejected at once, at the event's time."""

    id: str
    playtester_id: str
    created_at_ms: int


class ShownToPlaytester(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What of an order the playtester of a slot sees beside it, as it was then: for the answer alone."""

    payout_cents: int
    notes_for_testers: str | None = None
    game_key: str = ""
    """As `schemas.seal` sealed it."""


class Application(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One playtester's application to one order, for life, as reads answer it."""

    id: str
    order_id: str
    studio_id: str
    playtester_id: str
    status: ApplicationStatus
    qualifications_response: str
    """As `schemas.seal` sealed it."""
    created_at_ms: int
    reviewed_at_ms: int | None = None
    """When it left `pending`, by its owner, its playtester or an automatic rejection."""
    assigned_slot_id: str | None = None


class Playtester(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One of a studio's panel. Rated 4.80 on average: `rating_total` 48 of `rating_count` 10."""

    id: str
    studio_id: str
    display_name: str | None = None
    gaming_experience: str | None = None
    validated_at_ms: int | None = None
    rating_total: int = 0
    rating_count: int = 0
    accepted_count: int = 0
    balance_cents: int = 0
    """Earned and not yet paid out."""
