"""The state tables are whole, and S2's document shows every row of them."""

from __future__ import annotations

import pytest

from schemas.playtests.refusals import REASONS
from schemas.playtests.state_text import applications_table, slots_table
from schemas.playtests.states import APPLICATIONS, LIVE, SLOTS, SlotTransition
from schemas.playtests.surface import DOCUMENT


@pytest.mark.parametrize("row", SLOTS, ids=lambda row: f"{row.status}-{row.command}")
def test_a_slots_money_stays_exactly_while_it_is_live(row: SlotTransition) -> None:
    after = all(status in LIVE for status in row.to)
    assert (row.seat == "kept") == (row.status in LIVE and after)
    assert set(row.otherwise) <= set(REASONS)


def test_the_document_shows_both_tables() -> None:
    slots = [f"| `{row.status}` | {row.command} |" for row in SLOTS]
    applications = [f"| `{row.status}` | {row.command} |" for row in APPLICATIONS]
    for table, rows in ((slots_table(), slots), (applications_table(), applications)):
        assert table in DOCUMENT.description
        for line, row in zip(table.splitlines()[2:], rows, strict=True):
            assert line.startswith(row)
