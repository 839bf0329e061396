"""The nested shapes that events, answers and stores of playtests share: orders, slots, applications.

NOTE: stored inside events. Append fields with a default; anything else is a new version of every event that
holds the shape. Times are unix milliseconds, names snake_case; the HTTP edges put them into S2's camelCase.
Source: the playtests contract, "Objects". `gc=False`: plain values form no cycles.
"""

from __future__ import annotations

from typing import Literal

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
ApplicationStatus = Literal["pending", "approved", "rejected", "auto_rejected", "withdrawn"]
TranscriptionStatus = Literal["pending", "processing", "approved", "failed"]
BlockReason = Literal["cannot_launch", "key_invalid", "crash", "hardware", "content", "other"]
PaymentStatus = Literal["pending", "completed", "failed"]
TrialStatus = Literal["none", "pending", "approved", "declined"]


class Money(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where an order's money is: `paid_cents` is the sum of the others."""

    paid_cents: int = 0
    held_cents: int = 0
    payout_cents: int = 0
    fee_cents: int = 0
    credited_cents: int = 0


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


class Slot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One seat of an order, from open to its end."""

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
    game_key: str = ""
    """As `schemas.seal` sealed it; empty where the order gave none."""
    submission: Submission | None = None
    rating: Rating | None = None
    rejection: Rejection | None = None
    transcription: Transcription | None = None
    blocked_report: BlockedReport | None = None
    previous_slot_id: str | None = None
    public_key: str = ""
    """Of the object store, once the recording is published."""


class Application(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One playtester's application to one order, for life."""

    id: str
    order_id: str
    studio_id: str
    playtester_id: str
    status: ApplicationStatus
    qualifications_response: str
    """As `schemas.seal` sealed it."""
    created_at_ms: int
    reviewed_at_ms: int | None = None
    """When it left `pending`, whoever decided it."""
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


class Payment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A studio's top-up through the payment provider."""

    id: str
    studio_id: str
    amount_cents: int
    status: PaymentStatus
    created_at_ms: int
    provider: str
    external_id: str | None = None
    playtest_id: str | None = None
    """What it pays once it is completed."""
