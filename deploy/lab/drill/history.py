"""Is a history of one thing linearizable? A search as Wing and Gong describe it, with Lowe's memory.

Source: Wing & Gong, "Testing and verifying concurrent objects" (1993); Lowe, "Testing for linearizability"
(2017). An operation takes effect at one moment between its first sending and its last answer, or (where
never answered) at any moment after its sending, or never. Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

NODES_MAX: Final = 2_000_000
"""Steps of a search; beyond them the answer is unknown, which is no success."""

Kind = Literal["add", "take", "read"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """When one operation was asked and answered, over all of its attempts with the same key.

    `ok` is None where no answer came.
    """

    invoked_s: float
    returned_s: float = math.inf
    ok: bool | None = True


class Operation(Asked, frozen=True, kw_only=True):
    """One operation on a balance.

    `balance` is what the answer said the balance is after it (for a read: what was read); None where the
    answer doesn't say. A refused debit must have found too low a balance.
    """

    kind: Kind
    amount: int = 0
    balance: int | None = None


AskedT = TypeVar("AskedT", bound=Asked)
StateT = TypeVar("StateT", bound="Hashable")


class Verdict(msgspec.Struct, frozen=True):
    """`linearizable` is None where the search was given up."""

    linearizable: bool | None
    reached: int
    """How many operations the longest consistent order found holds."""


def check_balance(history: Sequence[Operation], initial: int = 0) -> Verdict:
    """Whether an order exists that explains every answer."""
    return check_history(history, initial, _apply)


def check_history(
    history: Sequence[AskedT], initial: StateT, apply: Callable[[AskedT, StateT], StateT | None]
) -> Verdict:
    """The same of anything: `apply` gives the state after an operation, None where its answer can't be."""
    operations = sorted(history, key=lambda operation: operation.invoked_s)
    count = len(operations)
    must = sum(1 << index for index, operation in enumerate(operations) if operation.ok is not None)
    seen: set[tuple[int, StateT]] = set()
    stack: list[tuple[int, StateT]] = [(0, initial)]
    reached = nodes = 0
    while stack:
        done, state = stack.pop()
        if done & must == must:
            return Verdict(True, count)  # noqa: FBT003 - the verdict
        if (done, state) in seen:
            continue
        seen.add((done, state))
        nodes += 1
        if nodes > NODES_MAX:
            return Verdict(None, reached)
        reached = max(reached, done.bit_count())
        for index in _next_ones(operations, done):
            after = apply(operations[index], state)
            if after is not None:
                stack.append((done | 1 << index, after))
    return Verdict(False, reached)  # noqa: FBT003 - the verdict


def _next_ones(operations: Sequence[Asked], done: int) -> Iterable[int]:
    """Operations that may come next: begun before the first answer among those that are not done."""
    left: list[int] = []
    first_answer = math.inf
    for index, operation in enumerate(operations):
        if operation.invoked_s > first_answer:
            break
        if not done >> index & 1:
            left.append(index)
            first_answer = min(first_answer, operation.returned_s)
    return [index for index in left if operations[index].invoked_s <= first_answer]


def _apply(operation: Operation, balance: int) -> int | None:
    """The balance after it; None where its answer could not have been given."""
    if operation.kind == "read":
        return balance if operation.balance == balance else None
    if operation.kind == "take" and operation.ok is False:
        return balance if balance < operation.amount else None
    if operation.ok is False:
        return balance
    after = balance + operation.amount if operation.kind == "add" else balance - operation.amount
    if after < 0 or (operation.balance is not None and operation.balance != after):
        return None
    return after
