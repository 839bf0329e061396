"""An owner's writes as route records, with those of the payment provider and the operator.

Source: the S2 reference; what is ours says the playtests contract.
"""

from __future__ import annotations

from typing import Final

from schemas.playtests import account_commands, bodies, envelopes, order_commands, slot_commands
from schemas.playtests import responses as shapes
from schemas.playtests.examples import PAYMENT_ID
from schemas.playtests.route_parts import (
    APPLICATION,
    APPLICATIONS,
    BILLING,
    GAME,
    MONEY,
    OPERATOR,
    ORDER,
    PLAYTESTS,
    ROOT,
    SLOT,
    SLOTS,
    both,
    write,
)

TRIALS: Final = (
    write(
        "approve_trial",
        f"{ORDER}/trial/approve",
        OPERATOR,
        "Offer a free trial",
        shapes.OnePlaytest,
        command=order_commands.ApproveTrial,
        keys=frozenset(),
        description="The operator's token goes into `Authorization: Bearer`; 404 where there is none.",
    ),
    write(
        "decline_trial",
        f"{ORDER}/trial/decline",
        OPERATOR,
        "Refuse a free trial",
        shapes.OnePlaytest,
        command=order_commands.DeclineTrial,
        keys=frozenset(),
        description="As for approve. The playtest is cancelled, and the game may have another trial.",
    ),
)
PROVIDER_EVENT: Final = write(
    "provider_event",
    f"{BILLING}/provider-events",
    MONEY,
    "What the payment provider says",
    shapes.PaymentEnded,
    body=bodies.ProviderEventBody,
    command=account_commands.CompletePayment,
    keys=frozenset(),
    examples={
        "completed": {
            "id": "evt_3Q7xYz",
            "type": "payment.completed",
            "paymentId": PAYMENT_ID,
            "amountCents": 6000,
            "externalId": "ch_1",
        }
    },
    description="Signed as webhooks are: `X-Questlog-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "
    '"t.body">`, at most 5 minutes old. 404 where the deployment has no secret for it. A payment ends once.',
)
OWNER_WRITES: Final = (
    write(
        "order",
        GAME,
        PLAYTESTS,
        "Order playtests",
        shapes.Ordered,
        body=bodies.OrderBody,
        command=order_commands.OrderPlaytest,
        status=201,
        errors=(402, 404, 409),
        examples={
            "to_be_paid": {
                "visibility": "private",
                "quantity": 3,
                "notesForTesters": "Focus on the tutorial and first boss fight",
            },
            "paid_from_credit": {"quantity": 1, "durationMinutes": 30, "payFromCredit": True},
            "free_trial": {"isFreePublicTrial": True},
            "with_applications": {
                "quantity": 5,
                "selectionMode": "manual",
                "qualifications": "Playtester must be over 55 and own a Quest 3 headset.",
            },
        },
        description="Private, one slot of 60 minutes for one player unless told otherwise. `payFromCredit` "
        "orders and pays in one decision: both happen or neither.",
    ),
    write(
        "change",
        ORDER,
        PLAYTESTS,
        "Change the notes, or add spare keys",
        shapes.OnePlaytest,
        body=bodies.ChangeBody,
        command=order_commands.ChangePlaytest,
        method="PATCH",
        examples={"notes": {"notesForTesters": "Focus on the tutorial"}},
    ),
    write(
        "pay",
        f"{ORDER}/pay",
        PLAYTESTS,
        "Pay from credit and open the slots",
        shapes.Paid,
        command=order_commands.PayPlaytest,
        errors=(402, 404, 409),
    ),
    write(
        "cancel_order",
        f"{ORDER}/cancel",
        PLAYTESTS,
        "Cancel a playtest",
        shapes.OnePlaytest,
        command=order_commands.CancelPlaytest,
        description="Open and blocked slots are credited; reserved and submitted ones run to their end.",
    ),
    write(
        "accept",
        f"{SLOT}/accept",
        SLOTS,
        "Accept a submission",
        envelopes.Message,
        body=bodies.AcceptBody,
        command=slot_commands.AcceptSlot,
        examples={"rated": {"rating": 5, "comment": "Great feedback!"}},
    ),
    write(
        "reject",
        f"{SLOT}/reject",
        SLOTS,
        "Reject a submission",
        envelopes.Message,
        body=bodies.RejectBody,
        command=slot_commands.RejectSlot,
        examples={"with_retry": {"reason": "Video was too short", "allowRetry": True}},
    ),
    write(
        "unblock",
        f"{SLOT}/unblock",
        SLOTS,
        "Let a playtester go on",
        envelopes.Message,
        command=slot_commands.UnblockSlot,
    ),
    write(
        "cancel_slot",
        f"{SLOT}/cancel",
        SLOTS,
        "Cancel a blocked slot",
        envelopes.Message,
        command=slot_commands.CancelSlot,
    ),
    write(
        "rate",
        f"{SLOT}/rating",
        SLOTS,
        "Rate an accepted submission",
        envelopes.Message,
        body=bodies.RatingBody,
        command=slot_commands.RateSlot,
        examples={"rating": {"score": 5, "comment": "Great feedback!"}},
    ),
    *both(
        write(
            "approve_application",
            f"{ROOT}/{APPLICATION}/approve",
            APPLICATIONS,
            "Give an applicant the next open slot",
            shapes.ApplicationApproved,
            command=order_commands.ApproveApplication,
            errors=(400, 404, 409),
        )
    ),
    *both(
        write(
            "reject_application",
            f"{ROOT}/{APPLICATION}/reject",
            APPLICATIONS,
            "Reject an application",
            shapes.OneApplication,
            body=bodies.RejectApplicationBody,
            command=order_commands.RejectApplication,
            errors=(400, 404, 409),
            examples={"note": {"customMessage": "You were close, we'll consider you next round."}},
        )
    ),
    write(
        "top_up",
        f"{BILLING}/credit",
        MONEY,
        "Top the credit up",
        shapes.PaymentOpened,
        body=bodies.CreditBody,
        command=account_commands.OpenPayment,
        status=201,
        examples={"credit": {"amountCents": 6000}},
        description="With `playtestId` the payment, once completed, pays that playtest.",
    ),
    PROVIDER_EVENT,
    *TRIALS,
)
