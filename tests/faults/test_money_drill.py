"""The live-ops drill, small: every part that moves money is killed once. Whole: `questlog drill liveops`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.lab.drill.liveops import VICTIMS, MoneyDrill, MoneyPlan

if TYPE_CHECKING:
    from deploy.lab.drill.stack import OwnStack

pytestmark = pytest.mark.stack


async def test_no_coin_is_lost_or_doubled_while_parts_are_killed(stack: OwnStack) -> None:
    said: list[str] = []
    plan = MoneyPlan(operations=600, players=40, kills=len(VICTIMS))
    outcome = await MoneyDrill(stack, plan, said.append).carry_out()
    assert outcome.operations == 600
    assert [recovery.part for recovery in outcome.recoveries] == list(VICTIMS)
    assert [verdict for verdict in outcome.verdicts if not (verdict.holds or verdict.timed)] == [], said
