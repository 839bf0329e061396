"""Applications to an order whose owner chooses: made, decided, and when a window is over."""

from __future__ import annotations

from schemas.playtests import (
    order_commands,
    order_events,
    slot_commands,
    slot_events,
)
from schemas.playtests.limits import POOL_MAX
from streams.deciders.playtests.noun import PLAYTESTS
from tests.streams.deciders.playtests.given import (
    DAY_MS,
    Playtests,
    only,
)
from tests.streams.deciders.playtests.one_record import in_one_record, kinds_of, outcomes


def test_apply_here_claim_there_approve_here() -> None:
    world = Playtests()
    here = world.active(targeting_type="new", selection_mode="manual")
    there = world.active(targeting_type="new")
    application = world.applied(here)
    world.claimed(there)
    approve = order_commands.ApproveApplication(application_id=application)
    assert world.refusal(approve) == (409, "not_eligible")
    assert world.known(here).pending == 1


def test_approving_the_last_one_rejects_all_others_at_once_while_one_withdraws_and_another_approves() -> None:
    world = Playtests()
    order_id = world.active(selection_mode="manual")
    mine = [world.applied(order_id, f"p{n}") for n in range(POOL_MAX)]
    overfull = order_commands.MakeApplication(
        order_id=order_id, playtester_id="late", qualifications_response="s"
    )
    assert world.refusal(overfull) == (409, "pool_full")
    decision = in_one_record(
        world,
        order_commands.WithdrawApplication(application_id=mine[0], playtester_id="p0"),
        order_commands.ApproveApplication(application_id=mine[0]),
        order_commands.ApproveApplication(application_id=mine[1]),
        order_commands.WithdrawApplication(application_id=mine[2], playtester_id="p2"),
        order_commands.ApproveApplication(application_id=mine[3]),
        order_commands.RejectApplication(application_id=mine[4]),
    )
    assert outcomes(decision) == [
        "application-withdrawn",
        "not_pending",
        "application-approved",
        *["not_pending"] * 3,
    ]
    approved = decision.record.decided[2].events
    assert [event.type.split(".")[1] for event in approved] == [
        "application-approved",
        "slot-reserved",
        "applications-auto-rejected",
    ]
    rejected = PLAYTESTS.events.decode(approved[2].type, approved[2].data)
    assert isinstance(rejected, order_events.ApplicationsAutoRejected)
    assert [one.id for one in rejected.applications] == mine[2:]
    assert world.known(order_id).pending == 0


def test_a_window_that_is_over_takes_and_approves_nothing_also_before_the_due() -> None:
    world = Playtests()
    order_id = world.active(2, selection_mode="manual")
    application = world.applied(order_id)
    world.at_ms += 7 * DAY_MS - 1
    assert world.given(order_commands.ReviewDue(order_id=order_id)) == []
    world.applied(order_id, "bob")
    world.at_ms += 1
    late = order_commands.MakeApplication(order_id=order_id, playtester_id="cat", qualifications_response="s")
    assert world.refusal(late) == (409, "window_closed")
    assert world.refusal(order_commands.ApproveApplication(application_id=application)) == (
        409,
        "window_closed",
    )
    decision = in_one_record(
        world, order_commands.ReviewDue(order_id=order_id), order_commands.ReviewDue(order_id=order_id)
    )
    assert outcomes(decision) == ["applications-auto-rejected", "nothing"]
    assert kinds_of(decision, 0) == [
        "applications-auto-rejected",
        "slot-expired",
        "slot-expired",
        "playtest-completed",
    ]
    assert world.studio.account.balance_cents == 1_000_000


def test_a_manual_no_show_reopens_in_the_window_and_is_credited_after_it() -> None:
    world = Playtests()
    order_id = world.active(2, selection_mode="manual")
    early = approved(world, order_id, "ann")
    world.at_ms += 5 * DAY_MS
    late = approved(world, order_id, "bob")
    (expired,) = world.given(slot_commands.SlotDue(slot_id=early))
    assert isinstance(expired, slot_events.SlotExpired)
    assert expired.successor is not None
    world.at_ms += 3 * DAY_MS
    (expired,) = world.given(slot_commands.SlotDue(slot_id=late))
    assert isinstance(expired, slot_events.SlotExpired)
    assert (expired.successor, expired.credit is not None) == (None, True)


def approved(world: Playtests, order_id: str, who: str) -> str:
    application = world.applied(order_id, who)
    events = world.given(order_commands.ApproveApplication(application_id=application))
    return only(slot_events.SlotReserved, events).slot.id


def test_each_mode_refuses_what_is_for_the_other() -> None:
    world = Playtests()
    automatic, manual = world.active(), world.active(selection_mode="manual")
    claim = slot_commands.ClaimSlot(order_id=manual, playtester_id="ann")
    apply = order_commands.MakeApplication(
        order_id=automatic, playtester_id="ann", qualifications_response="s"
    )
    assert world.refusal(claim) == (400, "BAD_REQUEST")
    assert world.refusal(apply) == (400, "BAD_REQUEST")


def test_one_application_a_playtester_and_order_for_life() -> None:
    world = Playtests()
    order_id = world.active(selection_mode="manual")
    apply = order_commands.MakeApplication(
        order_id=order_id, playtester_id="ann", qualifications_response="s"
    )
    application = world.applied(order_id)
    assert world.refusal(apply) == (409, "already_claimed")
    theirs = order_commands.WithdrawApplication(application_id=application, playtester_id="bob")
    assert world.refusal(theirs) == (404, "NOT_FOUND")
    world.given(order_commands.WithdrawApplication(application_id=application, playtester_id="ann"))
    assert world.refusal(apply) == (409, "already_claimed")


def test_applications_are_taken_while_a_slot_is_open() -> None:
    world = Playtests()
    order_id = world.active(selection_mode="manual")
    slot_id = approved(world, order_id, "ann")
    apply = order_commands.MakeApplication(
        order_id=order_id, playtester_id="bob", qualifications_response="s"
    )
    assert world.refusal(apply) == (409, "no_open_slot")
    world.given(slot_commands.AbandonSlot(slot_id=slot_id, playtester_id="ann"))
    world.applied(order_id, "bob")
