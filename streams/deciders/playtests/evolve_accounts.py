"""How events change accounts and playtesters. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from schemas.codec import Message
from schemas.playtests import account_events as ev
from schemas.playtests.account_views import LedgerRow
from schemas.playtests.views import Playtester
from streams.deciders.playtests.state import Account, PlaytesterState, StudioState

Step = Callable[[StudioState, Any], StudioState]


def moved(account: Account, movement: LedgerRow | None) -> Account:
    """The account after a ledger row."""
    if movement is None:
        return account
    return Account(account.sequence, movement.balance_cents, movement.number)


def playtester_of(studio: StudioState, playtester: Playtester) -> PlaytesterState:
    """What is known of a playtester, as the event says they are now."""
    known = studio.playtesters.get(playtester.id)
    return PlaytesterState(playtester) if known is None else replace(known, playtester=playtester)


def with_playtester(studio: StudioState, known: PlaytesterState) -> StudioState:
    """The studio with one of its panel changed."""
    return replace(studio, playtesters=studio.playtesters.set(known.playtester.id, known))


def _payment(
    studio: StudioState, event: ev.PaymentOpened | ev.PaymentCompleted | ev.PaymentFailed
) -> StudioState:
    movement = event.movement if isinstance(event, ev.PaymentCompleted) else None
    account = moved(studio.account, movement)
    return replace(
        studio,
        account=replace(account, sequence=account.sequence + 1),
        payments=studio.payments.set(event.payment.id, event.payment),
    )


def _adjusted(studio: StudioState, event: ev.AccountAdjusted) -> StudioState:
    account = moved(studio.account, event.movement)
    return replace(studio, account=replace(account, sequence=account.sequence + 1))


def _payout(studio: StudioState, event: ev.PayoutSent | ev.PayoutFailed) -> StudioState:
    known = playtester_of(studio, event.playtester)
    return with_playtester(
        studio,
        replace(
            known,
            sequence=known.sequence + 1,
            movements=event.movement.number,
            payouts=known.payouts.set(event.payout.id, event.payout),
        ),
    )


def _changed(studio: StudioState, event: ev.PlaytesterChanged | ev.PlaytesterForgotten) -> StudioState:
    known = playtester_of(studio, event.playtester)
    forgotten = known.forgotten or isinstance(event, ev.PlaytesterForgotten)
    return with_playtester(studio, replace(known, sequence=known.sequence + 1, forgotten=forgotten))


ACCOUNT_STEPS: Final[dict[type[Message], Step]] = {
    ev.PaymentOpened: _payment,
    ev.PaymentCompleted: _payment,
    ev.PaymentFailed: _payment,
    ev.AccountAdjusted: _adjusted,
    ev.PayoutSent: _payout,
    ev.PayoutFailed: _payout,
    ev.PlaytesterChanged: _changed,
    ev.PlaytesterForgotten: _changed,
}
