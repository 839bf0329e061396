"""Outcome bodies of playtests' commands, as the HTTP edge answers them: MessagePack of these structs.

A retry under the same idempotency key gets `data` byte for byte, so all that an answer shows is in the
outcome, as it was when the command was decided: nothing is looked up beside it. Refusals (`CommandRejected`)
keep their envelope's struct as body; a 409's `code` is the contract's `reason` (`no_open_slot`,
`wrong_status`, …), a 402's `details` are `balanceCents` and `requiredCents`, a 422's `field` is the body's.
"""

from __future__ import annotations

import msgspec

from schemas.playtests.views import Application, Money, Order, Payment, Playtester, Slot, SlotStatus


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An order after it was made (201), paid, changed, cancelled, or its trial decided (200)."""

    order: Order
    money: Money
    slots: dict[SlotStatus, int]
    opened: list[Slot] = []
    """The slots that this command opened, by number."""
    balance_cents: int | None = None
    """The studio's credit after it, where the command moved it."""


class SlotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A slot after a command of its owner or its playtester."""

    slot: Slot
    payout_cents: int = 0
    notes_for_testers: str | None = None
    """The order's, for the playtester."""
    successor: Slot | None = None
    """Who got the seat: the reserved slot of a rejection with retry, an open one of a reopening."""


class ApplicationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An application after it was made (201), approved, rejected or withdrawn (200)."""

    application: Application
    applicant: Playtester
    """As the panel knew them then."""
    slots_remaining: int = 0


class PlaytesterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A playtester after a change."""

    playtester: Playtester


class PaymentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A top-up after it was opened (201), completed or failed (200)."""

    payment: Payment
    balance_cents: int = 0


class DoneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """It happened; there is nothing to show."""
