"""What the playtests drill says of answers, beside the log. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.drill.playtests_history import Kind, SlotOperation, check_slot
from schemas.envelope import COMMAND_REJECTED, COMMAND_REPEATED
from schemas.outcomes import rejection
from schemas.playtests import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.lab.drill.decided_log import Entry
    from deploy.lab.drill.history import Verdict
    from deploy.lab.drill.playtests_accounts import Order
    from deploy.lab.drill.playtests_clients import Answered
    from deploy.lab.drill.playtests_world import Record
    from schemas.envelope import Decided

NOT_REMEMBERED: Final = frozenset({402, 422})
"""Refusals by the decider that are asked again under the same key."""
_TOLD: Final = {
    "order": ("playtest", "id", "order"),
    "claim": ("slot", "id", "slot"),
    "submit": ("slot", "status", "slot"),
    "abandon": ("slot", "status", "slot"),
    "block": ("slot", "status", "slot"),
    "apply": ("application", "id", "application"),
    "withdraw": ("application", "status", "application"),
    "reject_application": ("application", "status", "application"),
    "approve_application": ("application", "assigned_slot_id", "application"),
}
"""By operation: which object of the answer, which of its fields, and where the first event has it."""


def judge_answers(answers: Sequence[Answered], log: Sequence[Entry]) -> list[str]:
    """Answers that are not what the log says of their commands, and commands that were decided twice."""
    decided: dict[str, list[Decided]] = defaultdict(list)
    for entry in log:
        if not any(event.type == COMMAND_REPEATED for event in entry.decided.events):
            decided[entry.decided.command_id].append(entry.decided)
    return [
        f"{answer.operation} {answer.path} {answer.key}: {problem}"
        for answer in answers
        for problem in _problems(answer, decided.get(answer.command_id, []))
    ]


def _problems(answer: Answered, found: Sequence[Decided]) -> list[str]:
    if not found:
        refused_before = answer.status == 404 or answer.reason == "no_open_slot"
        return [] if refused_before else [f"answered {answer.status}, and the log knows nothing of it"]
    problems = []
    refused_alike = [
        one for one in found if _refused(one) == answer.status and answer.status in NOT_REMEMBERED
    ]
    kept = [one for one in found if _refused(one) not in NOT_REMEMBERED]
    if not refused_alike and len(kept) > 1:
        problems.append(f"decided {len(kept)} times")
    events = (refused_alike or kept or found)[-1].events
    refused = bool(events) and events[0].type == COMMAND_REJECTED
    if answer.ok == refused:
        return [*problems, f"answered {answer.status}, the log says {[event.type for event in events]}"]
    told: dict[str, Any] = msgspec.msgpack.decode(events[0].data) if events else {}
    if refused:
        if told["status"] != answer.status or answer.reason not in {"", told["code"]}:
            problems.append(f"answered {answer.status} {answer.reason}, the log says {told['code']}")
    elif answer.operation in _TOLD:
        shown, field, where = _TOLD[answer.operation]
        own = told[where].get(field)
        seen = answer.data[shown]["assignedSlotId" if field == "assigned_slot_id" else field]
        if seen != own:
            problems.append(f"answered {field} {seen}, the log says {own}")
    elif answer.operation == "pay":
        left = told["movement"]["balance_cents"]
        if answer.data["balanceCents"] != left:
            problems.append(f"answered balanceCents {answer.data['balanceCents']}, the log says {left}")
    return problems


def _refused(decided: Decided) -> int:
    """The status of a refusal; 0 for anything else."""
    refusal = rejection(decided)
    return 0 if refusal is None else refusal.status


def judge_winners(answers: Sequence[Answered]) -> list[str]:
    """Slots that more than one claim or approval was answered with."""
    winners: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        if answer.ok and answer.operation == "claim":
            winners[answer.data["slot"]["id"]].append(answer.caller.playtester_id)
        elif answer.ok and answer.operation == "approve_application":
            winners[answer.data["assignedSlotId"]].append(answer.data["application"]["playtesterId"])
    return [f"{slot}: {len(who)} winners" for slot, who in winners.items() if len(who) > 1]


def judge_histories(record: Record, orders: dict[str, Order]) -> tuple[list[str], int]:
    """Slots whose histories have no order that explains them, and how many operations were looked at."""
    wrong, operations = [], 0
    for order_id, order in orders.items():
        slots = {number: names.slot_id(order_id, number) for number in order.slots}
        for number, slot_id in slots.items():
            history = [*record.slots.get(slot_id, ()), *record.orders.get(order_id, ())]
            history += _unasked(record, order, slots, number)
            verdict: Verdict = check_slot(history)
            operations += len(history)
            if not verdict.linearizable:
                how = "has no order" if verdict.linearizable is False else "was given up"
                wrong.append(f"{slot_id} {how} after {verdict.reached} of {len(history)}")
    return wrong, operations


def _unasked(record: Record, order: Order, slots: dict[int, str], number: int) -> list[SlotOperation]:
    """What was not asked of the slot itself: how it came to be, what the timer said, its publication."""
    slot_id, previous = slots[number], order.slots[number].previous
    found = []
    if not any(one.kind == "create" for one in record.slots.get(slot_id, ())):
        retried = bool(previous) and order.slots[previous].status == "rejected"
        ends = [
            one
            for one in record.slots.get(slots.get(previous, ""), ())
            if one.ok and one.kind in {"abandon", "reject-with-retry"}
        ]
        begun = SlotOperation(kind="create", status="reserved" if retried else "open", ok=None, invoked_s=0.0)
        if ends:
            begun = msgspec.structs.replace(
                begun, ok=True, invoked_s=ends[0].invoked_s, returned_s=ends[0].returned_s
            )
        found.append(begun)
    if order.slots[number].status in {"expired", "cancelled"}:
        dues: tuple[Kind, ...] = ("slot-due", "review-due", "block-due")
        found += [SlotOperation(kind=due, ok=None, invoked_s=0.0) for due in dues]
    if order.public:
        found.append(SlotOperation(kind="publish", status="accepted", ok=None, invoked_s=0.0))
    return found
