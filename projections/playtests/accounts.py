"""What happens to money and people, as operations: credit, payments, payouts, profiles, figures, earnings."""

from __future__ import annotations

from typing import Final

from projections.playtests import keys
from projections.playtests.context import Context, Step, encode
from projections.redis.operations import delete, delete_score, set_field, set_score
from schemas.codec import Message
from schemas.playtests import account_events, order_events
from schemas.playtests.account_views import LedgerRow
from schemas.playtests.views import Playtester


def credit(context: Context, studio_id: str, movement: LedgerRow) -> None:
    """A studio's credit moved."""
    context.add(set_field(f"account:{studio_id}", "balance", str(movement.balance_cents)))
    context.ledger(f"ledger:{studio_id}", movement)


def earn(context: Context, playtester: Playtester, movement: LedgerRow) -> None:
    """What a playtester has earned moved."""
    context.ledger(keys.of_playtester("earnings", playtester.studio_id, playtester.id), movement)


def known(context: Context, playtester: Playtester) -> None:
    """A playtester as they are known now, and whether they are owed something."""
    key = keys.of_playtester("playtester", playtester.studio_id, playtester.id)
    owed, cents = f"owed:{playtester.studio_id}", playtester.balance_cents
    owing = set_score(owed, cents, playtester.id) if cents else delete_score(owed, playtester.id)
    context.add(set_field(key, "row", encode(playtester)), owing)


def _paid(context: Context, event: order_events.PlaytestPaid) -> None:
    context.progressed[event.order_id] = (event, event.progress)
    credit(context, event.studio_id, event.movement)


def _payment(
    context: Context,
    event: account_events.PaymentOpened | account_events.PaymentFailed | account_events.PaymentCompleted,
) -> None:
    payment = event.payment
    context.add(set_field(f"payment:{payment.id}", "row", encode(payment)))
    place = keys.place(payment.created_at_ms, payment.id)
    context.listed(f"payments:{event.studio_id}", place, there=True)
    if isinstance(event, account_events.PaymentCompleted):
        credit(context, event.studio_id, event.movement)


def _adjusted(context: Context, event: account_events.AccountAdjusted) -> None:
    credit(context, event.studio_id, event.movement)


def _payout(context: Context, event: account_events.PayoutSent | account_events.PayoutFailed) -> None:
    payout = event.payout
    context.add(set_field(f"payout:{payout.id}", "row", encode(payout)))
    context.listed(f"payouts:{event.studio_id}", keys.place(payout.sent_at_ms, payout.id), there=True)
    known(context, event.playtester)
    earn(context, event.playtester, event.movement)


def _changed(context: Context, event: account_events.PlaytesterChanged) -> None:
    known(context, event.playtester)


def _forgotten(context: Context, event: account_events.PlaytesterForgotten) -> None:
    known(context, event.playtester)
    for kind in ("texts", "notices"):
        context.add(delete(keys.of_playtester(kind, event.studio_id, event.playtester_id)))


STEPS: Final[dict[type[Message], Step]] = {
    order_events.PlaytestPaid: _paid,
    account_events.PaymentOpened: _payment,
    account_events.PaymentCompleted: _payment,
    account_events.PaymentFailed: _payment,
    account_events.AccountAdjusted: _adjusted,
    account_events.PayoutSent: _payout,
    account_events.PayoutFailed: _payout,
    account_events.PlaytesterChanged: _changed,
    account_events.PlaytesterForgotten: _forgotten,
}
