"""What S2's answers are made of, as structs: playtests, slots, money. `responses` has the whole answers.

Source: the S2 reference, and the playtests contract, "Objects". Names are camelCase on the wire.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.playtests.views import (
    ApplicationStatus,
    BlockReason,
    LedgerType,
    OrderStatus,
    PastScope,
    PaymentStatus,
    SelectionMode,
    SlotStatus,
    TargetingType,
    TranscriptionStatus,
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


class Submission(Shape, frozen=True, kw_only=True):
    """A recording that was handed in."""

    id: str
    video_file_size: int
    notes: str | None
    created_at: Time


class StoredSubmission(Submission, frozen=True, kw_only=True):
    """The same with its place in the object store."""

    video_storage_key: str


class Rating(Shape, frozen=True, kw_only=True):
    """What the owner says of an accepted slot."""

    score: int
    comment: str | None


class Rejection(Shape, frozen=True, kw_only=True):
    """Why a submission was rejected."""

    reason: str | None
    created_at: Time


class Transcription(Shape, frozen=True, kw_only=True):
    """How far a submission's transcript is."""

    id: str
    status: TranscriptionStatus
    selected_version: str | None


class TranscriptionDetail(Transcription, frozen=True, kw_only=True):
    """The same with what it says in short."""

    key_takeaways: list[str]


class BlockedReport(Shape, frozen=True, kw_only=True):
    """Why a playtester can't go on."""

    reason_code: BlockReason
    notes: str | None
    reported_at: Time


class SlotHead(Shape, frozen=True, kw_only=True):
    """What every view of a slot has."""

    id: str
    request_id: str
    status: SlotStatus
    deadline_at: Time | None
    created_at: Time


class Slot(SlotHead, frozen=True, kw_only=True):
    """A slot in lists; what is not there yet is null."""

    playtester: Panelist | None
    submission: Submission | None
    rating: Rating | None
    rejection: Rejection | None
    transcription: Transcription | None
    previous_slot_id: str | None
    blocked_report: BlockedReport | None
    public_url: str | None


class PlaytestHead(Shape, frozen=True, kw_only=True):
    """What a slot shows of its playtest."""

    id: str
    visibility: Visibility
    duration_minutes: int
    player_count: int


class PlaytestOfSubmission(PlaytestHead, frozen=True, kw_only=True):
    """The same, and whether it is a trial."""

    is_free_public_trial: bool


class SlotDetail(SlotHead, frozen=True, kw_only=True):
    """A slot with all that belongs to it."""

    game: GameName
    playtest: PlaytestHead
    playtester: Panelist | None
    submission: Submission | None
    rating: Rating | None
    rejection: Rejection | None
    transcription: TranscriptionDetail | None
    previous_slot_id: str | None
    blocked_report: BlockedReport | None
    public_url: str | None


class ReservedSlot(SlotHead, frozen=True, kw_only=True):
    """A slot in the list of submissions."""

    reserved_by: str | None


class SubmissionRow(Shape, frozen=True, kw_only=True):
    """One slot with its submission. `awaitingAdminApproval`: its free trial is not approved."""

    slot: ReservedSlot
    submission: StoredSubmission | None
    game: GameName
    playtest: PlaytestOfSubmission
    playtester: Panelist | None
    awaiting_admin_approval: bool
    blocked_report: BlockedReport | None
    transcription: Transcription | None


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


class OwnSlot(SlotHead, frozen=True, kw_only=True):
    """A slot as its playtester sees it. Notes and key are null once it is expired or cancelled."""

    game_id: str
    payout_cents: int
    notes_for_testers: str | None
    game_key: str | None
    submission: Submission | None
    rating: Rating | None
    rejection: Rejection | None
    transcription: Transcription | None
    previous_slot_id: str | None
    blocked_report: BlockedReport | None
    public_url: str | None


class OwnSlotDetail(OwnSlot, frozen=True, kw_only=True):
    """The same with its game and its playtest."""

    game: GameName
    playtest: PlaytestHead


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
