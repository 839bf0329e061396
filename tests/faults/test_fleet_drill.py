"""The fleet drill, small: servers run really while their agents, and all they need, are killed once each.

Whole: `questlog drill fleet`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.lab.drill.fleet import VICTIMS, FleetDrill
from deploy.lab.drill.fleet_plan import FleetPlan
from streams.runtime.process import EXIT_FAILED

if TYPE_CHECKING:
    from deploy.lab.drill.stack import OwnStack

KILLS = 5

pytestmark = pytest.mark.stack


async def test_no_server_is_orphaned_or_doubled_while_parts_are_killed(stack: OwnStack) -> None:
    said: list[str] = []
    plan = FleetPlan(launches=12, kills=KILLS, freezes=1, lanes=4)
    outcome = await FleetDrill(stack, plan, said.append).carry_out()
    assert outcome.servers == 12
    assert outcome.lines > 0
    agents = "".join(log.read_text() for log in (stack.home / "logs").glob("extra-fleet-*.log"))
    assert f"ends with code {EXIT_FAILED}" in agents  # that of the frozen host says why
    assert [recovery.part for recovery in outcome.recoveries] == list(VICTIMS[:KILLS])
    assert [verdict for verdict in outcome.verdicts if not (verdict.holds or verdict.timed)] == [], said
