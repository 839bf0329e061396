"""Commands about orders: their payment, trials, applications and review.

What holds for all commands stands in `commands`.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from schemas.codec import Message
from schemas.playtests.views import PastScope, SelectionMode, TargetingType, Visibility


class SealedKey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A game key, and what tells whether it is another one's equal in its studio.

    Sealed for the order's aggregate (`names.order_aggregate`), field `keys`.
    """

    sealed: str
    fingerprint: str


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


class ReviewDue(Message, frozen=True, kw_only=True):
    """An order's 7 days of applications may be over, says the timer. Early, late or twice: nothing."""

    WIRE: ClassVar[str] = "playtests.review-due.v1"

    order_id: str
