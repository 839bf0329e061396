"""A forgotten person: their id is nowhere, money and states are as before, nobody goes by it later."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from immutables import Map
from msgspec.structs import replace

from schemas.playtests import (
    account_commands,
    batch_events,
    names,
    order_commands,
    order_events,
    person_messages,
    slot_commands,
)
from schemas.playtests.batch_commands import SendInvites
from schemas.playtests.person_messages import ForgetPerson, PersonForgotten
from schemas.playtests.slot_commands import StoredObject
from schemas.playtests.slot_events import SlotAccepted, SlotPublished, SlotRejected
from schemas.playtests.views import Rating
from streams.deciders.playtests.noun import PLAYTESTS
from tests.streams.deciders.playtests.given import (
    DAY_MS,
    GAME,
    PAYOUT,
    Playtests,
    block,
    kinds,
    only,
    order,
    submit,
)
from tests.streams.deciders.playtests.test_batches import (
    BATCH,
    Batches,
    invite,
    linked,
    public,
    redeem,
    token_of,
)

GONE = names.pseudonym("a" * 32)


def forget(who: str = "ann", *handles: tuple[str, str], pseudonym: str = GONE) -> ForgetPerson:
    theirs = [person_messages.TesterHandle(*one) for one in handles]
    return ForgetPerson(playtester_id=who, pseudonym=pseudonym, handles=theirs)


def texts_of(value: Any) -> set[str]:
    """Every text of a state."""
    if isinstance(value, msgspec.Struct):
        return texts_of(msgspec.structs.astuple(value))
    if hasattr(value, "items"):
        return {text for pair in value.items() for one in pair for text in texts_of(one)}
    if isinstance(value, list | tuple):
        return {text for one in value for text in texts_of(one)}
    return {value} if isinstance(value, str) else set()


def money_of(world: Playtests) -> Any:
    """What is counted, owed and credited, and the status of every slot."""
    return (
        world.studio.account,
        {order_id: known.progress for order_id, known in world.studio.orders.items()},
        {
            (order_id, number): slot.status
            for order_id, known in world.studio.orders.items()
            for number, slot in known.slots.items()
        },
        sorted(
            (known.playtester.balance_cents, known.movements, known.playtester.accepted_count)
            for known in world.studio.playtesters.values()
        ),
    )


def test_a_pseudonym_is_a_uuid_as_a_playtesters_id_is() -> None:
    assert GONE == "aaaaaaaa-aaaa-8aaa-aaaa-aaaaaaaaaaaa"
    assert names.pseudonym("0" * 32) == "00000000-0000-8000-8000-000000000000"


def test_everything_of_theirs_is_under_the_pseudonym_and_money_is_as_it_was() -> None:
    world = Playtests()
    world.given(account_commands.ChangePlaytester(playtester_id="ann", display_name="Ann", validated=True))
    rated = world.accepted("ann")
    world.given(slot_commands.RateSlot(slot_id=rated, rating=Rating(score=4, comment="good")))
    world.given(account_commands.SendPayout(playtester_id="ann", amount_cents=10, external_id="iban"))
    specific: dict[str, Any] = {"targeting_type": "past", "past_playtester_scope": "specific"}
    targeted = world.active(targeted_playtester_id="ann", **specific)
    manual = world.active(2, selection_mode="manual")
    pending = world.applied(manual, "ann")
    world.applied(manual, "bob")
    reserved = world.claimed(world.active(), "ann")
    before, panel, bob = money_of(world), world.panel("ann"), world.known(manual).applications[2]

    events = world.given(forget())
    told = only(PersonForgotten, events)
    assert money_of(world) == before
    assert set(world.studio.forgotten) == {"ann", GONE}
    others = replace(world.studio, forgotten=Map())
    assert not {"ann", "Ann", "iban"} & texts_of(others)
    left = world.panel(GONE)
    assert left.playtester.validated_at_ms is None
    assert (left.playtester.rating_total, left.games, left.movements) == (4, panel.games, panel.movements)
    (payout,) = left.payouts.values()
    assert (payout.playtester_id, payout.amount_cents) == (GONE, 10)
    assert {one.slot.id: (one.slot.status, one.rating, one.slot.playtester_id) for one in told.slots} == {
        rated: ("accepted", 4, GONE),
        reserved: ("reserved", 0, GONE),
    }
    assert [one.id for one in told.applications] == [pending]
    withdrawn = only(order_events.ApplicationWithdrawn, events)
    assert (withdrawn.application.playtester_id, withdrawn.qualifications_response) == (GONE, "")
    assert world.known(manual).applications[1].status == "withdrawn"
    assert world.known(manual).applications[2] == bob
    assert [order.id for order in told.orders] == [targeted]
    assert world.known(targeted).order.targeted_playtester_id == GONE
    assert PLAYTESTS.unpack(PLAYTESTS.pack(world.state)) == world.state

    for again in (forget(), forget(pseudonym=names.pseudonym("b" * 32)), forget(GONE)):
        assert world.given(again) == []


def test_whatever_they_ask_later_is_of_an_id_that_is_not_there() -> None:
    world = Playtests()
    slot_id = world.claimed(world.active(), "ann")
    manual = world.active(2, selection_mode="manual")
    application_id = world.applied(manual, "ann")
    offered = world.active()
    world.accepted("ann")
    world.given(forget())
    for who in ("ann", GONE):
        for asked in (
            account_commands.ChangePlaytester(playtester_id=who, display_name="A"),
            slot_commands.ClaimSlot(order_id=offered, playtester_id=who),
            order_commands.MakeApplication(order_id=manual, playtester_id=who, qualifications_response="s"),
            order_commands.WithdrawApplication(application_id=application_id, playtester_id=who),
            submit(slot_id, who),
            block(slot_id, who),
            slot_commands.AbandonSlot(slot_id=slot_id, playtester_id=who),
        ):
            assert world.refusal(asked) == (404, "NOT_FOUND"), asked
        for_them = order(targeting_type="past", past_playtester_scope="specific", targeted_playtester_id=who)
        assert world.refusal(for_them) == (422, "VALIDATION_ERROR")
    payout = account_commands.SendPayout(playtester_id="ann", amount_cents=1)
    assert world.refusal(payout) == (404, "NOT_FOUND")
    world.claimed(offered, "bob")  # all others go on


def test_an_id_of_which_nothing_is_known_is_closed_all_the_same() -> None:
    world = Playtests()
    told = only(PersonForgotten, world.given(forget()))
    assert (told.playtester, told.slots, told.applications, told.orders) == (None, [], [], [])
    assert GONE not in world.studio.playtesters
    claim = slot_commands.ClaimSlot(order_id=world.active(), playtester_id="ann")
    assert world.refusal(claim) == (404, "NOT_FOUND")
    profile = account_commands.ChangePlaytester(playtester_id="ann", display_name="A")
    assert isinstance(world.when(profile, studio_id="user_2"), tuple), "another studio's person"


def test_what_they_had_under_way_goes_on_without_them() -> None:
    """Money comes to the pseudonym, and can be paid out to it; a seat is given to somebody else."""
    world = Playtests()
    submitted = world.submitted(world.active(visibility="public"), "ann")
    retried = world.submitted(world.active(), "ann")
    order_id = world.active()
    reserved = world.claimed(order_id, "ann")
    blocked = world.slot_in("blocked")
    world.given(forget())

    accepted = only(SlotAccepted, world.given(slot_commands.AcceptSlot(slot_id=submitted)))
    assert (accepted.playtester.id, accepted.playtester.balance_cents) == (GONE, PAYOUT)
    published = world.given(slot_commands.PublishSlot(slot_id=submitted, public_key="public/ann.mp4"))
    assert only(SlotPublished, published).public_key == ""
    world.given(account_commands.SendPayout(playtester_id=GONE, amount_cents=PAYOUT))
    assert world.panel(GONE).playtester.balance_cents == 0
    rejected = world.given(slot_commands.RejectSlot(slot_id=retried, allow_retry=True))
    assert only(SlotRejected, rejected).slot.playtester_id == GONE
    world.given(slot_commands.UnblockSlot(slot_id=blocked))
    world.at_ms += 3 * DAY_MS
    world.given(slot_commands.SlotDue(slot_id=reserved))
    assert world.slot(world.claimed(order_id, "bob")).status == "reserved"


def test_no_transcript_of_theirs_is_taken_any_more() -> None:
    world = Playtests()
    slot_id = world.claimed(world.active(), "ann")
    world.given(submit(slot_id, transcribe=True))
    world.given(slot_commands.StartTranscript(slot_id=slot_id))
    (told,) = only(PersonForgotten, world.given(forget())).slots
    assert (told.transcription, world.slot(slot_id).transcription) == ("failed", "failed")
    done = slot_commands.ApproveTranscript(slot_id=slot_id, version="v", key="t", key_takeaways=["Ann says"])
    assert world.refusal(done) == (404, "NOT_FOUND")
    own = world.claimed(world.active(), "bob")
    world.given(submit(own, "bob", transcript=StoredObject(key="t", size_bytes=1)))
    (told,) = only(PersonForgotten, world.given(forget("bob", pseudonym=names.pseudonym("b" * 32)))).slots
    assert told.transcription == "approved"


def test_who_was_forgotten_in_the_panel_before_is_forgotten_whole() -> None:
    world = Playtests()
    slot_id = world.accepted("ann")
    world.given(account_commands.ForgetPlaytester(playtester_id="ann"))
    world.given(forget())
    assert world.slot(slot_id).playtester_id == GONE
    forgotten = account_commands.ForgetPlaytester(playtester_id="ann")
    assert world.refusal(forgotten) == (404, "NOT_FOUND")


@pytest.mark.parametrize("by", ["handle", "device"])
def test_keys_under_their_handle_and_their_devices_link_say_nothing_of_them(by: str) -> None:
    batches = public("a", "b")
    batches.given(redeem(handle="Ann", email="ann@x", country="DE"))
    batches.given(redeem(handle="Bob", email="bob@x"))
    batches.given(linked(batches, "d1"))
    bob = batches.key(2)
    asked = forget("d1") if by == "device" else forget("somebody", (GAME, "Ann"), ("game_2", "Bob"))
    events = batches.given(asked)
    assert kinds(events) == ["TesterUnlinked", "RecipientForgotten", "PersonForgotten"]
    assert only(batch_events.TesterUnlinked, events).reason == "forgotten"
    (key,) = only(batch_events.RecipientForgotten, events).keys
    redemption = key.redemption
    assert redemption is not None
    assert (key.number, redemption.handle, redemption.email) == (1, None, None)
    assert batches.key(2) == bob
    assert "ann" not in batches.game.handles
    assert not {"Ann", "sealed ann@x", "print of ann@x"} & texts_of(batches.studio.batches)
    late = linked(batches, "d1", number=2, claim="claim of Bob")
    verdict = batches.when(late)
    assert isinstance(verdict, tuple) == (by == "handle"), "a forgotten device is linked to nothing"
    again = batches.given(asked)
    assert again == []


def test_a_handle_that_is_written_otherwise_or_of_another_game_is_not_theirs() -> None:
    batches = public("a")
    batches.given(redeem(handle="Ann"))
    for handle in ((GAME, "ann"), ("game_2", "Ann"), (GAME, "Anna")):
        events = batches.given(forget(f"p {handle}", handle, pseudonym=names.pseudonym("c" * 32)))
        assert kinds(events) == ["PersonForgotten"]
    redemption = batches.key(1).redemption
    assert redemption is not None
    assert redemption.handle == "Ann"


def test_the_invite_of_a_key_goes_with_it() -> None:
    batches = Batches("a", "b")
    invite_id = batches.invited("ann@x")
    batches.given(redeem(token_of("ann@x"), "Ann", invite_id=invite_id))
    batches.given(forget("d1", (GAME, "Ann")))
    assert batches.batch.invites[invite_id].email == ""
    assert dict(batches.batch.emails) == {}
    batches.given(SendInvites(batch_id=BATCH, invites=[invite("ann@x")]))
