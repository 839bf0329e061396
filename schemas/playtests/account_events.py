"""Events of money and people: payments, payouts, playtesters.

NOTE: stored; what holds for all events stands in `events`.
"""

from __future__ import annotations

from typing import ClassVar

from schemas.codec import Message
from schemas.playtests.account_views import LedgerRow, Payment, Payout
from schemas.playtests.views import Playtester


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
