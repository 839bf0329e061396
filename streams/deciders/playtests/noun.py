"""The playtests noun: every command to the module that decides it, every aggregate by its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import schemas.codec
import schemas.playtests.batch_events
import schemas.playtests.batch_views
import schemas.playtests.events
import schemas.playtests.limits
import schemas.playtests.names
import schemas.playtests.views
from schemas.codec import Message
from schemas.playtests import batch_commands as batch_ask
from schemas.playtests import commands as ask
from schemas.playtests import names
from schemas.playtests.batch_events import BatchEvent, LinkEvent
from schemas.playtests.events import EVENTS, AccountEvent, OrderEvent, PlaytesterEvent
from streams.deciders import fold, log_time, state_chunks
from streams.deciders.noun import Noun, Request, Verdict
from streams.deciders.playtests import (
    accounts,
    applications,
    batch_state,
    batches,
    evolve_accounts,
    evolve_batches,
    evolve_orders,
    evolve_slots,
    orders,
    panel,
    redemptions,
    reviews,
    slots,
    snapshot,
    terms,
    transcripts,
)
from streams.deciders.playtests import evolve as evolving
from streams.deciders.playtests import state as states
from streams.deciders.playtests.evolve import evolve
from streams.deciders.playtests.snapshot import pack, unpack
from streams.deciders.playtests.state import PlaytestsState

_DECIDERS: Final[dict[type[Message], Callable[[PlaytestsState, Request, Any], Verdict]]] = {
    ask.OrderPlaytest: orders.order,
    ask.ChangePlaytest: orders.change,
    ask.PayPlaytest: orders.pay,
    ask.CancelPlaytest: orders.cancel,
    ask.ApproveTrial: orders.approve_trial,
    ask.DeclineTrial: orders.decline_trial,
    ask.ClaimSlot: applications.claim,
    ask.MakeApplication: applications.apply,
    ask.ApproveApplication: applications.approve,
    ask.RejectApplication: applications.reject,
    ask.WithdrawApplication: applications.withdraw,
    ask.SubmitSlot: slots.submit,
    ask.AbandonSlot: slots.abandon,
    ask.BlockSlot: slots.block,
    ask.UnblockSlot: slots.unblock,
    ask.CancelSlot: slots.cancel,
    ask.SlotDue: slots.slot_due,
    ask.BlockDue: slots.block_due,
    ask.ReviewDue: slots.review_due,
    ask.AcceptSlot: reviews.accept,
    ask.RejectSlot: reviews.reject,
    ask.RateSlot: reviews.rate,
    ask.PublishSlot: reviews.publish,
    ask.StartTranscript: transcripts.start,
    ask.ApproveTranscript: transcripts.approve,
    ask.FailTranscript: transcripts.fail,
    ask.OpenPayment: accounts.open_payment,
    ask.CompletePayment: accounts.complete_payment,
    ask.FailPayment: accounts.fail_payment,
    ask.AdjustAccount: accounts.adjust,
    ask.SendPayout: panel.send_payout,
    ask.FailPayout: panel.fail_payout,
    ask.ChangePlaytester: panel.change,
    ask.ForgetPlaytester: panel.forget,
    batch_ask.DefineBatch: batches.define,
    batch_ask.CloseBatch: batches.close,
    batch_ask.BatchDue: batches.batch_due,
    batch_ask.RotateShareToken: batches.rotate_share_token,
    batch_ask.ImportKeys: batches.import_keys,
    batch_ask.RevokeKeys: batches.revoke_keys,
    batch_ask.SendInvites: batches.send_invites,
    batch_ask.OpenInvite: redemptions.open_invite,
    batch_ask.RedeemKey: redemptions.redeem,
    batch_ask.LinkTester: redemptions.link,
    batch_ask.UnlinkTester: redemptions.unlink,
    batch_ask.ForgetRecipient: redemptions.forget,
}


def decide(state: PlaytestsState, request: Request) -> Verdict:
    """The events a command gives, none when it changes nothing, or its refusal."""
    return _DECIDERS[type(request.command)](state, request, request.command)


def aggregate_of(event: Message) -> str:
    """The aggregate an event belongs to. Raises TypeError for another noun's."""
    match event:
        case OrderEvent():
            return names.order_aggregate(event.studio_id, event.order_id)
        case AccountEvent():
            return names.account_aggregate(event.studio_id)
        case PlaytesterEvent():
            return names.playtester_aggregate(event.studio_id, event.playtester_id)
        case BatchEvent():
            return names.batch_aggregate(event.studio_id, event.game_id, event.batch_id)
        case LinkEvent():
            return names.game_aggregate(event.studio_id, event.game_id)
        case _:
            raise TypeError(f"{type(event).__name__} is no event of this noun")


def sequence(state: PlaytestsState, aggregate_id: str) -> int:
    """How many events an aggregate has had."""
    kind, studio_id, *rest = aggregate_id.split("/", 2)
    studio = state.studios.get(studio_id)
    if studio is None:
        return 0
    known: Any = None
    match kind:
        case "account":
            known = studio.account
        case "order":
            known = studio.orders.get(rest[0])
        case "playtester":
            known = studio.playtesters.get(rest[0])
        case "game":
            known = studio.games.get(rest[0])
        case "batch":
            known = studio.batches.get(aggregate_id)
        case _:
            pass
    return known.sequence if known is not None else 0


def _time_of(state: PlaytestsState, _aggregate_id: str) -> int:
    return state.time_ms


PLAYTESTS: Final = Noun(
    name="playtests",
    commands=ask.COMMANDS,
    events=EVENTS,
    initial=PlaytestsState(),
    decide=decide,
    evolve=evolve,
    aggregate_of=aggregate_of,
    sequence=sequence,
    time_of=_time_of,
    pack=pack,
    unpack=unpack,
    code=(
        states,
        batch_state,
        state_chunks,
        snapshot,
        evolving,
        evolve_accounts,
        evolve_batches,
        evolve_orders,
        evolve_slots,
        terms,
        fold,
        log_time,
        schemas.codec,
        schemas.playtests.batch_events,
        schemas.playtests.batch_views,
        schemas.playtests.events,
        schemas.playtests.limits,
        schemas.playtests.names,
        schemas.playtests.views,
    ),
)
