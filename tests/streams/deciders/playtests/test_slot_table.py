"""Every cell of the slots' state table, and every cell that is not in it, generated from the data."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.playtests import names, order_commands, slot_commands
from schemas.playtests import slot_events as ev
from schemas.playtests.states import (
    LIVE,
    SLOT_COMMANDS,
    SLOTS,
    Seat,
    SlotCommand,
    SlotTransition,
    slot_transition,
)
from schemas.playtests.views import SLOT_STATUSES, Rating, SlotStatus
from tests.streams.deciders.playtests.given import COST, DAY_MS, PAYOUT, Playtests, block, keys, submit

MANUAL = frozenset[SlotCommand]({"approve-application", "review-due"})
"""Commands that are for orders with manual selection."""
TIMED = frozenset[SlotCommand]({"review-due", "slot-due", "block-due"})
SILENT = TIMED | {"publish"}
"""What the timer and effects ask is without effect where it is not in the table."""


class Cell:
    """An order of one slot in a status, and what is asked of it."""

    def __init__(self, status: SlotStatus, command: SlotCommand, **more: object) -> None:
        self.world = Playtests()
        if command in MANUAL:
            more = {"selection_mode": "manual"} | more
        self.slot_id = self.world.slot_in(status, keys=keys(1), **more)
        place = names.place_of("slot", self.slot_id)
        assert place is not None
        self.order_id = place[0]
        self.application_id = ""
        if command == "approve-application":
            known = self.world.known(self.order_id)
            number = known.applicants.get("ann") or 0
            if status == "open":
                self.world.applied(self.order_id)
                number = 1
            self.application_id = names.application_id(self.order_id, number or 1)
        if command in TIMED:
            self.world.at_ms += 8 * DAY_MS

    @property
    def status(self) -> SlotStatus:
        return self.world.slot(self.slot_id).status

    @property
    def balance_cents(self) -> int:
        return self.world.studio.account.balance_cents


BODIES: dict[SlotCommand, Callable[[Cell], Message]] = {
    "claim": lambda cell: slot_commands.ClaimSlot(order_id=cell.order_id, playtester_id="bob"),
    "approve-application": lambda cell: order_commands.ApproveApplication(application_id=cell.application_id),
    "review-due": lambda cell: order_commands.ReviewDue(order_id=cell.order_id),
    "submit": lambda cell: submit(cell.slot_id),
    "slot-due": lambda cell: slot_commands.SlotDue(slot_id=cell.slot_id),
    "abandon": lambda cell: slot_commands.AbandonSlot(slot_id=cell.slot_id, playtester_id="ann"),
    "block": lambda cell: block(cell.slot_id),
    "unblock": lambda cell: slot_commands.UnblockSlot(slot_id=cell.slot_id),
    "cancel-order": lambda cell: order_commands.CancelPlaytest(order_id=cell.order_id),
    "cancel-slot": lambda cell: slot_commands.CancelSlot(slot_id=cell.slot_id),
    "block-due": lambda cell: slot_commands.BlockDue(slot_id=cell.slot_id),
    "accept": lambda cell: slot_commands.AcceptSlot(slot_id=cell.slot_id),
    "publish": lambda cell: slot_commands.PublishSlot(slot_id=cell.slot_id, public_key="public/one"),
    "reject": lambda cell: slot_commands.RejectSlot(slot_id=cell.slot_id, reason="short"),
    "reject-with-retry": lambda cell: slot_commands.RejectSlot(slot_id=cell.slot_id, allow_retry=True),
    "rate": lambda cell: slot_commands.RateSlot(slot_id=cell.slot_id, rating=Rating(score=5)),
}
PLAYTESTERS = frozenset[SlotCommand]({"submit", "abandon", "block"})
"""What only the slot's playtester asks: an open slot has none, so that it is nobody's."""


def test_every_command_of_the_table_is_tried() -> None:
    assert set(BODIES) == set(SLOT_COMMANDS)
    assert len({(row.status, row.command) for row in SLOTS}) == len(SLOTS)


@pytest.mark.parametrize(
    ("row", "visibility"),
    [
        (row, visibility)
        for row in SLOTS
        for visibility, never in (("private", "publishing"), ("public", "accepted"))
        if row.status != never
    ],
    ids=lambda value: f"{value.status}-{value.command}" if isinstance(value, SlotTransition) else value,
)
def test_a_row(row: SlotTransition, visibility: str) -> None:
    """A public recording is `publishing` before it is `accepted`, a private one never."""
    cell = Cell(row.status, row.command, visibility=visibility)
    before = cell.balance_cents
    events = cell.world.given(BODIES[row.command](cell))
    to = row.to[-1] if visibility == "public" and len(row.to) > 1 else row.to[0]
    assert cell.status == to
    assert cell.balance_cents - before == (COST if row.seat in {"credited", "reopened"} else 0)
    check_seat(cell, row.seat, events)


def check_seat(cell: Cell, seat: Seat, events: list[Message]) -> None:
    known = cell.world.known(cell.order_id)
    money = known.progress.money
    assert money.paid_cents == COST
    spent = (money.payout_cents, money.fee_cents)
    assert spent == ((PAYOUT, COST - PAYOUT) if seat == "spent" else (0, 0))
    endings = [event for event in events if isinstance(event, ev.SlotEnding)]
    match seat:
        case "kept":
            assert cell.status in LIVE
            assert endings == []
        case "credited" | "reopened":  # without a spare key nothing reopens
            assert [ending.successor for ending in endings] == [None]
            assert endings[0].credit is not None
        case "retried":
            (ending,) = endings
            assert ending.credit is None
            assert ending.successor is not None
            assert ending.successor.status == "reserved"
        case "spent":
            assert endings == []


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (command, status)
        for command in SLOT_COMMANDS
        for status in SLOT_STATUSES
        if slot_transition(status, command) is None
    ],
)
def test_a_cell_outside_the_table_is_refused(command: SlotCommand, status: SlotStatus) -> None:
    cell = Cell(status, command)
    before = cell.world.state
    verdict = cell.world.when(BODIES[command](cell))
    if command in SILENT:
        assert verdict == ()
    elif command == "cancel-order" and status in LIVE:
        cell.world.given(BODIES[command](cell))  # the order ends, the slot runs to its own end
        assert cell.status == status
        return
    else:
        assert isinstance(verdict, CommandRejected)
        assert (verdict.status, verdict.code) == expected(command, status)
    assert cell.world.state is before


def expected(command: SlotCommand, status: SlotStatus) -> tuple[int, str]:
    if command == "claim":
        return 409, "no_open_slot"
    if command == "approve-application":
        return 409, "not_pending"
    if command in PLAYTESTERS and status == "open":
        return 404, "NOT_FOUND"
    if command in PLAYTESTERS and status == "expired":
        return 409, "deadline_passed"
    return 409, "wrong_status"


def test_an_expired_slot_was_lost_to_its_deadline_whoever_asks() -> None:
    """Unblocking or accepting what expired is a wrong status: no deadline of theirs has passed."""
    cell = Cell("expired", "accept")
    assert cell.world.refusal(slot_commands.AcceptSlot(slot_id=cell.slot_id)) == (409, "wrong_status")
