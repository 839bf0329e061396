"""From a command's outcome to S2's `data`. Pure.

All that is shown is in the outcome, so that a retry under the same idempotency key gets it byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import UNSET

from schemas.codec import Message
from schemas.edge.errors import Refused
from schemas.envelope import Outcome
from schemas.playtests import (
    account_commands,
    answers,
    envelopes,
    order_commands,
    responses,
    slot_commands,
    slot_json,
)
from schemas.playtests import json as shapes
from schemas.playtests.ports import OrderRow
from schemas.playtests.requests import not_found
from schemas.playtests.secrets import OrderSecrets
from schemas.playtests.slot_resources import OwnSlot
from schemas.seal import Sealer
from streams.gateway.refusals import refusal_in

_RETRY: Final = "Submission rejected - playtester can try again"


def raise_refusal(outcome: Outcome) -> None:
    """Raise `Refused` where the outcome is none of success."""
    refusal = refusal_in(outcome)
    if refusal is None:
        return
    if refusal.status == 404:
        raise not_found()
    details: dict[str, Any] = dict(refusal.details)
    if refusal.status == 409:
        details["reason"] = refusal.code
    elif refusal.status == 422:
        details["details"] = [{"field": refusal.field or "", "message": refusal.message}]
    raise Refused(refusal.status, refusal.message, **details)


class Responses:
    """Makes `data` of outcomes; opens what is sealed in them."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._shown: dict[type[Message], tuple[type[Any], Callable[[Any], Any]]] = {
            order_commands.OrderPlaytest: (answers.OrderAnswer, _ordered),
            order_commands.ChangePlaytest: (answers.OrderAnswer, _playtest),
            order_commands.PayPlaytest: (answers.OrderAnswer, _paid),
            order_commands.CancelPlaytest: (answers.OrderAnswer, _playtest),
            order_commands.ApproveTrial: (answers.OrderAnswer, _playtest),
            order_commands.DeclineTrial: (answers.OrderAnswer, _playtest),
            slot_commands.AcceptSlot: _said("Submission accepted"),
            slot_commands.RejectSlot: (answers.SlotAnswer, _rejected_slot),
            slot_commands.UnblockSlot: _said("Slot unblocked"),
            slot_commands.CancelSlot: _said("Slot cancelled"),
            slot_commands.RateSlot: _said("Submission rated"),
            order_commands.ApproveApplication: (answers.ApplicationAnswer, self._approved),
            order_commands.RejectApplication: (answers.ApplicationAnswer, self._application),
            account_commands.OpenPayment: (answers.PaymentAnswer, _opened),
            account_commands.ChangePlaytester: (answers.PlaytesterAnswer, _profile),
            slot_commands.ClaimSlot: (answers.SlotAnswer, self._slot),
            slot_commands.SubmitSlot: (answers.SlotAnswer, self._slot),
            slot_commands.AbandonSlot: (answers.SlotAnswer, self._slot),
            slot_commands.BlockSlot: (answers.SlotAnswer, self._slot),
            order_commands.MakeApplication: (answers.ApplicationAnswer, self._own_application),
            order_commands.WithdrawApplication: (answers.ApplicationAnswer, self._own_application),
        }

    def of(self, kind: type[Message], outcome: Outcome) -> Any:
        """The `data` of a success; None where the command changed nothing, and its outcome shows nothing."""
        answer, show = self._shown[kind]
        try:
            return show(msgspec.msgpack.decode(outcome.body, type=answer))
        except msgspec.ValidationError:
            msgspec.msgpack.decode(outcome.body, type=answers.DoneAnswer)
            return None

    def _secrets(self, studio_id: str, order_id: str) -> OrderSecrets:
        return OrderSecrets(self._sealer, studio_id, order_id)

    def _slot(self, answer: answers.SlotAnswer) -> responses.OneOwnSlot:
        slot = answer.slot
        key = self._secrets(slot.studio_id, slot.order_id).open_key(slot.game_key)
        shown: OwnSlot = slot_json.own_slot(
            slot, payout_cents=answer.payout_cents, notes=answer.notes_for_testers, game_key=key
        )
        return responses.OneOwnSlot(slot=shown)

    def _response(self, answer: answers.ApplicationAnswer) -> str | None:
        one = answer.application
        return self._secrets(one.studio_id, one.order_id).open_response(one.qualifications_response)

    def _own_application(self, answer: answers.ApplicationAnswer) -> responses.OneOwnApplication:
        shown = shapes.own_application(answer.application, self._response(answer))
        return responses.OneOwnApplication(application=shown)

    def _application(self, answer: answers.ApplicationAnswer) -> responses.OneApplication:
        shown = shapes.application(answer.application, answer.applicant, self._response(answer))
        return responses.OneApplication(application=shown)

    def _approved(self, answer: answers.ApplicationAnswer) -> responses.ApplicationApproved:
        return responses.ApplicationApproved(
            application=shapes.application(answer.application, answer.applicant, self._response(answer)),
            assigned_slot_id=answer.application.assigned_slot_id,
            slots_remaining=answer.slots_remaining,
        )


def _row(answer: answers.OrderAnswer) -> OrderRow:
    return OrderRow(order=answer.order, money=answer.money, slots=answer.slots)


def _ordered(answer: answers.OrderAnswer) -> responses.Ordered:
    order = answer.order
    playtest = shapes.new_playtest(_row(answer))
    slots = [slot_json.slot(slot, {}) for slot in answer.opened]
    if order.trial != "none":
        return responses.Ordered(playtest=playtest, slots=slots, needs_admin_approval=True)
    paid = bool(slots)
    return responses.Ordered(
        playtest=playtest,
        requires_payment=not paid,
        cost_per_slot_cents=order.cost_per_slot_cents,
        total_cents=order.cost_per_slot_cents * order.quantity,
        slots=slots if paid else UNSET,
        balance_cents=UNSET if answer.balance_cents is None else answer.balance_cents,
    )


def _playtest(answer: answers.OrderAnswer) -> responses.OnePlaytest:
    return responses.OnePlaytest(playtest=shapes.playtest(_row(answer)))


def _paid(answer: answers.OrderAnswer) -> responses.Paid:
    return responses.Paid(
        playtest=shapes.playtest(_row(answer)),
        slots=[slot_json.slot(slot, {}) for slot in answer.opened],
        balance_cents=answer.balance_cents or 0,
    )


def _rejected_slot(answer: answers.SlotAnswer) -> envelopes.Message:
    return envelopes.Message(message="Submission rejected" if answer.successor is None else _RETRY)


def _opened(answer: answers.PaymentAnswer) -> responses.PaymentOpened:
    payment = answer.payment
    return responses.PaymentOpened(
        payment_id=payment.id, amount_cents=payment.amount_cents, checkout_url=None
    )


def _profile(answer: answers.PlaytesterAnswer) -> responses.Profile:
    return shapes.profile(answer.playtester)


def _said(message: str) -> tuple[type[Any], Callable[[Any], Any]]:
    shown = envelopes.Message(message=message)
    return Any, lambda _: shown
