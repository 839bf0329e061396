"""What S2 answers with, as structs: the encoders' shapes and the schemas of its document.

Source: the S2 reference, and the playtests contract. Names are camelCase on the wire.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from schemas.playtests.account_views import PaymentStatus
from schemas.playtests.resources import (
    Application,
    ApplicationCounts,
    ApplicationsRequest,
    AvailablePlaytest,
    Currency,
    Movement,
    NewPlaytest,
    Notice,
    OwnApplication,
    Payment,
    Playtest,
    PlaytestDetail,
    Shape,
    Time,
)
from schemas.playtests.slot_resources import OwnSlot, OwnSlotDetail, Slot, SlotDetail, SubmissionRow


class GamePlaytests(Shape, frozen=True, kw_only=True):
    """A game's playtests, newest first."""

    playtests: list[Playtest]
    eligible_for_free_trial: bool


class Ordered(Shape, frozen=True, kw_only=True):
    """A new playtest: to be paid, paid from credit (with `balanceCents`), or a free trial."""

    playtest: NewPlaytest
    requires_payment: bool | UnsetType = UNSET
    cost_per_slot_cents: int | UnsetType = UNSET
    total_cents: int | UnsetType = UNSET
    slots: list[Slot] | UnsetType = UNSET
    balance_cents: int | UnsetType = UNSET
    needs_admin_approval: bool | UnsetType = UNSET


class OnePlaytest(Shape, frozen=True, kw_only=True):
    """A playtest."""

    playtest: Playtest


class OnePlaytestDetail(Shape, frozen=True, kw_only=True):
    """A playtest with its game's name."""

    playtest: PlaytestDetail


class Paid(Shape, frozen=True, kw_only=True):
    """A playtest that was paid, its slots and what is left of the credit."""

    playtest: Playtest
    slots: list[Slot]
    balance_cents: int


class Slots(Shape, frozen=True, kw_only=True):
    """A playtest's slots, newest first."""

    slots: list[Slot]


class OneSlotDetail(Shape, frozen=True, kw_only=True):
    """A slot with all that belongs to it."""

    slot: SlotDetail


class Submissions(Shape, frozen=True, kw_only=True):
    """A studio's slots of one status with their submissions, newest first."""

    submissions: list[SubmissionRow]


class Applications(Shape, frozen=True, kw_only=True):
    """A pool of applications: pending ones first, then the newest."""

    request: ApplicationsRequest
    counts: ApplicationCounts
    applications: list[Application]


class ApplicationApproved(Shape, frozen=True, kw_only=True):
    """An application that got a slot."""

    application: Application
    assigned_slot_id: str | None
    slots_remaining: int


class OneApplication(Shape, frozen=True, kw_only=True):
    """An application as the owner sees it."""

    application: Application


class DownloadUrl(Shape, frozen=True, kw_only=True):
    """Where the recording can be read for an hour."""

    download_url: str
    expires_at: Time


class Transcript(Shape, frozen=True, kw_only=True):
    """Where the transcript can be read for an hour, and what it says in short."""

    download_url: str
    filename: str
    version: str
    key_takeaways: list[str]


class Stats(Shape, frozen=True, kw_only=True):
    """A studio's summary."""

    total_games: int
    active_playtests: int
    pending_reviews: int


class Profile(Shape, frozen=True, kw_only=True):
    """A playtester, as they see themselves."""

    id: str
    display_name: str | None
    gaming_experience: str | None
    validated_at: Time | None
    rating_average: str | None
    accepted_count: str
    balance_cents: int


class Available(Shape, frozen=True, kw_only=True):
    """Playtests that are offered to the playtester, newest first."""

    playtests: list[AvailablePlaytest]


class OneOwnSlot(Shape, frozen=True, kw_only=True):
    """A slot as its playtester sees it."""

    slot: OwnSlot


class OneOwnSlotDetail(Shape, frozen=True, kw_only=True):
    """The same with its game and its playtest."""

    slot: OwnSlotDetail


class OwnSlots(Shape, frozen=True, kw_only=True):
    """The playtester's slots, newest first."""

    slots: list[OwnSlotDetail]


class OneOwnApplication(Shape, frozen=True, kw_only=True):
    """An application as its playtester sees it."""

    application: OwnApplication


class OwnApplications(Shape, frozen=True, kw_only=True):
    """The playtester's applications, newest first."""

    applications: list[OwnApplication]


class Earnings(Shape, frozen=True, kw_only=True):
    """What the playtester earned and was paid, newest first."""

    earnings: list[Movement]


class Notices(Shape, frozen=True, kw_only=True):
    """What the playtester is told, newest first."""

    notices: list[Notice]


class UploadUrl(Shape, frozen=True, kw_only=True):
    """Where one upload is PUT."""

    upload_url: str
    upload_id: str
    expires_at: Time


class Balance(Shape, frozen=True, kw_only=True):
    """A studio's credit."""

    balance_cents: int
    currency: Currency


class Payments(Shape, frozen=True, kw_only=True):
    """A studio's top-ups, newest first."""

    payments: list[Payment]


class OnePayment(Shape, frozen=True, kw_only=True):
    """A top-up."""

    payment: Payment


class Ledger(Shape, frozen=True, kw_only=True):
    """Every movement of a studio's credit, newest first."""

    ledger: list[Movement]


class PaymentOpened(Shape, frozen=True, kw_only=True):
    """A top-up that waits for its payment. `checkoutUrl` is null where no provider's page is known."""

    payment_id: str
    amount_cents: int
    checkout_url: str | None


class PaymentEnded(Shape, frozen=True, kw_only=True):
    """The payment after an event of its provider."""

    payment_id: str
    status: PaymentStatus
