"""A person who did everything that one of a panel can do, and is then forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.playtests import (
    account_commands,
    account_events,
    names,
    order_commands,
    person_messages,
    slot_commands,
)
from schemas.playtests.views import Rating
from tests.streams.deciders.playtests.given import GAME, only, submit

if TYPE_CHECKING:
    from tests.streams.deciders.playtests.given import Playtests

PSEUDONYM = names.pseudonym("a" * 32)
WORDS = "Words of a person"


def forget(who: str, *handles: str, pseudonym: str = PSEUDONYM) -> person_messages.ForgetPerson:
    theirs = [person_messages.TesterHandle(GAME, one) for one in handles]
    return person_messages.ForgetPerson(playtester_id=who, pseudonym=pseudonym, handles=theirs)


@dataclass(frozen=True)
class Parting:
    """What they left behind, by ids."""

    rated: str
    rejected: str
    blocked: str
    targeted: str
    pending: str
    refused: str


def take_part(world: Playtests, who: str) -> Parting:
    """Slots, applications and money of one person, with words in every text that is kept."""
    world.given(account_commands.ChangePlaytester(playtester_id=who, display_name=WORDS))
    rated = world.claimed(world.active(), who)
    world.given(submit(rated, who, notes=WORDS))
    world.given(slot_commands.AcceptSlot(slot_id=rated, rating=Rating(score=2, comment=WORDS)))
    world.given(slot_commands.RateSlot(slot_id=rated, rating=Rating(score=4, comment=WORDS)))
    world.given(slot_commands.ApproveTranscript(slot_id=rated, version="v", key=WORDS, key_takeaways=[WORDS]))
    sent = account_commands.SendPayout(playtester_id=who, amount_cents=400, external_id=WORDS)
    world.given(sent)
    back = account_commands.SendPayout(playtester_id=who, amount_cents=100, external_id=WORDS)
    sent_back = only(account_events.PayoutSent, world.given(back)).payout
    world.given(account_commands.FailPayout(playtester_id=who, payout_id=sent_back.id, reason=WORDS))
    rejected = world.submitted(world.active(), who)
    world.given(slot_commands.RejectSlot(slot_id=rejected, reason=WORDS))
    blocked = world.claimed(world.active(), who)
    world.given(slot_commands.BlockSlot(slot_id=blocked, playtester_id=who, reason_code="crash", notes=WORDS))
    specific: dict[str, Any] = {"targeting_type": "past", "past_playtester_scope": "specific"}
    targeted = world.active(targeted_playtester_id=who, **specific)
    pending = world.applied(world.active(2, selection_mode="manual"), who)
    filled = world.active(selection_mode="manual")
    world.applied(filled, who)
    world.given(order_commands.ApproveApplication(application_id=world.applied(filled, "bob")))
    refused = world.applied(world.active(selection_mode="manual"), who)
    world.given(order_commands.RejectApplication(application_id=refused, custom_message=WORDS))
    return Parting(rated, rejected, blocked, targeted, pending, refused)
