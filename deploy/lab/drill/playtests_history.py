"""Is what clients saw of one slot linearizable, by the slots' own state table? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from deploy.lab.drill.history import Asked, Verdict, check_history
from schemas.playtests.states import SlotCommand, slot_transition
from schemas.playtests.views import SlotStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

ABSENT: Final = "absent"
"""Before the order was paid, or before the slot's predecessor ended."""
Kind = SlotCommand | Literal["create", "read", "none-open"]


class SlotOperation(Asked, frozen=True, kw_only=True):
    """Something that was asked of a slot, or of its order as far as it meets the slot.

    `status` is what the answer says the slot is after it, what was read, or what a new slot began as; None
    where the answer doesn't say. `none-open` is a claim that was refused because no slot of the order is
    open. What the timer and effects ask has no answer (`ok` None): it may happen at any time, or never.
    """

    kind: Kind
    status: SlotStatus | None = None


def check_slot(history: Sequence[SlotOperation]) -> Verdict:
    """Whether an order exists that explains every answer."""
    return check_history(history, ABSENT, after)


def after(operation: SlotOperation, status: str) -> str | None:
    """The slot's status after an operation; None where its answer could not have been given."""
    match operation.kind:
        case "read":
            return status if operation.status == status else None
        case "create":
            return operation.status if status == ABSENT else None
        case "none-open":
            return status if status != "open" else None
        case "cancel-order":
            return "cancelled" if operation.ok and status in {"open", "blocked"} else status
        case command:
            return _stepped(command, operation, status)


def _stepped(command: SlotCommand, operation: SlotOperation, status: str) -> str | None:
    row = slot_transition(status, command) if status != ABSENT else None  # type: ignore[arg-type]
    if operation.ok is False:
        return status if row is None else None
    if row is None:
        return None
    told = operation.status or (row.to[0] if len(row.to) == 1 else None)
    return told if told in row.to else None
