"""One seed played and judged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from deploy.lab.simulation.loop import SimulatedLoop, run
from deploy.lab.simulation.store import SimulatedRedis
from deploy.lab.simulation.verdicts import problems
from deploy.lab.simulation.verdicts_time import is_settled
from deploy.lab.simulation.world import PARTITIONS, Result, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.lab.simulation.faults import Faults


def simulate(
    seed: int,
    make_store: Callable[[Faults], SimulatedRedis] = SimulatedRedis,
    partitions: int = PARTITIONS,
) -> Result:
    """Play one seed. The same seed gives the same result."""
    loop = SimulatedLoop()

    async def main() -> Result:
        return await World(seed, make_store, partitions, problems=problems, is_settled=is_settled).go()

    return run(loop, main())


def describe(result: Result) -> str:
    """One line that says how to see it again."""
    return f"questlog simulate --seed {result.seed}: {json.dumps(result.problems)}"
