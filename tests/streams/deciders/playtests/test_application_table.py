"""Every cell of the applications' state table, and every cell that is not in it, generated from the data."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.codec import Message
from schemas.playtests import names
from schemas.playtests import order_commands as ask
from schemas.playtests import order_events as ev
from schemas.playtests.states import (
    APPLICATION_COMMANDS,
    APPLICATION_STATUSES,
    APPLICATIONS,
    ApplicationCommand,
    ApplicationTransition,
    application_transition,
)
from schemas.playtests.views import ApplicationStatus
from tests.streams.deciders.playtests.given import DAY_MS, Playtests


class Pool:
    """An order with two seats; ann's application is in a status, bob's is pending where it can be."""

    def __init__(self, status: ApplicationStatus) -> None:
        self.world = Playtests()
        self.order_id = self.world.active(2, selection_mode="manual")
        self.mine = self.world.applied(self.order_id, "ann")
        match status:
            case "approved":
                self.world.given(ask.ApproveApplication(application_id=self.mine))
            case "rejected":
                self.world.given(ask.RejectApplication(application_id=self.mine))
            case "withdrawn":
                self.world.given(withdraw(self.mine))
            case "auto_rejected":
                for who in ("cat", "dan"):
                    self.approve(who)
            case "pending":
                pass
        assert self.status == status

    def approve(self, who: str) -> list[Message]:
        return self.world.given(ask.ApproveApplication(application_id=self.world.applied(self.order_id, who)))

    @property
    def status(self) -> ApplicationStatus:
        place = names.place_of("application", self.mine)
        assert place is not None
        return self.world.known(self.order_id).applications[place[1]].status


def withdraw(application_id: str, who: str = "ann") -> Message:
    return ask.WithdrawApplication(application_id=application_id, playtester_id=who)


def fill(pool: Pool) -> list[Message]:
    events: list[Message] = []
    while pool.world.known(pool.order_id).open:
        events += pool.approve(f"filler {len(pool.world.known(pool.order_id).open)}")
    return events


def close(pool: Pool) -> list[Message]:
    pool.world.at_ms += 7 * DAY_MS
    return pool.world.given(ask.ReviewDue(order_id=pool.order_id))


ASKED: dict[ApplicationCommand, Callable[[Pool], Message]] = {
    "approve": lambda pool: ask.ApproveApplication(application_id=pool.mine),
    "reject": lambda pool: ask.RejectApplication(application_id=pool.mine, custom_message="close"),
    "withdraw": lambda pool: withdraw(pool.mine),
}
HAPPENED: dict[ApplicationCommand, Callable[[Pool], list[Message]]] = {
    "fill-last-slot": fill,
    "close-window": close,
    "cancel-order": lambda pool: pool.world.given(ask.CancelPlaytest(order_id=pool.order_id)),
}


def test_every_command_of_the_table_is_tried() -> None:
    assert ASKED.keys() | HAPPENED.keys() == set(APPLICATION_COMMANDS)
    assert {row.status for row in APPLICATIONS} == {"pending"}


@pytest.mark.parametrize("row", APPLICATIONS, ids=lambda row: row.command)
def test_a_row(row: ApplicationTransition) -> None:
    pool = Pool(row.status)
    if row.command in ASKED:
        pool.world.given(ASKED[row.command](pool))
    else:
        events = HAPPENED[row.command](pool)
        (rejected,) = [event for event in events if isinstance(event, ev.ApplicationsAutoRejected)]
        assert [one.id for one in rejected.applications] == [pool.mine]
    assert pool.status == row.to


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (command, status)
        for command in APPLICATION_COMMANDS
        for status in APPLICATION_STATUSES
        if application_transition(status, command) is None
    ],
)
def test_a_cell_outside_the_table_is_refused(command: ApplicationCommand, status: ApplicationStatus) -> None:
    pool = Pool(status)
    if command in ASKED:
        assert pool.world.refusal(ASKED[command](pool)) == (409, "not_pending")
    elif pool.world.known(pool.order_id).order.status == "active":
        HAPPENED[command](pool)
    assert pool.status == status
