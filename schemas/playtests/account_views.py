"""The nested shapes of money that events, answers and stores of playtests share.

NOTE: stored inside events, under the rules of `views`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

PaymentStatus = Literal["pending", "completed", "failed"]
PayoutStatus = Literal["sent", "failed"]
LedgerType = Literal[
    "top_up", "adjustment", "paid", "credit", "payout_earned", "payout_sent", "payout_failed"
]
"""A studio's first four; a playtester's the others."""


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One movement of a studio's credit, or of what a playtester has earned."""

    id: str
    number: int
    """Position in its ledger, from 1, without gaps."""
    type: LedgerType
    amount_cents: int
    """Signed. The sum of a ledger's amounts is its balance."""
    balance_cents: int
    """After it; never negative."""
    at_ms: int
    order_id: str | None = None
    slot_id: str | None = None
    payment_id: str | None = None
    payout_id: str | None = None
    reason: str | None = None
    """What the operator said."""


class Payout(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money that was sent to a playtester, outside; `failed` when it came back."""

    id: str
    playtester_id: str
    amount_cents: int
    status: PayoutStatus
    sent_at_ms: int
    external_id: str | None = None
    reason: str | None = None


class Payment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A studio's top-up through the payment provider."""

    id: str
    studio_id: str
    amount_cents: int
    status: PaymentStatus
    created_at_ms: int
    provider: str
    external_id: str | None = None
    order_id: str | None = None
    """What it pays once it is completed."""
    ended_at_ms: int | None = None
