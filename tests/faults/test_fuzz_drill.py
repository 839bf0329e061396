"""The fuzz drill, small: strange texts from the wire to the query. The whole is `questlog drill fuzz`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.lab.drill.fuzz import FuzzDrill, FuzzPlan

if TYPE_CHECKING:
    from deploy.lab.drill.stack import OwnStack

pytestmark = pytest.mark.stack


async def test_strange_texts_stop_nothing_and_arrive_as_sent(stack: OwnStack) -> None:
    said: list[str] = []
    plan = FuzzPlan(requests=300, seconds=15, alone_seconds=1, reads=15, rebuild=False)
    outcome = await FuzzDrill(stack, plan, said.append).carry_out()
    assert outcome.requests > 100
    assert min(outcome.players, outcome.orders, outcome.servers) > 0
    assert [verdict for verdict in outcome.verdicts if not verdict.holds] == [], said
