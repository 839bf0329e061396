"""Linearizable histories of a balance are accepted, others refused."""

from __future__ import annotations

import random
from typing import Any

import pytest

from deploy.lab.drill.history import Operation, check_balance


def op(kind: str, amount: int, at: tuple[float, float], **more: Any) -> Operation:
    return Operation(kind=kind, amount=amount, invoked_s=at[0], returned_s=at[1], **more)  # type: ignore[arg-type]


def spread(dice: random.Random, now: float) -> tuple[float, float]:
    return now - dice.random() * 3, now + dice.random() * 3


def test_one_after_the_other_is_fine() -> None:
    history = [
        op("add", 10, (0, 1), balance=10),
        op("take", 4, (2, 3), balance=6),
        op("read", 0, (4, 5), balance=6),
        op("take", 7, (6, 7), ok=False),
    ]
    assert check_balance(history).linearizable is True


def test_concurrent_ones_may_have_come_in_either_order() -> None:
    history = [
        op("add", 10, (0, 10), balance=15),
        op("add", 5, (0, 10), balance=5),
        op("read", 0, (1, 9), balance=5),
    ]
    assert check_balance(history).linearizable is True


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(
            [op("add", 10, (0, 1), balance=10), op("read", 0, (2, 3), balance=0)], id="a read forgets"
        ),
        pytest.param([op("add", 10, (0, 1), balance=20)], id="it acted twice"),
        pytest.param(
            [op("add", 10, (0, 1)), op("take", 10, (2, 3), balance=0), op("take", 10, (2, 3), balance=0)],
            id="the same gold twice",
        ),
        pytest.param([op("add", 10, (0, 1)), op("take", 5, (2, 3), ok=False)], id="refused without need"),
        pytest.param(
            [op("read", 0, (0, 1), balance=10), op("add", 10, (2, 3), balance=10)], id="seen before it was"
        ),
    ],
)
def test_what_no_order_explains_is_found(history: list[Operation]) -> None:
    assert check_balance(history).linearizable is False


def test_what_nobody_answered_may_have_happened_or_not() -> None:
    unknown = Operation(kind="add", amount=3, invoked_s=1.0, ok=None)
    for balance in (10, 13):
        history = [op("add", 10, (0, 0.5), balance=10), unknown, op("read", 0, (5, 6), balance=balance)]
        assert check_balance(history).linearizable is True
    assert check_balance([unknown, op("read", 0, (0.1, 0.5), balance=3)]).linearizable is False, (
        "it was seen before it was sent"
    )


def test_a_long_history_of_many_clients_is_decided() -> None:
    dice = random.Random(5)
    balance, now = 0, 0.0
    history = []
    for _ in range(400):
        now += dice.random()
        amount = dice.randrange(1, 9)
        if dice.random() < 0.5:
            balance += amount
            history.append(
                op("add", amount, (now - dice.random() * 3, now + dice.random() * 3), balance=balance)
            )
        elif balance >= amount:
            balance -= amount
            history.append(
                op("take", amount, (now - dice.random() * 3, now + dice.random() * 3), balance=balance)
            )
    assert check_balance(history).linearizable is True
    last = history[-1]
    broken = [*history[:-1], op(last.kind, last.amount, (last.invoked_s, last.returned_s), balance=10**6)]
    assert check_balance(broken).linearizable is False
