"""What S2's answers are made of, as structs: playtests, applications, money.

`responses` has the whole answers.

Source: the S2 reference, and the playtests contract, "Objects". Names are camelCase on the wire.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.playtests.account_views import LedgerType, PaymentStatus
from schemas.playtests.views import (
    ApplicationStatus,
    OrderStatus,
    PastScope,
    SelectionMode,
    TargetingType,
    Visibility,
)

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base: fields as S2 names them."""


class SlotCounts(Shape, frozen=True, kw_only=True):
    """How many slots of a playtest have each status."""

    open: int
    reserved: int
    submitted: int
    accepted: int
    rejected: int
    expired: int
    blocked: int
    cancelled: int
    publishing: int


class Money(Shape, frozen=True, kw_only=True):
    """Where a playtest's money is: `paidCents` is the sum of the others."""

    paid_cents: int
    held_cents: int
    payout_cents: int
    fee_cents: int
    credited_cents: int


class NewPlaytest(Shape, frozen=True, kw_only=True):
    """A playtest as it was ordered."""

    id: str
    game_id: str
    visibility: Visibility
    quantity: int
    duration_minutes: int
    player_count: int
    cost_per_slot_cents: int
    payout_cents: int
    notes_for_testers: str | None
    status: OrderStatus
    is_free_public_trial: bool
    targeting_type: TargetingType | None
    past_playtester_scope: PastScope | None
    targeted_playtester_id: str | None
    selection_mode: SelectionMode
    qualifications: str | None
    applications_expire_at: Time | None
    needs_admin_approval: bool
    money: Money
    created_at: Time


class Playtest(NewPlaytest, frozen=True, kw_only=True):
    """A playtest as it stands."""

    slots: SlotCounts


class PlaytestDetail(Playtest, frozen=True, kw_only=True):
    """The same with its game's name."""

    game_name: str


class GameName(Shape, frozen=True, kw_only=True):
    """Which game it is."""

    id: str
    name: str


class Panelist(Shape, frozen=True, kw_only=True):
    """Who plays."""

    id: str
    display_name: str | None


class Application(Shape, frozen=True, kw_only=True):
    """One application as the owner sees it. `qualificationsResponse` is null once its person is forgotten."""

    id: str
    status: ApplicationStatus
    qualifications_response: str | None
    created_at: Time
    reviewed_at: Time | None
    assigned_slot_id: str | None
    playtester_id: str
    display_name: str | None
    gaming_experience: str | None
    validated_at: Time | None
    rating_average: str | None
    accepted_count: str


class ApplicationsRequest(Shape, frozen=True, kw_only=True):
    """The playtest whose applications are listed."""

    id: str
    game_id: str
    game_name: str
    quantity: int
    qualifications: str | None
    selection_mode: SelectionMode
    applications_expire_at: Time | None
    scheduled_at: Time | None


class ApplicationCounts(Shape, frozen=True, kw_only=True):
    """How far the pool is reviewed."""

    approved_count: int
    pending_count: int
    slots_remaining: int


class OwnApplication(Shape, frozen=True, kw_only=True):
    """One application as its playtester sees it."""

    id: str
    request_id: str
    status: ApplicationStatus
    qualifications_response: str | None
    created_at: Time
    reviewed_at: Time | None
    assigned_slot_id: str | None
    playtester_id: str


class AvailablePlaytest(Shape, frozen=True, kw_only=True):
    """A playtest that a playtester may claim a slot of, or apply to."""

    id: str
    game_id: str
    game: GameName
    visibility: Visibility
    quantity: int
    duration_minutes: int
    player_count: int
    payout_cents: int
    status: OrderStatus
    is_free_public_trial: bool
    selection_mode: SelectionMode
    qualifications: str | None
    applications_expire_at: Time | None
    needs_admin_approval: bool
    open_slots: int
    created_at: Time


class Payment(Shape, frozen=True, kw_only=True):
    """A top-up."""

    id: str
    amount_cents: int
    status: PaymentStatus
    provider: str
    external_id: str | None
    playtest_id: str | None
    created_at: Time


class Movement(Shape, frozen=True, kw_only=True):
    """One row of a ledger. `amountCents` is signed."""

    id: str
    type: LedgerType
    amount_cents: int
    balance_cents: int
    playtest_id: str | None
    slot_id: str | None
    payment_id: str | None
    payout_id: str | None
    reason: str | None
    created_at: Time


class Notice(Shape, frozen=True, kw_only=True):
    """Something that a playtester is told. `message` is the owner's, verbatim."""

    id: str
    type: str
    playtest_id: str
    slot_id: str | None
    application_id: str | None
    message: str | None
    created_at: Time


Currency = Literal["USD"]
