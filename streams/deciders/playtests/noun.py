"""The playtests noun: every command to the module that decides it, every aggregate by its id."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Final

import schemas.playtests.account_events
import schemas.playtests.account_views
import schemas.playtests.batch_events
import schemas.playtests.batch_views
import schemas.playtests.events
import schemas.playtests.limits
import schemas.playtests.names
import schemas.playtests.order_events
import schemas.playtests.person_messages
import schemas.playtests.slot_events
import schemas.playtests.views
from schemas.codec import Message
from schemas.playtests import account_commands, names, order_commands, person_messages, slot_commands
from schemas.playtests import batch_commands as batch_ask
from schemas.playtests.account_events import AccountEvent, PlaytesterEvent
from schemas.playtests.batch_events import BatchEvent, LinkEvent
from schemas.playtests.commands import COMMANDS
from schemas.playtests.events import EVENTS
from schemas.playtests.order_events import OrderEvent
from streams.deciders.fold_code import FOLD_CODE
from streams.deciders.noun import Noun, Request, Verdict, decided_by, time_of_state
from streams.deciders.playtests import (
    accounts,
    applications,
    batch_state,
    batches,
    evolve_accounts,
    evolve_batches,
    evolve_forgotten,
    evolve_orders,
    evolve_slots,
    forgetting,
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

_Decide = Callable[[PlaytestsState, Request], Verdict]
_DECIDERS: Final[dict[type[Message], Callable[[PlaytestsState, Request, Any], Verdict]]] = {
    order_commands.OrderPlaytest: orders.order,
    order_commands.ChangePlaytest: orders.change,
    order_commands.PayPlaytest: orders.pay,
    order_commands.CancelPlaytest: orders.cancel,
    order_commands.ApproveTrial: orders.approve_trial,
    order_commands.DeclineTrial: orders.decline_trial,
    slot_commands.ClaimSlot: applications.claim,
    order_commands.MakeApplication: applications.apply,
    order_commands.ApproveApplication: applications.approve,
    order_commands.RejectApplication: applications.reject,
    order_commands.WithdrawApplication: applications.withdraw,
    slot_commands.SubmitSlot: slots.submit,
    slot_commands.AbandonSlot: slots.abandon,
    slot_commands.BlockSlot: slots.block,
    slot_commands.UnblockSlot: slots.unblock,
    slot_commands.CancelSlot: slots.cancel,
    slot_commands.SlotDue: slots.slot_due,
    slot_commands.BlockDue: slots.block_due,
    order_commands.ReviewDue: slots.review_due,
    slot_commands.AcceptSlot: reviews.accept,
    slot_commands.RejectSlot: reviews.reject,
    slot_commands.RateSlot: reviews.rate,
    slot_commands.PublishSlot: reviews.publish,
    slot_commands.StartTranscript: transcripts.start,
    slot_commands.ApproveTranscript: transcripts.approve,
    slot_commands.FailTranscript: transcripts.fail,
    account_commands.OpenPayment: accounts.open_payment,
    account_commands.CompletePayment: accounts.complete_payment,
    account_commands.FailPayment: accounts.fail_payment,
    account_commands.AdjustAccount: accounts.adjust,
    account_commands.SendPayout: panel.send_payout,
    account_commands.FailPayout: panel.fail_payout,
    account_commands.ChangePlaytester: panel.change,
    account_commands.ForgetPlaytester: panel.forget,
    person_messages.ForgetPerson: forgetting.forget,
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
            known = studio.playtesters.get(rest[0]) or studio.forgotten.get(rest[0])
        case "game":
            known = studio.games.get(rest[0])
        case "batch":
            known = studio.batches.get(aggregate_id)
        case _:
            pass
    return known.sequence if known is not None else 0


def _but_of_forgotten(decide: _Decide) -> _Decide:
    """The same, where nothing is decided for a person who is forgotten."""

    def decided(state: PlaytestsState, request: Request) -> Verdict:
        refusal = forgetting.refused_to_forgotten(state, request)
        return refusal if refusal is not None else decide(state, request)

    return decided


PLAYTESTS: Final = Noun(
    name="playtests",
    commands=COMMANDS,
    events=EVENTS,
    initial=PlaytestsState(),
    decide=_but_of_forgotten(decided_by(_DECIDERS)),
    evolve=evolve,
    aggregate_of=aggregate_of,
    sequence=sequence,
    time_of=time_of_state,
    pack=pack,
    unpack=unpack,
    code=(
        *FOLD_CODE,
        states,
        batch_state,
        snapshot,
        evolving,
        evolve_accounts,
        evolve_batches,
        evolve_forgotten,
        evolve_orders,
        evolve_slots,
        terms,
        schemas.playtests.account_events,
        schemas.playtests.account_views,
        schemas.playtests.batch_events,
        schemas.playtests.batch_views,
        schemas.playtests.events,
        schemas.playtests.limits,
        schemas.playtests.names,
        schemas.playtests.order_events,
        schemas.playtests.person_messages,
        schemas.playtests.slot_events,
        schemas.playtests.views,
    ),
)


def with_keys_per_batch(keys_max: int) -> Noun[PlaytestsState]:
    """The noun with another limit of a batch's keys, which few operations reach."""
    import_keys = functools.partial(batches.import_keys, keys_max=keys_max)
    table = dict(_DECIDERS)
    table[batch_ask.ImportKeys] = import_keys
    return dataclasses.replace(PLAYTESTS, decide=_but_of_forgotten(decided_by(table)))
