"""What happened in playtests. Data of `schemas.envelope.Event`; its `at_ms` is the effective time.

Events carry resulting values, so that a projection sets and never computes: `order`, `progress`, `slot`,
`application` and `playtester` are as they are after the event, and so are balances. Secrets are sealed
(`schemas.seal`).
NOTE: stored: a field may be added with a default; anything else is a new wire name with an upcaster in
EVENTS.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas.codec import Codec, Message
from schemas.playtests.batch_events import BATCH_EVENTS
from schemas.playtests.views import (
    ApplicationState,
    AutoRejected,
    BlockedReport,
    LedgerRow,
    Order,
    Payment,
    Payout,
    Playtester,
    Progress,
    Rating,
    Rejection,
    ShownToPlaytester,
    SlotState,
    Submission,
    Transcription,
)


class OrderEvent(Message, frozen=True, kw_only=True):
    """Base: the order is the aggregate (`names.order_aggregate`)."""

    studio_id: str
    game_id: str
    order_id: str


class PlaytestOrdered(OrderEvent, frozen=True, kw_only=True):
    """An order came to be, without slots."""

    WIRE: ClassVar[str] = "playtests.playtest-ordered.v1"

    order: Order
    keys: list[str] = []
    """Sealed; key n (from 1) is slot n's, those beyond the quantity are spares."""
    key_fingerprints: list[str] = []
    """Of the same keys; for the decider alone."""


class PlaytestPaid(OrderEvent, frozen=True, kw_only=True):
    """The order's total went from the studio's credit to the order, whose PlaytestActivated follows."""

    WIRE: ClassVar[str] = "playtests.playtest-paid.v1"

    progress: Progress
    movement: LedgerRow


class PlaytestActivated(OrderEvent, frozen=True, kw_only=True):
    """The order runs: its slots are open. A trial is offered once it is approved."""

    WIRE: ClassVar[str] = "playtests.playtest-activated.v1"

    order: Order
    slots: list[SlotState]
    progress: Progress


class PlaytestChanged(OrderEvent, frozen=True, kw_only=True):
    """The notes are others, or keys were added. `changed` names `notesForTesters`, `keysForTesters`."""

    WIRE: ClassVar[str] = "playtests.playtest-changed.v1"

    order: Order
    progress: Progress
    changed: list[str]
    first_key_number: int = 0
    """The number of the first key in `keys`."""
    keys: list[str] = []
    key_fingerprints: list[str] = []


class PlaytestCancelled(OrderEvent, frozen=True, kw_only=True):
    """The order was cancelled; a SlotCancelled for each open and blocked slot follows."""

    WIRE: ClassVar[str] = "playtests.playtest-cancelled.v1"

    order: Order
    progress: Progress
    trial_returned: bool = False
    """The game may have a free trial again."""


class PlaytestCompleted(OrderEvent, frozen=True, kw_only=True):
    """No live slot is left. Follows the event that ended the last one."""

    WIRE: ClassVar[str] = "playtests.playtest-completed.v1"

    order: Order
    progress: Progress


class TrialApproved(OrderEvent, frozen=True, kw_only=True):
    """The operator lets a free trial be offered."""

    WIRE: ClassVar[str] = "playtests.trial-approved.v1"

    order: Order
    progress: Progress


class TrialDeclined(OrderEvent, frozen=True, kw_only=True):
    """The operator does not; the game may have another, and PlaytestCancelled follows."""

    WIRE: ClassVar[str] = "playtests.trial-declined.v1"

    order: Order
    progress: Progress


class SlotEvent(OrderEvent, frozen=True, kw_only=True):
    """Base: something happened to a slot."""

    slot: SlotState
    progress: Progress


class SlotEnding(SlotEvent, frozen=True, kw_only=True):
    """Base: a slot ended unaccepted. Its seat went to `successor` or came back by `credit`.

    A trial's may do neither: it costs nothing.
    """

    successor: SlotState | None = None
    credit: LedgerRow | None = None


class SlotReserved(SlotEvent, frozen=True, kw_only=True):
    """A playtester has a slot: by a claim, or by the ApplicationApproved before it."""

    WIRE: ClassVar[str] = "playtests.slot-reserved.v1"

    shown: ShownToPlaytester
    application_id: str | None = None


class SlotSubmitted(SlotEvent, frozen=True, kw_only=True):
    """A recording was handed in."""

    WIRE: ClassVar[str] = "playtests.slot-submitted.v1"

    submission: Submission
    shown: ShownToPlaytester


class SlotAccepted(SlotEvent, frozen=True, kw_only=True):
    """A submission was accepted: `accepted`, or `publishing` where it is to be public."""

    WIRE: ClassVar[str] = "playtests.slot-accepted.v1"

    playtester: Playtester
    earning: LedgerRow | None = None
    """The playtester's; None for a trial, which pays nothing."""
    rating: Rating | None = None


class SlotPublished(SlotEvent, frozen=True, kw_only=True):
    """The recording is public, under `public_key` of the object store; where it is gone that is empty."""

    WIRE: ClassVar[str] = "playtests.slot-published.v1"

    public_key: str


class SlotRejected(SlotEnding, frozen=True, kw_only=True):
    """A submission was rejected; with `allow_retry` the successor is reserved for the same playtester."""

    WIRE: ClassVar[str] = "playtests.slot-rejected.v1"

    rejection: Rejection
    allow_retry: bool = False


class SlotExpired(SlotEnding, frozen=True, kw_only=True):
    """The slot was not taken in time, or its recording not submitted in time."""

    WIRE: ClassVar[str] = "playtests.slot-expired.v1"

    reason: Literal["deadline", "window_over"]


class SlotAbandoned(SlotEnding, frozen=True, kw_only=True):
    """Its playtester gave a slot up: it is `cancelled`."""

    WIRE: ClassVar[str] = "playtests.slot-abandoned.v1"

    shown: ShownToPlaytester | None = None
    """The payout alone; None in events from before there was this field."""


class SlotBlocked(SlotEvent, frozen=True, kw_only=True):
    """Its playtester can't go on."""

    WIRE: ClassVar[str] = "playtests.slot-blocked.v1"

    report: BlockedReport
    shown: ShownToPlaytester


class SlotUnblocked(SlotEvent, frozen=True, kw_only=True):
    """Its playtester can go on, with a fresh deadline. The report is void."""

    WIRE: ClassVar[str] = "playtests.slot-unblocked.v1"


class SlotCancelled(SlotEnding, frozen=True, kw_only=True):
    """An open or blocked slot ended with its order, or a blocked one by its owner or for its age."""

    WIRE: ClassVar[str] = "playtests.slot-cancelled.v1"

    reason: Literal["order_cancelled", "owner", "blocked_too_long"]


class SlotRated(OrderEvent, frozen=True, kw_only=True):
    """An accepted submission was rated, or rated again."""

    WIRE: ClassVar[str] = "playtests.slot-rated.v1"

    slot_id: str
    slot_number: int
    rating: Rating
    playtester: Playtester


class TranscriptEvent(OrderEvent, frozen=True, kw_only=True):
    """Base: a submission's transcription is as `transcription` says."""

    slot_id: str
    slot_number: int
    transcription: Transcription


class TranscriptRequested(TranscriptEvent, frozen=True, kw_only=True):
    """A transcript is wanted (`pending`), or being made (`processing`)."""

    WIRE: ClassVar[str] = "playtests.transcript-requested.v1"


class TranscriptApproved(TranscriptEvent, frozen=True, kw_only=True):
    """A transcript is there, and the selected one."""

    WIRE: ClassVar[str] = "playtests.transcript-approved.v1"


class TranscriptFailed(TranscriptEvent, frozen=True, kw_only=True):
    """The transcriber failed."""

    WIRE: ClassVar[str] = "playtests.transcript-failed.v1"


class ApplicationEvent(OrderEvent, frozen=True, kw_only=True):
    """Base: something happened to one application."""

    application: ApplicationState
    qualifications_response: str
    """Sealed."""
    applicant: Playtester
    """As the panel knows them, for the answer alone."""


class ApplicationMade(ApplicationEvent, frozen=True, kw_only=True):
    """A playtester applied."""

    WIRE: ClassVar[str] = "playtests.application-made.v1"


class ApplicationApproved(ApplicationEvent, frozen=True, kw_only=True):
    """An applicant gets the slot whose SlotReserved follows."""

    WIRE: ClassVar[str] = "playtests.application-approved.v1"

    slots_remaining: int
    """Open slots after it."""


class ApplicationRejected(ApplicationEvent, frozen=True, kw_only=True):
    """The owner rejected one application."""

    WIRE: ClassVar[str] = "playtests.application-rejected.v1"

    custom_message: str | None = None


class ApplicationWithdrawn(ApplicationEvent, frozen=True, kw_only=True):
    """Its playtester took an application back."""

    WIRE: ClassVar[str] = "playtests.application-withdrawn.v1"


class ApplicationsAutoRejected(OrderEvent, frozen=True, kw_only=True):
    """All pending applications of an order are `auto_rejected`, reviewed at the event's time."""

    WIRE: ClassVar[str] = "playtests.applications-auto-rejected.v1"

    reason: Literal["filled", "window_over", "order_cancelled"]
    applications: list[AutoRejected]


class AccountEvent(Message, frozen=True, kw_only=True):
    """Base: the studio's account is the aggregate (`names.account_aggregate`)."""

    studio_id: str


class PaymentOpened(AccountEvent, frozen=True, kw_only=True):
    """A top-up began."""

    WIRE: ClassVar[str] = "playtests.payment-opened.v1"

    payment: Payment


class PaymentCompleted(AccountEvent, frozen=True, kw_only=True):
    """The provider has the money: it is credit. PlaytestPaid follows where it pays an order."""

    WIRE: ClassVar[str] = "playtests.payment-completed.v1"

    payment: Payment
    movement: LedgerRow


class PaymentFailed(AccountEvent, frozen=True, kw_only=True):
    """The provider gave up."""

    WIRE: ClassVar[str] = "playtests.payment-failed.v1"

    payment: Payment


class AccountAdjusted(AccountEvent, frozen=True, kw_only=True):
    """The operator gave or took credit."""

    WIRE: ClassVar[str] = "playtests.account-adjusted.v1"

    movement: LedgerRow


class PlaytesterEvent(Message, frozen=True, kw_only=True):
    """Base: one of a studio's panel is the aggregate (`names.playtester_aggregate`)."""

    studio_id: str
    playtester_id: str


class PayoutSent(PlaytesterEvent, frozen=True, kw_only=True):
    """The operator sent a playtester money."""

    WIRE: ClassVar[str] = "playtests.payout-sent.v1"

    payout: Payout
    movement: LedgerRow
    playtester: Playtester


class PayoutFailed(PlaytesterEvent, frozen=True, kw_only=True):
    """It came back."""

    WIRE: ClassVar[str] = "playtests.payout-failed.v1"

    payout: Payout
    movement: LedgerRow
    playtester: Playtester


class PlaytesterChanged(PlaytesterEvent, frozen=True, kw_only=True):
    """A playtester says something else of themselves, or is validated."""

    WIRE: ClassVar[str] = "playtests.playtester-changed.v1"

    playtester: Playtester


class PlaytesterForgotten(PlaytesterEvent, frozen=True, kw_only=True):
    """Every store drops the profile, the texts of their applications and notices; ids and money stay.

    The object store drops the recordings and transcripts of their slots, published copies too.
    """

    WIRE: ClassVar[str] = "playtests.playtester-forgotten.v1"

    playtester: Playtester
    """What is left."""


EVENTS: Codec[Message] = Codec(
    (
        PlaytestOrdered,
        PlaytestPaid,
        PlaytestActivated,
        PlaytestChanged,
        PlaytestCancelled,
        PlaytestCompleted,
        TrialApproved,
        TrialDeclined,
        SlotReserved,
        SlotSubmitted,
        SlotAccepted,
        SlotPublished,
        SlotRejected,
        SlotExpired,
        SlotAbandoned,
        SlotBlocked,
        SlotUnblocked,
        SlotCancelled,
        SlotRated,
        TranscriptRequested,
        TranscriptApproved,
        TranscriptFailed,
        ApplicationMade,
        ApplicationApproved,
        ApplicationRejected,
        ApplicationWithdrawn,
        ApplicationsAutoRejected,
        PaymentOpened,
        PaymentCompleted,
        PaymentFailed,
        AccountAdjusted,
        PayoutSent,
        PayoutFailed,
        PlaytesterChanged,
        PlaytesterForgotten,
        *BATCH_EVENTS,
    )
)
"""Every event of the noun, those of batches included."""
