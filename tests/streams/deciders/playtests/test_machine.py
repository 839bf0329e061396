"""Orders, claims, applications, slots and money asked in any order and at any time, against a small model.

Commands go through record, decision, log and fold, as they do in production; retries and restarts come in
between. What must hold is checked after every event, not at rest.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas.codec import Message
from schemas.envelope import Decided
from schemas.log import LogRecord
from schemas.outcomes import messages_of, repetition
from schemas.playtests import account_commands, names, order_commands, slot_commands
from schemas.playtests.answers import outcome_of
from schemas.playtests.person_messages import ForgetPerson
from streams.deciders.decide import decide_record, encode_events_record
from streams.deciders.fold import Fold
from streams.deciders.noun import Request
from streams.deciders.playtests.noun import PLAYTESTS
from tests.streams.deciders.playtests.given import (
    COST,
    DAY_MS,
    HOUR_MS,
    STUDIO,
    Playtests,
    block,
    keys,
    order,
    record_of,
    submit,
)
from tests.streams.deciders.playtests.model import Model, Ordered, Seat
from tests.streams.deciders.playtests.money import check

PEOPLE = st.sampled_from(["ann", "bob", "cat", "dan", "eve"])
SETTINGS = settings(max_examples=150, stateful_step_count=50, deadline=None)


class Partition(RuleBasedStateMachine):
    """One studio's partition."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Playtests(0)
        self.fold = Fold(PLAYTESTS)
        self.log: list[LogRecord] = []
        self.last: Request | None = None
        self.model = Model()
        self.order_ids: list[str] = []

    def ask(self, body: Message) -> int:
        """Through record, decision, log and fold; the status of the answer."""
        self.world.state = self.fold.state
        request = dataclasses.replace(self.world.request(body), at_ms=self.world.at_ms)
        self.last = request
        decided = self.append(request)
        assert repetition(decided) is None
        messages = messages_of(decided, PLAYTESTS.events)
        outcome = outcome_of(decided, messages)
        assert outcome is not None
        if isinstance(body, order_commands.OrderPlaytest) and messages:
            self.order_ids.append(names.order_id(request.command_id))
        return 200 if outcome.status == 201 else outcome.status

    def append(self, request: Request) -> Decided:
        before = self.fold.state
        record = self.record("playtests.commands", self.fold.cursor.src + 1, record_of([request]))
        decision = decide_record(PLAYTESTS, self.fold, record)
        assert decision.dead_letters == []
        events = self.record("playtests.events", len(self.log), encode_events_record(decision.record))
        assert self.fold.accept(events)
        assert self.fold.state == decision.state
        self.log.append(events)
        (decided,) = decision.record.decided
        state = before
        for event, message in zip(decided.events, messages_of(decided, PLAYTESTS.events), strict=False):
            state = PLAYTESTS.evolve(state, message, event.at_ms)
            check(state)
        return decided

    def record(self, topic: str, offset: int, value: bytes) -> LogRecord:
        return LogRecord(
            topic=topic,
            partition=0,
            offset=offset,
            appended_at_ms=max(self.world.at_ms, self.fold.time.now_ms),
            key=None,
            value=value,
        )

    @property
    def now_ms(self) -> int:
        """Effective time of what is asked now."""
        return max(self.world.at_ms, self.fold.state.time_ms)

    def an_order(self, data: st.DataObject) -> tuple[str, Ordered]:
        index = data.draw(st.integers(0, len(self.order_ids) - 1), "order")
        return self.order_ids[index], self.model.orders[index]

    def a_slot(self, data: st.DataObject, *wanted: str) -> tuple[str, Ordered, Seat]:
        """A slot in one of the wanted statuses where there is one, and now and then any."""
        every = [(o, n) for o, found in enumerate(self.model.orders) for n in range(len(found.slots))]
        places = [(o, n) for o, n in every if self.model.orders[o].slots[n].status in wanted]
        if not places or data.draw(st.integers(0, 7), "stray") == 7:
            places = every
        index, number = data.draw(st.sampled_from(places), "slot")
        found = self.model.orders[index]
        return names.slot_id(self.order_ids[index], number + 1), found, found.slots[number]

    def has_slots(self) -> bool:
        return any(found.slots for found in self.model.orders)

    def has_applications(self) -> bool:
        return any(found.applied for found in self.model.orders)

    @rule(by=st.sampled_from([1, HOUR_MS, 20 * HOUR_MS, 2 * DAY_MS, -30_000]))
    def time_passes(self, by: int) -> None:
        """Backwards too: gateways' clocks differ. By days only as the log's time follows."""
        self.world.at_ms = max(self.world.at_ms + by, self.fold.time.now_ms - 200_000)

    @initialize(quantity=st.integers(1, 3), manual=st.booleans(), spares=st.sampled_from([None, 1]))
    def begin(self, quantity: int, spares: int | None, *, manual: bool) -> None:
        """An order that runs, so that short histories reach something too."""
        self.top_up(4 * COST)
        self.make_order(quantity, spares, manual=manual, new_only=False, public=False, pay=True)

    @rule(cents=st.integers(1, 8).map(lambda seats: seats * COST))
    def top_up(self, cents: int) -> None:
        assert self.ask(account_commands.AdjustAccount(amount_cents=cents, reason="more")) == 200
        self.model.balance += cents

    @precondition(lambda self: len(self.order_ids) < 3)
    @rule(
        quantity=st.integers(1, 3),
        manual=st.booleans(),
        new_only=st.booleans(),
        public=st.booleans(),
        spares=st.sampled_from([None, None, 0, 1]),
        pay=st.booleans(),
    )
    def make_order(
        self, quantity: int, spares: int | None, *, manual: bool, new_only: bool, public: bool, pay: bool
    ) -> None:
        more: dict[str, Any] = {
            "selection_mode": "manual" if manual else "automatic",
            "targeting_type": "new" if new_only else None,
            "visibility": "public" if public else "private",
            "pay_from_credit": pay,
            "keys": [] if spares is None else keys(quantity + spares),
        }
        made = Ordered(quantity, manual, new_only, public, spares)
        expected = self.model.pay(made, self.now_ms) if pay else 200
        assert self.ask(order(quantity, **more)) == expected
        if expected == 200:
            self.model.orders.append(made)

    @precondition(lambda self: self.order_ids)
    @rule(data=st.data(), what=st.sampled_from(["pay", "pay", "cancel", "review-due", "review-due"]))
    def about_an_order(self, data: st.DataObject, what: str) -> None:
        order_id, found = self.an_order(data)
        if what == "pay":
            expected, body = self.model.pay(found, self.now_ms), order_commands.PayPlaytest(order_id=order_id)
        elif what == "cancel":
            expected, body = self.model.cancel(found), order_commands.CancelPlaytest(order_id=order_id)  # type: ignore[assignment]
        else:
            if data.draw(st.booleans(), "wait"):
                self.world.at_ms = max(self.world.at_ms, found.expires_ms)
            expected = self.model.review_due(found, self.now_ms)
            body = order_commands.ReviewDue(order_id=order_id)  # type: ignore[assignment]
        assert self.ask(body) == expected

    @precondition(lambda self: self.order_ids)
    @rule(data=st.data(), who=PEOPLE)
    def claim(self, data: st.DataObject, who: str) -> None:
        order_id, found = self.an_order(data)
        expected = self.model.claim(found, who, self.now_ms)
        assert self.ask(slot_commands.ClaimSlot(order_id=order_id, playtester_id=who)) == expected

    @precondition(lambda self: self.order_ids)
    @rule(data=st.data(), who=PEOPLE)
    def apply(self, data: st.DataObject, who: str) -> None:
        order_id, found = self.an_order(data)
        expected = self.model.apply(found, who, self.now_ms)
        body = order_commands.MakeApplication(
            order_id=order_id, playtester_id=who, qualifications_response="s"
        )
        assert self.ask(body) == expected

    @precondition(lambda self: self.has_applications())
    @rule(data=st.data(), what=st.sampled_from(["approve", "approve", "reject", "withdraw"]))
    def review_application(self, data: st.DataObject, what: str) -> None:
        places = [
            (index, number, who)
            for index, found in enumerate(self.model.orders)
            for number, who in enumerate(found.applied)
        ]
        index, number, who = data.draw(st.sampled_from(places), "application")
        found = self.model.orders[index]
        application_id = names.application_id(self.order_ids[index], number + 1)
        body: Message
        if what == "approve":
            expected = self.model.approve(found, who, self.now_ms)
            body = order_commands.ApproveApplication(application_id=application_id)
        elif what == "reject":
            expected = self.model.leave(found, who, "rejected")
            body = order_commands.RejectApplication(application_id=application_id)
        else:
            expected = self.model.leave(found, who, "withdrawn")
            body = order_commands.WithdrawApplication(application_id=application_id, playtester_id=who)
        assert self.ask(body) == expected

    @precondition(lambda self: self.order_ids)
    @rule(data=st.data(), who=PEOPLE, then=st.sampled_from(["nothing", "submit", "submit", "block"]))
    def take_part(self, data: st.DataObject, who: str, then: str) -> None:
        """Claim, or apply and be approved; and go on."""
        order_id, found = self.an_order(data)
        if found.manual:
            body: Message = order_commands.MakeApplication(
                order_id=order_id, playtester_id=who, qualifications_response="s"
            )
            if self.said(body, self.model.apply(found, who, self.now_ms)) == 200:
                application_id = names.application_id(order_id, len(found.applied))
                body = order_commands.ApproveApplication(application_id=application_id)
                self.said(body, self.model.approve(found, who, self.now_ms))
        else:
            body = slot_commands.ClaimSlot(order_id=order_id, playtester_id=who)
            self.said(body, self.model.claim(found, who, self.now_ms))
        for number, seat in enumerate(found.slots):
            if seat.who == who and seat.status == "reserved" and then != "nothing":
                slot_id = names.slot_id(order_id, number + 1)
                body = submit(slot_id, who) if then == "submit" else block(slot_id, who)
                self.said(body, self.model.playtesters(found, seat, who, then, self.now_ms))

    def said(self, body: Message, expected: int) -> int:
        """Ask what the model has answered."""
        assert self.ask(body) == expected
        return expected

    @precondition(lambda self: self.has_slots())
    @rule(
        data=st.data(),
        what=st.sampled_from(["submit", "submit", "abandon", "block"]),
        thief=st.none() | st.none() | PEOPLE,
    )
    def about_ones_slot(self, data: st.DataObject, what: str, thief: str | None) -> None:
        slot_id, found, seat = self.a_slot(data, "reserved")
        who = thief or seat.who or "ann"
        body: Message = submit(slot_id, who)
        if what != "submit":
            body = (
                block(slot_id, who)
                if what == "block"
                else slot_commands.AbandonSlot(slot_id=slot_id, playtester_id=who)
            )
        assert self.ask(body) == self.model.playtesters(found, seat, who, what, self.now_ms)

    @precondition(lambda self: self.has_slots())
    @rule(data=st.data(), what=st.sampled_from(["accept", "reject", "retry", "unblock", "cancel"]))
    def owner_decides(self, data: st.DataObject, what: str) -> None:
        wanted = "blocked" if what in {"unblock", "cancel"} else "submitted"
        slot_id, found, seat = self.a_slot(data, wanted)
        bodies: dict[str, Message] = {
            "accept": slot_commands.AcceptSlot(slot_id=slot_id),
            "reject": slot_commands.RejectSlot(slot_id=slot_id),
            "retry": slot_commands.RejectSlot(slot_id=slot_id, allow_retry=True),
            "unblock": slot_commands.UnblockSlot(slot_id=slot_id),
            "cancel": slot_commands.CancelSlot(slot_id=slot_id),
        }
        assert self.ask(bodies[what]) == self.model.owners(found, seat, what, self.now_ms)

    @precondition(lambda self: self.has_slots())
    @rule(data=st.data(), what=st.sampled_from(["slot", "block"]), early_ms=st.sampled_from([None, 0, 1]))
    def a_due_comes(self, data: st.DataObject, what: str, early_ms: int | None) -> None:
        """Early, late or twice; at its time and a millisecond before it."""
        slot_id, found, seat = self.a_slot(data, "reserved" if what == "slot" else "blocked")
        if early_ms is not None:
            self.world.at_ms = max(self.world.at_ms, seat.due_ms - early_ms)
        if what == "slot":
            expected = self.model.slot_due(found, seat, self.now_ms)
            assert self.ask(slot_commands.SlotDue(slot_id=slot_id)) == expected
        else:
            expected = self.model.block_due(found, seat, self.now_ms)
            assert self.ask(slot_commands.BlockDue(slot_id=slot_id)) == expected

    @rule(who=PEOPLE)
    def forget(self, who: str) -> None:
        """A person, for good, with what they have under way; twice is nothing."""
        pseudonym = names.pseudonym(who.encode().hex().ljust(32, "0"))
        expected = self.model.forget(who, pseudonym)
        assert self.ask(ForgetPerson(playtester_id=who, pseudonym=pseudonym)) == expected

    @rule()
    def retry_the_last(self) -> None:
        """The same command again, in another record: it changes nothing."""
        if self.last is not None and self.last.command_id in self.fold._first_src:
            before = self.fold.state
            assert repetition(self.append(self.last)) is not None
            assert self.fold.state == before

    @rule()
    def restart(self) -> None:
        """Another process folds the log, from a snapshot of the state as well."""
        fold = Fold(PLAYTESTS)
        for record in self.log:
            fold.accept(record)
        assert fold.state == self.fold.state
        assert PLAYTESTS.unpack(PLAYTESTS.pack(fold.state)) == fold.state
        self.fold = fold

    @invariant()
    def the_model_agrees(self) -> None:
        studio = self.fold.state.studios.get(STUDIO)
        if studio is None:
            return
        assert studio.account.balance_cents == self.model.balance
        assert set(studio.forgotten) == self.model.gone
        for who, cents in self.model.earned.items():
            assert studio.playtesters[who].playtester.balance_cents == cents
        for order_id, found in zip(self.order_ids, self.model.orders, strict=True):
            known = studio.orders[order_id]
            money = known.progress.money
            assert known.order.status == found.status
            assert [slot.status for _, slot in sorted(known.slots.items())] == [
                seat.status for seat in found.slots
            ]
            assert [slot.playtester_id or "" for _, slot in sorted(known.slots.items())] == [
                seat.who for seat in found.slots
            ]
            assert [one.status for _, one in sorted(known.applications.items())] == list(
                found.applied.values()
            )
            assert (money.paid_cents, money.held_cents) == (found.paid, found.held)
            assert (money.payout_cents, money.fee_cents) == (found.paid_out, found.fees)
            assert money.credited_cents == found.credited


TestPartition = Partition.TestCase
TestPartition.settings = SETTINGS
