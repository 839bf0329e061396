"""The fault drill, small: six kills, a worker stopped past its session; whole: `questlog drill faults`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.lab.drill.faults import FaultDrill, Plan

if TYPE_CHECKING:
    from deploy.lab.drill.stack import OwnStack

pytestmark = pytest.mark.stack


async def test_nothing_is_lost_or_doubled_while_parts_are_killed(stack: OwnStack) -> None:
    said: list[str] = []
    outcome = await FaultDrill(stack, Plan(events=20_000, kills=6, zombies=1), said.append).carry_out()
    assert outcome.events == 20_000
    assert [recovery.part for recovery in outcome.recoveries] == [
        "edge",
        "worker-clickhouse",
        "clickhouse",
        "redis",
        "kafka",
        "worker-redis",
    ]
    assert [verdict for verdict in outcome.verdicts if not (verdict.holds or verdict.timed)] == [], said
