"""Ids of an order, its slots and its applications lead to each other, and nothing else is taken for one."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.playtests import names

NUMBERS = st.integers(1, 2**40 - 1)
ORDER = names.order_id("c1")


@given(st.text(max_size=40), NUMBERS)
def test_a_slot_and_an_application_say_which_order_they_are_of(command_id: str, number: int) -> None:
    order = names.order_id(command_id)
    slot, application = names.slot_id(order, number), names.application_id(order, number)
    assert names.place_of("slot", slot) == (order, number)
    assert names.place_of("application", application) == (order, number)
    assert len({order, slot, application}) == 3
    assert all(str(uuid.UUID(each)) == each and uuid.UUID(each).version == 8 for each in (order, slot))


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "nothing",
        ORDER,
        names.application_id(ORDER, 1),
        names.slot_id(ORDER, 1).upper(),
        f"{{{names.slot_id(ORDER, 1)}}}",
        names.slot_id(ORDER, 1).replace("-", ""),
        "00000000-0000-0000-0000-000000000000",
        "\ud800",
    ],
)
def test_what_is_no_slots_id_leads_nowhere(identifier: str) -> None:
    assert names.place_of("slot", identifier) is None


@given(st.uuids())
def test_another_id_leads_at_most_to_an_order_that_there_is_not(other: uuid.UUID) -> None:
    place = names.place_of("slot", str(other))
    assert place is None or place[0] != ORDER


def test_names_are_stored() -> None:
    """Whoever changes one of these breaks what is in a log."""
    assert ORDER == "30724178-fab8-851b-b239-24e324da8211"
    assert names.slot_id(ORDER, 2) == "30724178-fab8-851b-b239-25e324da8213"
    assert names.application_id(ORDER, 2) == "30724178-fab8-851b-b239-26e324da8213"
    assert names.batch_key_id("batch/s/g/b", 1) == "ptk_ieahwq6sgj5nd4ht"
    assert names.invite_id("c1", 0) == "tvi_hle7ds5l6j2v4yiu"
    assert names.payment_id("c1") == "98eb3601-5353-5e9e-9ee3-5f1db5db61d1"
    assert names.payout_id("c1") == "dd322cc5-70c5-547a-b629-73604dbe7b62"
    assert names.submission_id("s") == "bcb95881-a0a8-5abe-97a9-e4f8f8191941"
    assert names.transcription_id("s") == "9deee787-0f70-52ab-a850-71f756454835"
    assert names.ledger_row_id("account/s", 1) == "00000000-0001-8ab1-9de7-7e8e6a77999a"


@given(st.integers(1, 2**40), st.integers(1, 2**40))
def test_later_ledger_rows_have_greater_ids(one: int, other: int) -> None:
    first, second = (names.ledger_row_id("account/s", number) for number in (one, other))
    assert (first < second) == (one < other)
    assert uuid.UUID(first).version == 8
