"""The two state tables of an order: what may happen to a slot and to an application, as data.

Deciders, OpenAPI and tests read the same rows. What is in no row is refused: 409 `wrong_status` for a slot,
`not_pending` for an application; what the timer or an effect asks is then without effect instead.
Source: the playtests contract, "Slots".
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from schemas.playtests.refusals import Reason
from schemas.playtests.views import ApplicationStatus, SlotStatus

SlotCommand = Literal[
    "claim",
    "approve-application",
    "review-due",
    "submit",
    "slot-due",
    "abandon",
    "block",
    "unblock",
    "cancel-order",
    "cancel-slot",
    "block-due",
    "accept",
    "publish",
    "reject",
    "reject-with-retry",
    "rate",
]
Seat = Literal["kept", "credited", "reopened", "retried", "spent"]
"""What becomes of the slot's money: it stays on the slot; it comes back as credit; an open successor takes
it, or it is credited where nothing reopens; a reserved successor takes it; it goes as payout and fee."""

ApplicationCommand = Literal[
    "approve", "reject", "withdraw", "fill-last-slot", "close-window", "cancel-order"
]

SLOT_COMMANDS: Final[tuple[SlotCommand, ...]] = get_args(SlotCommand)
APPLICATION_STATUSES: Final[tuple[ApplicationStatus, ...]] = get_args(ApplicationStatus)
APPLICATION_COMMANDS: Final[tuple[ApplicationCommand, ...]] = get_args(ApplicationCommand)

LIVE: Final = frozenset[SlotStatus]({"open", "reserved", "submitted", "blocked"})
"""A paid seat's money is on exactly one slot with one of these."""


class SlotTransition(msgspec.Struct, frozen=True):
    """One row of the slots' table. `otherwise` are the reasons of the 409 where a guard doesn't hold."""

    status: SlotStatus
    command: SlotCommand
    guard: str
    to: tuple[SlotStatus, ...]
    seat: Seat
    otherwise: tuple[Reason, ...] = ()


class ApplicationTransition(msgspec.Struct, frozen=True):
    """One row of the applications' table."""

    status: ApplicationStatus
    command: ApplicationCommand
    guard: str
    to: ApplicationStatus
    otherwise: tuple[Reason, ...] = ()


SLOTS: Final = (
    SlotTransition(
        "open",
        "claim",
        "the order is active, approved and automatic; the playtester is eligible and never had a slot here",
        ("reserved",),
        "kept",
        ("wrong_status", "not_eligible", "already_claimed", "no_open_slot"),
    ),
    SlotTransition(
        "open",
        "approve-application",
        "the application is pending, its playtester eligible, and the window open",
        ("reserved",),
        "kept",
        ("not_pending", "not_eligible", "window_closed", "no_open_slot"),
    ),
    SlotTransition("open", "review-due", "manual, 7 days after activation", ("expired",), "credited"),
    SlotTransition(
        "reserved",
        "submit",
        "before the deadline; the upload is stored",
        ("submitted",),
        "kept",
        ("deadline_passed", "upload_missing"),
    ),
    SlotTransition("reserved", "slot-due", "at the deadline", ("expired",), "reopened"),
    SlotTransition(
        "reserved", "abandon", "before the deadline", ("cancelled",), "reopened", ("deadline_passed",)
    ),
    SlotTransition("reserved", "block", "before the deadline", ("blocked",), "kept", ("deadline_passed",)),
    SlotTransition(
        "blocked", "unblock", "within 7 days of the report", ("reserved",), "kept", ("deadline_passed",)
    ),
    SlotTransition("open", "cancel-order", "the order is active", ("cancelled",), "credited"),
    SlotTransition("blocked", "cancel-order", "the order is active", ("cancelled",), "credited"),
    SlotTransition("blocked", "cancel-slot", "", ("cancelled",), "credited"),
    SlotTransition("blocked", "block-due", "7 days after the report", ("cancelled",), "credited"),
    SlotTransition("submitted", "accept", "", ("accepted", "publishing"), "spent"),
    SlotTransition(
        "publishing", "publish", "the recording is copied to a public key, or is gone", ("accepted",), "spent"
    ),
    SlotTransition("submitted", "reject", "", ("rejected",), "credited"),
    SlotTransition("submitted", "reject-with-retry", "", ("rejected",), "retried"),
    SlotTransition("accepted", "rate", "", ("accepted",), "spent"),
    SlotTransition("publishing", "rate", "", ("publishing",), "spent"),
)
"""Every row of the table: a pair of status and command is in it once."""

APPLICATIONS: Final = (
    ApplicationTransition(
        "pending",
        "approve",
        "eligible, and before applicationsExpireAt; it gets the lowest open slot",
        "approved",
        ("not_eligible", "window_closed", "no_open_slot"),
    ),
    ApplicationTransition("pending", "reject", "", "rejected"),
    ApplicationTransition("pending", "withdraw", "", "withdrawn"),
    ApplicationTransition("pending", "fill-last-slot", "", "auto_rejected"),
    ApplicationTransition("pending", "close-window", "", "auto_rejected"),
    ApplicationTransition("pending", "cancel-order", "", "auto_rejected"),
)
"""An application leaves `pending` once."""

_SLOTS: Final = {(row.status, row.command): row for row in SLOTS}
_APPLICATIONS: Final = {(row.status, row.command): row for row in APPLICATIONS}


def slot_transition(status: SlotStatus, command: SlotCommand) -> SlotTransition | None:
    """The row of a status and a command; None where the table has none."""
    return _SLOTS.get((status, command))


def application_transition(
    status: ApplicationStatus, command: ApplicationCommand
) -> ApplicationTransition | None:
    """The same for applications."""
    return _APPLICATIONS.get((status, command))
