"""One seed played and judged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from deploy.lab.simulation.loop import SimulatedLoop, run
from deploy.lab.simulation.nouns import SIMULATED
from deploy.lab.simulation.store import SimulatedRedis
from deploy.lab.simulation.world import PARTITIONS, Result, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.lab.simulation.faults import Faults

LIVEOPS: Final = "liveops"


def simulate(
    seed: int,
    make_store: Callable[[Faults], SimulatedRedis] = SimulatedRedis,
    partitions: int = PARTITIONS,
    *,
    noun: str = LIVEOPS,
) -> Result:
    """Play one seed of a noun of `SIMULATED`. The same seed gives the same result."""
    loop = SimulatedLoop()

    async def main() -> Result:
        return await World(seed, SIMULATED[noun], make_store, partitions).go()

    return run(loop, main())


def describe(result: Result) -> str:
    """One line that says how to see it again."""
    again = f"questlog simulate --noun {result.noun} --seed {result.seed}"
    return f"{again}: {json.dumps(result.problems)}"
