"""Commands about money and people: payments, payouts, playtesters.

What holds for all commands stands in `commands`.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET, UnsetType

from schemas.codec import Message


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
