"""What can be asked of playtests. Bodies of `schemas.envelope.Command`.

All go to the partition of `names.partition_key(studio_id)`; the command's `aggregate_id` is that of what it
is about (`names`). Texts, sizes and combinations of fields were checked by the gateway; what only the state
can say is decided: 400 for an order of the other mode, 402, 404, 409 with a reason, 422 with its field.
Secrets come sealed (`schemas.seal`), with keyed fingerprints where duplicates must be found.
Those of playtesters say whose they are: `playtester_id` is the credential's.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from schemas.codec import Codec, Message
from schemas.playtests.batch_commands import BATCH_COMMANDS
from schemas.playtests.views import (
    BlockReason,
    PastScope,
    Rating,
    SelectionMode,
    TargetingType,
    Visibility,
)


class SealedKey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A game key, and what tells whether it is another one's equal in its studio.

    Sealed for the order's aggregate (`names.order_aggregate`), field `keys`.
    """

    sealed: str
    fingerprint: str


class StoredObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An upload that the gateway has found in the object store."""

    key: str
    size_bytes: int


class OrderPlaytest(Message, frozen=True, kw_only=True):
    """Order a playtest of the envelope's game.

    409 `trial_used`; 422 `targetedPlaytesterId` for one who is no past playtester of the game;
    402, and no order, with `pay_from_credit` and too little credit. A trial is active at once.
    """

    WIRE: ClassVar[str] = "playtests.playtest-order.v1"

    visibility: Visibility
    quantity: int
    duration_minutes: int
    player_count: int
    cost_per_slot_cents: int
    """`pricing.cost_cents` of the studio's prices; 0 for a trial. So is `payout_cents`."""
    payout_cents: int
    notes_for_testers: str | None = None
    keys: list[SealedKey] = []
    """None, or one for each seat and then the spares."""
    is_free_public_trial: bool = False
    targeting_type: TargetingType | None = None
    past_playtester_scope: PastScope | None = None
    targeted_playtester_id: str | None = None
    selection_mode: SelectionMode = "automatic"
    qualifications: str | None = None
    pay_from_credit: bool = False
    order_id: str | UnsetType = UNSET
    """Its id, which its secrets are sealed for: drawn for each request, because an idempotency key may be
    used again once it is forgotten. UNSET, as before there was this field: `names.order_id(command_id)`."""


class ChangePlaytest(Message, frozen=True, kw_only=True):
    """Change the notes, or add spare keys. 404; 409 `wrong_status` once completed or cancelled.

    422 `keysForTesters` where the order has none, holds one of them already, or would have too many spares.
    """

    WIRE: ClassVar[str] = "playtests.playtest-change.v1"

    order_id: str
    notes_for_testers: str | UnsetType | None = UNSET
    keys: list[SealedKey] = []
    old_fingerprints: list[list[str]] | UnsetType = UNSET
    """Each key's under every former deployment secret; absent where there is none."""


class PayPlaytest(Message, frozen=True, kw_only=True):
    """Take an order's total from the credit and open its slots. 404; 409 `wrong_status`; 402."""

    WIRE: ClassVar[str] = "playtests.playtest-pay.v1"

    order_id: str


class CancelPlaytest(Message, frozen=True, kw_only=True):
    """End an order: open and blocked slots are credited, nothing reopens. 404; 409 `wrong_status`."""

    WIRE: ClassVar[str] = "playtests.playtest-cancel.v1"

    order_id: str


class ApproveTrial(Message, frozen=True, kw_only=True):
    """Offer a free trial, by the operator. 404; 409 `wrong_status` where none is pending."""

    WIRE: ClassVar[str] = "playtests.trial-approve.v1"

    order_id: str


class DeclineTrial(Message, frozen=True, kw_only=True):
    """Refuse a free trial and cancel its order; the game may have another. 404; 409 `wrong_status`."""

    WIRE: ClassVar[str] = "playtests.trial-decline.v1"

    order_id: str


class ClaimSlot(Message, frozen=True, kw_only=True):
    """Reserve the lowest open slot of an order. 404 where it is not offered; 400 where it is manual; 409."""

    WIRE: ClassVar[str] = "playtests.slot-claim.v1"

    order_id: str
    playtester_id: str


class MakeApplication(Message, frozen=True, kw_only=True):
    """Apply to an order with manual selection, once for life. 404; 400 where it is automatic; 409."""

    WIRE: ClassVar[str] = "playtests.application-make.v1"

    order_id: str
    playtester_id: str
    qualifications_response: str
    """Sealed for the order's aggregate, field `qualificationsResponse`."""


class ApproveApplication(Message, frozen=True, kw_only=True):
    """Give the applicant the lowest open slot; the last one rejects all others. 404; 409."""

    WIRE: ClassVar[str] = "playtests.application-approve.v1"

    application_id: str


class RejectApplication(Message, frozen=True, kw_only=True):
    """Reject one application. 404; 409 `not_pending`."""

    WIRE: ClassVar[str] = "playtests.application-reject.v1"

    application_id: str
    custom_message: str | None = None


class WithdrawApplication(Message, frozen=True, kw_only=True):
    """Take an application back, by its playtester. 404, also for another's; 409 `not_pending`."""

    WIRE: ClassVar[str] = "playtests.application-withdraw.v1"

    application_id: str
    playtester_id: str


class SubmitSlot(Message, frozen=True, kw_only=True):
    """Hand a recording in.

    404, also for another's slot; 409 `wrong_status`, `deadline_passed`, `upload_missing`.
    """

    WIRE: ClassVar[str] = "playtests.slot-submit.v1"

    slot_id: str
    playtester_id: str
    video: StoredObject | None
    """None where the object store has no such upload for this slot."""
    notes: str | None = None
    transcript: StoredObject | None = None
    """The playtester's own: version `uploaded`, approved at once."""
    transcribe: bool = False
    """Whether the deployment has a transcriber to ask."""


class AbandonSlot(Message, frozen=True, kw_only=True):
    """Give a reserved slot up. 404, also for another's; 409 `wrong_status`, `deadline_passed`."""

    WIRE: ClassVar[str] = "playtests.slot-abandon.v1"

    slot_id: str
    playtester_id: str


class BlockSlot(Message, frozen=True, kw_only=True):
    """Report why a reserved slot can't be played. Refusals as for AbandonSlot."""

    WIRE: ClassVar[str] = "playtests.slot-block.v1"

    slot_id: str
    playtester_id: str
    reason_code: BlockReason
    notes: str | None = None


class UnblockSlot(Message, frozen=True, kw_only=True):
    """Reserve a blocked slot again, with a fresh full deadline.

    404; 409 `wrong_status`, `deadline_passed`.
    """

    WIRE: ClassVar[str] = "playtests.slot-unblock.v1"

    slot_id: str


class CancelSlot(Message, frozen=True, kw_only=True):
    """End a blocked slot; its seat is credited. 404; 409 `wrong_status`."""

    WIRE: ClassVar[str] = "playtests.slot-cancel.v1"

    slot_id: str


class AcceptSlot(Message, frozen=True, kw_only=True):
    """Accept a submission: the playtester earns the payout. 404; 409 `wrong_status`."""

    WIRE: ClassVar[str] = "playtests.slot-accept.v1"

    slot_id: str
    rating: Rating | None = None


class RejectSlot(Message, frozen=True, kw_only=True):
    """Reject a submission: its seat is credited, or goes to the same playtester again. 404; 409."""

    WIRE: ClassVar[str] = "playtests.slot-reject.v1"

    slot_id: str
    reason: str | None = None
    allow_retry: bool = False


class RateSlot(Message, frozen=True, kw_only=True):
    """Rate an accepted submission; the last rating counts. 404; 409 `wrong_status`."""

    WIRE: ClassVar[str] = "playtests.slot-rate.v1"

    slot_id: str
    rating: Rating


class PublishSlot(Message, frozen=True, kw_only=True):
    """The recording of a `publishing` slot is at a public key, says an effect. In another status: nothing."""

    WIRE: ClassVar[str] = "playtests.slot-publish.v1"

    slot_id: str
    public_key: str
    """Empty where the recording is gone: the slot is accepted, and nothing of it is public."""


class SlotDue(Message, frozen=True, kw_only=True):
    """A reserved slot's deadline may have come, says the timer. Early, late or twice: nothing."""

    WIRE: ClassVar[str] = "playtests.slot-due.v1"

    slot_id: str


class BlockDue(Message, frozen=True, kw_only=True):
    """A blocked slot's 7 days may be over, says the timer. Early, late or twice: nothing."""

    WIRE: ClassVar[str] = "playtests.block-due.v1"

    slot_id: str


class ReviewDue(Message, frozen=True, kw_only=True):
    """An order's 7 days of applications may be over, says the timer. Early, late or twice: nothing."""

    WIRE: ClassVar[str] = "playtests.review-due.v1"

    order_id: str


class StartTranscript(Message, frozen=True, kw_only=True):
    """The transcriber has begun, says an effect: `processing`. Where none is pending: nothing."""

    WIRE: ClassVar[str] = "playtests.transcript-start.v1"

    slot_id: str


class ApproveTranscript(Message, frozen=True, kw_only=True):
    """A transcript is stored; the last one is the selected one.

    404; 409 `wrong_status` without a submission.
    """

    WIRE: ClassVar[str] = "playtests.transcript-approve.v1"

    slot_id: str
    version: str
    key: str
    """Of the object store."""
    key_takeaways: list[str] = []


class FailTranscript(Message, frozen=True, kw_only=True):
    """The transcriber has failed, says an effect. Where none is under way: nothing."""

    WIRE: ClassVar[str] = "playtests.transcript-fail.v1"

    slot_id: str


class OpenPayment(Message, frozen=True, kw_only=True):
    """Begin a top-up; its id follows from the command's. With an order: 404, 409 `wrong_status`."""

    WIRE: ClassVar[str] = "playtests.payment-open.v1"

    amount_cents: int
    provider: str
    order_id: str | None = None


class CompletePayment(Message, frozen=True, kw_only=True):
    """The provider has the money. It pays the payment's order where that is still wanted and affordable.

    404; 409 `amount_mismatch`; 409 `wrong_status` where it has ended another way. The same again: nothing.
    """

    WIRE: ClassVar[str] = "playtests.payment-complete.v1"

    payment_id: str
    amount_cents: int
    external_id: str


class FailPayment(Message, frozen=True, kw_only=True):
    """The provider gave up. Refusals as for CompletePayment. The same again: nothing."""

    WIRE: ClassVar[str] = "playtests.payment-fail.v1"

    payment_id: str
    amount_cents: int
    external_id: str


class AdjustAccount(Message, frozen=True, kw_only=True):
    """Give or take credit, by the operator. 409 `insufficient_balance`, `balance_limit`."""

    WIRE: ClassVar[str] = "playtests.account-adjust.v1"

    amount_cents: int
    """Signed, never 0."""
    reason: str


class SendPayout(Message, frozen=True, kw_only=True):
    """Money was sent to a playtester, by the operator. 404; 409 `insufficient_balance`."""

    WIRE: ClassVar[str] = "playtests.payout-send.v1"

    playtester_id: str
    amount_cents: int
    external_id: str | None = None


class FailPayout(Message, frozen=True, kw_only=True):
    """A payout came back: the balance has it again. 404; 409 `wrong_status` where it failed before."""

    WIRE: ClassVar[str] = "playtests.payout-fail.v1"

    playtester_id: str
    payout_id: str
    reason: str | None = None


class ChangePlaytester(Message, frozen=True, kw_only=True):
    """Set what a playtester says of themselves, or (by the operator) whether they are validated."""

    WIRE: ClassVar[str] = "playtests.playtester-change.v1"

    playtester_id: str
    display_name: str | UnsetType | None = UNSET
    gaming_experience: str | UnsetType | None = UNSET
    validated: bool | UnsetType = UNSET


class ForgetPlaytester(Message, frozen=True, kw_only=True):
    """Drop a person: profile and application texts. Money stays counted. 404; twice: nothing.

    Pending applications are withdrawn; no slot or application is given any more (409 `not_eligible`).
    """

    WIRE: ClassVar[str] = "playtests.playtester-forget.v1"

    playtester_id: str


COMMANDS: Codec[Message] = Codec(
    (
        OrderPlaytest,
        ChangePlaytest,
        PayPlaytest,
        CancelPlaytest,
        ApproveTrial,
        DeclineTrial,
        ClaimSlot,
        MakeApplication,
        ApproveApplication,
        RejectApplication,
        WithdrawApplication,
        SubmitSlot,
        AbandonSlot,
        BlockSlot,
        UnblockSlot,
        CancelSlot,
        AcceptSlot,
        RejectSlot,
        RateSlot,
        PublishSlot,
        SlotDue,
        BlockDue,
        ReviewDue,
        StartTranscript,
        ApproveTranscript,
        FailTranscript,
        OpenPayment,
        CompletePayment,
        FailPayment,
        AdjustAccount,
        SendPayout,
        FailPayout,
        ChangePlaytester,
        ForgetPlaytester,
        *BATCH_COMMANDS,
    )
)
"""Every command of the noun, those of batches included."""
