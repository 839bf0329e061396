from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.liveops.commands import ConsumeItem, CreditWallet, DebitWallet, GrantItem
from schemas.liveops.events import InventoryChanged, WalletChanged
from schemas.liveops.views import INT64_MAX
from tests.streams.deciders.liveops.given import AT_MS, Liveops, kinds, only


def credit(amount: int, key: str = "gold") -> CreditWallet:
    return CreditWallet(economy_key=key, amount=amount, reason="because")


def debit(amount: int, key: str = "gold") -> DebitWallet:
    return DebitWallet(economy_key=key, amount=amount)


def give(quantity: int) -> GrantItem:
    return GrantItem(item_key="medkit", quantity=quantity)


def consume(quantity: int) -> ConsumeItem:
    return ConsumeItem(item_key="medkit", quantity=quantity)


def test_a_credit_makes_the_player_and_a_numbered_row() -> None:
    world = Liveops()
    events = world.given(credit(10))
    assert kinds(events) == ["PlayerCreated", "WalletChanged"]
    row = only(WalletChanged, events).movement
    assert (row.number, row.amount, row.balance, row.cause, row.reason, row.command_id) == (
        1,
        10,
        10,
        "credit",
        "because",
        "c1",
    )


def test_a_debit_takes_down_to_zero_and_the_row_stays() -> None:
    world = Liveops()
    world.given(credit(10))
    world.at_ms += 5
    row = only(WalletChanged, world.given(debit(10))).movement
    assert (row.number, row.amount, row.balance, row.cause) == (2, -10, 0, "debit")
    assert world.player().wallet["gold"].quantity == 0
    assert world.player().wallet["gold"].updated_at_ms == AT_MS + 5


def test_too_little_is_refused_and_says_what_is_there() -> None:
    world = Liveops()
    world.given(credit(10))
    verdict = world.when(debit(11))
    assert isinstance(verdict, CommandRejected)
    assert (verdict.status, verdict.code) == (409, "conflict")
    assert verdict.details == {"reason": "insufficient_balance", "balance": 10}
    assert world.refusal(debit(1), "nobody") == (409, "insufficient_balance")
    assert world.refusal(debit(1, "silver")) == (409, "insufficient_balance")


def test_items_are_held_while_there_are_any() -> None:
    world = Liveops()
    world.given(give(3))
    assert only(InventoryChanged, world.given(consume(2))).movement.balance == 1
    assert world.refusal(consume(2)) == (409, "insufficient_balance")
    world.given(consume(1))
    assert "medkit" not in world.player().items
    assert world.refusal(consume(1)) == (409, "insufficient_balance")


def test_a_balance_stays_within_64_bits() -> None:
    world = Liveops()
    world.given(credit(INT64_MAX))
    assert world.refusal(credit(1)) == (409, "balance_limit")
    world.given(debit(INT64_MAX))


@pytest.mark.parametrize("command", [credit, debit, give, consume])
@pytest.mark.parametrize("amount", [0, -1, INT64_MAX + 1])
def test_amounts_are_positive_64_bit_integers(command: Callable[[int], Message], amount: int) -> None:
    world = Liveops()
    world.given(credit(5))
    assert world.refusal(command(amount)) == (400, "validation_failed")


def test_what_the_catalog_has_not_is_refused() -> None:
    world = Liveops()
    unknown = {"economy_key": "silver", "amount": 1, "in_catalog": False}
    assert world.refusal(DebitWallet(**unknown)) == (409, "unknown_currency")  # type: ignore[arg-type]
    assert world.refusal(CreditWallet(**unknown)) == (409, "unknown_currency")  # type: ignore[arg-type]
    item = ConsumeItem(item_key="axe", quantity=1, in_catalog=False)
    assert world.refusal(item) == (409, "unknown_item")


def test_where_the_studio_keeps_inventories_none_moves() -> None:
    world = Liveops()
    assert world.refusal(ConsumeItem(item_key="medkit", quantity=1, inventory_mode="studio")) == (
        409,
        "inventory_mode",
    )
    assert world.refusal(GrantItem(item_key="medkit", quantity=1, inventory_mode="studio")) == (
        409,
        "inventory_mode",
    )
