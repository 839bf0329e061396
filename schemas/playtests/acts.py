"""Which events of this noun are administrative acts, and what each was done to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.codec import Message
from schemas.playtests import account_events, batch_events, order_events, person_messages, slot_events

ACTS: Final[Mapping[type[Message], str]] = {
    account_events.AccountAdjusted: "studio_id",
    account_events.PayoutSent: "playtester_id",
    account_events.PayoutFailed: "playtester_id",
    account_events.PlaytesterForgotten: "playtester_id",
    person_messages.PersonForgotten: "pseudonym",
    batch_events.KeysImported: "batch_id",
    batch_events.InviteSent: "batch_id",
    batch_events.KeyRevoked: "batch_id",
    batch_events.RecipientForgotten: "batch_id",
    order_events.PlaytestOrdered: "order_id",
    order_events.PlaytestChanged: "order_id",
    order_events.PlaytestCancelled: "order_id",
    order_events.TrialApproved: "order_id",
    order_events.TrialDeclined: "order_id",
    order_events.ApplicationApproved: "application.id",
    order_events.ApplicationRejected: "application.id",
    slot_events.SlotBlocked: "slot.id",
    slot_events.SlotUnblocked: "slot.id",
    slot_events.SlotRated: "slot_id",
    slot_events.SlotRejected: "slot.id",
}
ACTS_OF_KEYS: Final[Mapping[type[Message], str]] = {
    batch_events.BatchDefined: "batch_id",
    batch_events.BatchClosed: "batch_id",
    batch_events.TesterUnlinked: "link.handle",
    slot_events.SlotAccepted: "slot.id",
    slot_events.SlotCancelled: "slot.id",
    slot_events.TranscriptApproved: "slot_id",
}
