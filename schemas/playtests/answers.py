"""Outcome bodies of playtests' commands, and the one pure function from a command's events to its outcome.

A retry under the same idempotency key gets `data` byte for byte, so all that an answer shows is in the
outcome, as it was when the command was decided: nothing is looked up beside it. Bodies are MessagePack of
these structs, by command: OrderPlaytest 201, ChangePlaytest, PayPlaytest, CancelPlaytest, ApproveTrial and
DeclineTrial 200 OrderAnswer; ClaimSlot 201, SubmitSlot, AbandonSlot, BlockSlot, UnblockSlot, CancelSlot,
AcceptSlot and RejectSlot 200 SlotAnswer; MakeApplication 201, ApproveApplication, RejectApplication and
WithdrawApplication 200 ApplicationAnswer; OpenPayment 201, CompletePayment and FailPayment 200 PaymentAnswer;
AdjustAccount 200 AccountAnswer; SendPayout 201 and FailPayout 200 PayoutAnswer; ChangePlaytester 200
PlaytesterAnswer; batches' commands: `batch_answers`; all others, and what changed nothing, 200 DoneAnswer.

Refusals (`CommandRejected`) keep their envelope's struct as body; a 409's `code` is the contract's reason
(`no_open_slot`, `wrong_status`, …), a 402's `details` are `balanceCents` and `requiredCents`, a 422's `field`
is the body's. Failures (500 `CommandFailed`) keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from schemas.codec import Message
from schemas.envelope import Decided, Outcome
from schemas.outcomes import outcome
from schemas.playtests import account_events, order_events, slot_events
from schemas.playtests.account_views import LedgerRow, Payment, Payout
from schemas.playtests.batch_answers import BATCH_ANSWERS
from schemas.playtests.views import (
    Application,
    ApplicationState,
    Money,
    Order,
    Playtester,
    Slot,
    SlotCounts,
    SlotState,
    SlotStatus,
)


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An order after it was made, paid, changed, cancelled, or its trial decided."""

    order: Order
    money: Money
    slots: dict[SlotStatus, int]
    opened: list[Slot] = []
    """The slots that this command opened, by number."""
    balance_cents: int | None = None
    """The studio's credit after it, where the command moved it."""


class SlotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A slot after a command of its owner or its playtester, with what that command said of it."""

    slot: Slot
    payout_cents: int = 0
    notes_for_testers: str | None = None
    """The order's, for the playtester alone. So is `payout_cents`."""
    successor: Slot | None = None
    """The slot that got the seat: the reserved slot of a rejection with retry, an open one of a reopening."""


class ApplicationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An application after it was made, approved, rejected or withdrawn."""

    application: Application
    applicant: Playtester
    """As the panel knew them then."""
    slots_remaining: int = 0


class PlaytesterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A playtester after a change."""

    playtester: Playtester


class PaymentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A top-up after it was opened, completed or failed."""

    payment: Payment
    balance_cents: int = 0
    """The studio's credit after it; 0 where the command did not move it."""


class AccountAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A studio's credit after the operator adjusted it."""

    movement: LedgerRow


class PayoutAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A payout after it was sent, or came back."""

    payout: Payout
    balance_cents: int
    """The playtester's after it."""


class DoneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """It is so now, whichever command did it; there is nothing to show."""


def outcome_of(decided: Decided, messages: Sequence[Message]) -> Outcome | None:
    """The stored answer, from the command's own events alone. None for a repeat: the first one answers.

    `messages` are its events, read (`messages_of`).
    """
    return outcome(decided, lambda: answer_to(messages))


def answer_to(messages: Sequence[Message]) -> tuple[int, msgspec.Struct]:
    """HTTP status and body of a command that was decided, from its events in order. Pure.

    The first event that has an answer says which: what follows from it comes after it.
    """
    for message in messages:
        answer = _ANSWERS.get(type(message))
        if answer is not None:
            return answer(message, messages)
    return 200, DoneAnswer()


def _order(event: Any, messages: Sequence[Message]) -> tuple[int, OrderAnswer]:
    order, progress, balance_cents = event.order, None, None
    opened: list[Slot] = []
    for message in messages:
        order = getattr(message, "order", order)
        progress = getattr(message, "progress", progress)
        movement = getattr(message, "movement", None) or getattr(message, "credit", None)
        balance_cents = movement.balance_cents if movement is not None else balance_cents
        if isinstance(message, order_events.PlaytestActivated):
            opened = [whole_slot(order, state) for state in message.slots]
    return 201 if isinstance(event, order_events.PlaytestOrdered) else 200, OrderAnswer(
        order=order,
        money=progress.money if progress is not None else Money(),
        slots=(progress.slots if progress is not None else SlotCounts()).by_status(),
        opened=opened,
        balance_cents=balance_cents,
    )


def _slot(event: slot_events.SlotEvent, messages: Sequence[Message]) -> tuple[int, SlotAnswer]:
    shown = getattr(event, "shown", None)
    parts = {
        name: getattr(event, name) for name in ("submission", "rating", "rejection") if hasattr(event, name)
    }
    if isinstance(event, slot_events.SlotBlocked):
        parts["blocked_report"] = event.report
    for message in messages:
        if isinstance(message, slot_events.TranscriptEvent):
            parts["transcription"] = message.transcription
    successor = getattr(event, "successor", None)
    return 201 if isinstance(event, slot_events.SlotReserved) else 200, SlotAnswer(
        slot=_slot_of(event, event.slot, game_key=shown.game_key if shown else "", **parts),
        payout_cents=shown.payout_cents if shown else 0,
        notes_for_testers=shown.notes_for_testers if shown else None,
        successor=_slot_of(event, successor) if successor is not None else None,
    )


def _application(
    event: order_events.ApplicationEvent, _messages: Sequence[Message]
) -> tuple[int, ApplicationAnswer]:
    application = whole_application(event, event.application, event.qualifications_response)
    return 201 if isinstance(event, order_events.ApplicationMade) else 200, ApplicationAnswer(
        application=application,
        applicant=event.applicant,
        slots_remaining=event.slots_remaining if isinstance(event, order_events.ApplicationApproved) else 0,
    )


def whole_slot(order: Order, state: SlotState, **parts: Any) -> Slot:
    """A slot as reads answer it, from its state and what else was said of it."""
    return Slot(
        order_id=order.id,
        studio_id=order.studio_id,
        game_id=order.game_id,
        **msgspec.structs.asdict(state),
        **parts,
    )


def _slot_of(event: order_events.OrderEvent, state: SlotState, **parts: Any) -> Slot:
    return Slot(
        order_id=event.order_id,
        studio_id=event.studio_id,
        game_id=event.game_id,
        **msgspec.structs.asdict(state),
        **parts,
    )


def whole_application(event: order_events.OrderEvent, state: ApplicationState, response: str) -> Application:
    """An application as reads answer it, from its state and its text."""
    return Application(
        order_id=event.order_id,
        studio_id=event.studio_id,
        qualifications_response=response,
        **msgspec.structs.asdict(state),
    )


def _payment(event: Any, messages: Sequence[Message]) -> tuple[int, PaymentAnswer]:
    balance_cents = 0
    for message in messages:
        if isinstance(message, account_events.PaymentCompleted | order_events.PlaytestPaid):
            balance_cents = message.movement.balance_cents
    status = 201 if isinstance(event, account_events.PaymentOpened) else 200
    return status, PaymentAnswer(payment=event.payment, balance_cents=balance_cents)


def _adjusted(
    event: account_events.AccountAdjusted, _messages: Sequence[Message]
) -> tuple[int, AccountAnswer]:
    return 200, AccountAnswer(movement=event.movement)


def _payout(event: Any, _messages: Sequence[Message]) -> tuple[int, PayoutAnswer]:
    status = 201 if isinstance(event, account_events.PayoutSent) else 200
    return status, PayoutAnswer(payout=event.payout, balance_cents=event.movement.balance_cents)


def _playtester(
    event: account_events.PlaytesterChanged, _messages: Sequence[Message]
) -> tuple[int, PlaytesterAnswer]:
    return 200, PlaytesterAnswer(playtester=event.playtester)


_ANSWERS: Final[dict[type[Message], Callable[[Any, Sequence[Message]], tuple[int, msgspec.Struct]]]] = {
    order_events.PlaytestOrdered: _order,
    order_events.PlaytestActivated: _order,
    order_events.PlaytestChanged: _order,
    order_events.PlaytestCancelled: _order,
    order_events.TrialApproved: _order,
    order_events.TrialDeclined: _order,
    slot_events.SlotReserved: _slot,
    slot_events.SlotSubmitted: _slot,
    slot_events.SlotAccepted: _slot,
    slot_events.SlotRejected: _slot,
    slot_events.SlotExpired: _slot,
    slot_events.SlotAbandoned: _slot,
    slot_events.SlotBlocked: _slot,
    slot_events.SlotUnblocked: _slot,
    slot_events.SlotCancelled: _slot,
    order_events.ApplicationMade: _application,
    order_events.ApplicationApproved: _application,
    order_events.ApplicationRejected: _application,
    order_events.ApplicationWithdrawn: _application,
    account_events.PaymentOpened: _payment,
    account_events.PaymentCompleted: _payment,
    account_events.PaymentFailed: _payment,
    account_events.AccountAdjusted: _adjusted,
    account_events.PayoutSent: _payout,
    account_events.PayoutFailed: _payout,
    account_events.PlaytesterChanged: _playtester,
    **BATCH_ANSWERS,
}
