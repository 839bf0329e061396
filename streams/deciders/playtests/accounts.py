"""A studio's credit: top-ups through the payment provider, the operator's adjustments."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.envelope import CommandRejected
from schemas.playtests import account_commands as ask
from schemas.playtests import account_events as ev
from schemas.playtests import names
from schemas.playtests.account_views import Payment, PaymentStatus
from schemas.playtests.limits import BALANCE_CENTS_MAX
from streams.deciders.noun import Request, Verdict
from streams.deciders.playtests.draft import Draft
from streams.deciders.playtests.orders import pay_if_wanted
from streams.deciders.playtests.refusals import conflict, not_found
from streams.deciders.playtests.state import PlaytestsState


def open_payment(state: PlaytestsState, request: Request, command: ask.OpenPayment) -> Verdict:
    """A top-up begins."""
    draft = Draft(state, request)
    if command.order_id is not None:
        known = draft.studio.orders.get(command.order_id)
        if known is None:
            return not_found("playtest")
        if known.order.status != "pending_payment":
            return conflict("wrong_status")
    payment = Payment(
        id=_new_payment_id(draft, request),
        studio_id=request.studio_id,
        amount_cents=command.amount_cents,
        status="pending",
        created_at_ms=request.at_ms,
        provider=command.provider,
        order_id=command.order_id,
    )
    draft.emit(ev.PaymentOpened(studio_id=request.studio_id, payment=payment))
    return draft.decided()


def _new_payment_id(draft: Draft, request: Request) -> str:
    """Another one where the idempotency key was forgotten and is used again."""
    payment_id = names.payment_id(request.command_id)
    if payment_id not in draft.studio.payments:
        return payment_id
    return names.payment_id(request.command_id + request.seed.hex())


def complete_payment(state: PlaytestsState, request: Request, command: ask.CompletePayment) -> Verdict:
    """The provider has the money."""
    draft = Draft(state, request)
    ended = _ended(draft, command, "completed")
    if not isinstance(ended, Payment):
        return ended
    if draft.studio.account.balance_cents + ended.amount_cents > BALANCE_CENTS_MAX:
        return conflict("balance_limit")
    movement = draft.movement("top_up", ended.amount_cents, payment_id=ended.id)
    draft.emit(ev.PaymentCompleted(studio_id=request.studio_id, payment=ended, movement=movement))
    if ended.order_id is not None:
        pay_if_wanted(draft, ended.order_id)
    return draft.decided()


def fail_payment(state: PlaytestsState, request: Request, command: ask.FailPayment) -> Verdict:
    """The provider gave up."""
    draft = Draft(state, request)
    ended = _ended(draft, command, "failed")
    if not isinstance(ended, Payment):
        return ended
    draft.emit(ev.PaymentFailed(studio_id=request.studio_id, payment=ended))
    return draft.decided()


def adjust(state: PlaytestsState, request: Request, command: ask.AdjustAccount) -> Verdict:
    """The operator gives or takes credit."""
    draft = Draft(state, request)
    balance_cents = draft.studio.account.balance_cents + command.amount_cents
    if balance_cents < 0:
        return conflict("insufficient_balance")
    if balance_cents > BALANCE_CENTS_MAX:
        return conflict("balance_limit")
    movement = draft.movement("adjustment", command.amount_cents, reason=command.reason)
    draft.emit(ev.AccountAdjusted(studio_id=request.studio_id, movement=movement))
    return draft.decided()


def _ended(
    draft: Draft, command: ask.CompletePayment | ask.FailPayment, status: PaymentStatus
) -> Payment | CommandRejected | tuple[()]:
    """The payment as it ends now; nothing where the provider only says so again."""
    payment = draft.studio.payments.get(command.payment_id)
    if payment is None:
        return not_found("payment")
    if payment.amount_cents != command.amount_cents:
        return conflict("amount_mismatch")
    if payment.status != "pending":
        again = payment.status == status and payment.external_id == command.external_id
        return () if again else conflict("wrong_status")
    return replace(payment, status=status, external_id=command.external_id, ended_at_ms=draft.at_ms)
