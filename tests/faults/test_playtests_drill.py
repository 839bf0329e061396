"""The playtests drill, small: processes that move seats and money are killed once each.

Whole: `questlog drill playtests`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.lab.drill.playtests import VICTIMS, PlaytestsDrill, PlaytestsPlan

if TYPE_CHECKING:
    from deploy.lab.drill.stack import OwnStack

KILLS = 5

pytestmark = pytest.mark.stack


async def test_no_seat_and_no_cent_is_lost_or_doubled_while_parts_are_killed(stack: OwnStack) -> None:
    said: list[str] = []
    plan = PlaytestsPlan(operations=500, studios=2, owners=3, panel=25, kills=KILLS)
    outcome = await PlaytestsDrill(stack, plan, said.append).carry_out()
    assert outcome.operations >= 500
    assert [recovery.part for recovery in outcome.recoveries] == list(VICTIMS[:KILLS])
    assert [verdict for verdict in outcome.verdicts if not (verdict.holds or verdict.timed)] == [], said
