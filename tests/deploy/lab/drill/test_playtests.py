"""The playtests drill: its model agrees with the decider and sees what is wrong; its histories too."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from deploy.lab.drill.playtests_history import SlotOperation, check_slot
from deploy.lab.drill.playtests_model import Model
from schemas.codec import Message
from schemas.envelope import Event
from schemas.playtests import account_commands, order_commands, slot_commands
from schemas.playtests.events import EVENTS
from schemas.playtests.views import Rating
from tests.streams.deciders.playtests.given import DAY_MS, STUDIO, Playtests, block, keys, submit

READ = "read"


class Told(Playtests):
    """The real decider; every event goes to the drill's model as well, or is kept for a later one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        super().__init__()

    def given(self, body: Message, game_id: str = "game_1", **more: Any) -> list[Message]:
        happened = super().given(body, game_id, **more)
        at_ms = max(self.at_ms, self.state.time_ms)
        self.events += [
            Event(type=one.WIRE, aggregate_id="", sequence=0, at_ms=at_ms, data=EVENTS.encode(one))
            for one in happened
        ]
        return happened


def folded(events: list[Event]) -> Model:
    model = Model()
    for number, event in enumerate(events):
        model.fold(str(number), event)
    return model


@pytest.fixture(scope="module")
def told() -> Told:
    """A bit of everything."""
    world = Told()
    order = world.active(3, keys=keys(4))
    for who in ("ann", "bea"):
        world.given(submit(world.claimed(order, who), who))
    slot = world.claimed(order, "cid")
    world.given(slot_commands.AbandonSlot(slot_id=slot, playtester_id="cid"))
    slots = [world.claimed(order, "dan")]
    world.given(block(slots[0], "dan"))
    world.given(slot_commands.UnblockSlot(slot_id=slots[0]))
    world.given(slot_commands.AbandonSlot(slot_id=slots[0], playtester_id="dan"))
    public = world.active(2, visibility="public")
    first = world.submitted(public, "ann")
    world.given(slot_commands.AcceptSlot(slot_id=first, rating=Rating(score=4)))
    world.given(slot_commands.PublishSlot(slot_id=first, public_key="public/one"))
    second = world.submitted(public, "bea")
    world.given(slot_commands.RejectSlot(slot_id=second, reason="short", allow_retry=True))
    world.given(order_commands.CancelPlaytest(order_id=public))
    manual = world.active(2, selection_mode="manual")
    applications = [world.applied(manual, who) for who in ("ann", "bea", "cid")]
    world.given(order_commands.WithdrawApplication(application_id=applications[0], playtester_id="ann"))
    world.given(order_commands.ApproveApplication(application_id=applications[1]))
    unpaid = world.ordered(2)
    payment = world.given(
        account_commands.OpenPayment(amount_cents=5000, provider="external", order_id=unpaid)
    )
    world.given(
        account_commands.CompletePayment(
            payment_id=payment[0].payment.id,  # type: ignore[attr-defined]
            amount_cents=5000,
            external_id="one",
        )
    )
    world.given(account_commands.SendPayout(playtester_id="ann", amount_cents=500))
    world.trial()
    world.at_ms += 8 * DAY_MS
    world.given(order_commands.ReviewDue(order_id=manual))
    return world


def test_the_model_follows_the_decider(told: Told) -> None:
    model = folded(told.events)
    assert model.problems == []
    assert model.events > 30
    studio = model.studios[STUDIO]
    assert studio.account.balance == told.studio.account.balance_cents
    for order_id, known in told.studio.orders.items():
        order = studio.orders[order_id]
        assert [seat.status for seat in order.slots.values()] == [
            known.slots[number].status for number in order.slots
        ]
        assert order.held == known.progress.money.held_cents


def _without(events: list[Event], name: str) -> list[Event]:
    at = next(number for number, event in enumerate(events) if name in event.type)
    return events[:at] + events[at + 1 :]


def _twice(events: list[Event], name: str) -> list[Event]:
    at = next(number for number, event in enumerate(events) if name in event.type)
    return [*events[: at + 1], events[at], *events[at + 1 :]]


@pytest.mark.parametrize(
    "name",
    ["slot-reserved", "slot-accepted", "slot-abandoned", "slot-rejected", "playtest-paid", "payout-sent"],
)
def test_the_model_sees_an_event_that_is_lost_or_doubled(told: Told, name: str) -> None:
    assert folded(_twice(told.events, name)).problems
    if name != "payout-sent":  # nothing came after it
        assert folded(_without(told.events, name)).problems


def test_the_model_sees_a_cent_too_much(told: Told) -> None:
    at = next(number for number, event in enumerate(told.events) if "slot-abandoned" in event.type)
    data = msgspec.msgpack.decode(told.events[at].data)
    data["progress"]["money"]["held_cents"] += 1
    wrong = msgspec.structs.replace(told.events[at], data=msgspec.msgpack.encode(data))
    assert "money is told as" in folded([*told.events[:at], wrong]).problems[0]


def op(kind: Any, begin: float, end: float, status: Any = None, *, ok: bool | None = True) -> SlotOperation:
    return SlotOperation(kind=kind, status=status, ok=ok, invoked_s=begin, returned_s=end)


MADE = op("create", 0, 1, "open")
CLAIMED = op("claim", 2, 3, "reserved")
SUBMITTED = op("submit", 4, 5, "submitted")


@pytest.mark.parametrize(
    "history",
    [
        [MADE, op("none-open", 0, 1), CLAIMED, op("none-open", 2, 3)],
        [MADE, CLAIMED, op(READ, 2.5, 3.5, "open"), op(READ, 2.6, 3.6, "reserved")],
        [MADE, CLAIMED, SUBMITTED, op("accept", 6, 9, "accepted"), op("reject", 6, 9, ok=False)],
        [MADE, CLAIMED, SUBMITTED, op("slot-due", 0, float("inf"), ok=None)],
        [MADE, CLAIMED, op("cancel-order", 4, 5), op("submit", 6, 7, "submitted")],
    ],
)
def test_a_history_with_an_order_holds(history: list[SlotOperation]) -> None:
    assert check_slot(history).linearizable is True


@pytest.mark.parametrize(
    "history",
    [
        [MADE, CLAIMED, op("claim", 4, 5, "reserved")],
        [MADE, op("none-open", 2, 3), op("claim", 4, 5, "reserved")],
        [MADE, CLAIMED, op(READ, 4, 5, "open")],
        [MADE, CLAIMED, SUBMITTED, op("accept", 6, 9, "accepted"), op("reject", 6, 9, "rejected")],
        [MADE, op("cancel-order", 2, 3), op("claim", 4, 5, "reserved")],
        [MADE, CLAIMED, SUBMITTED, op("accept", 6, 7, ok=False)],
    ],
)
def test_a_history_without_one_does_not(history: list[SlotOperation]) -> None:
    assert check_slot(history).linearizable is False
