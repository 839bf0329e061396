"""Live-ops' part of a seed: players, and a game whose definition changes in mid-window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from deploy.lab.simulation.liveops.clients import SimulatedPlayer
from deploy.lab.simulation.liveops.gateways import HEARD_AFTER_S, SimulatedGateway
from deploy.lab.simulation.liveops.verdicts import problems_of_player
from deploy.lab.simulation.liveops.verdicts_time import is_settled, problems_of_time
from deploy.lab.simulation.noun import Part, Simulated
from projections.liveops import keys
from projections.liveops.queries import LiveopsQueries
from projections.redis.stores import NounStores

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from deploy.lab.simulation.noun import Break
    from deploy.lab.simulation.stage import Stage

PLAYERS: Final = 6
OPERATIONS: Final = 8
SOON_MS: Final = 3_600_000


class LiveopsPart(Part):
    """Players of one game."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        client: Any = stage.redis
        reads, faults = LiveopsQueries(NounStores(keys.NOUN, [client])), stage.faults
        self._version = 1
        self._gateways = [
            SimulatedGateway(stage.client(f"gateway-{number}"), reads, faults) for number in range(2)
        ]
        self._players = [SimulatedPlayer(f"p{number}", self._gateways, faults) for number in range(PLAYERS)]

    @property
    def breaks(self) -> Mapping[str, Break]:
        """The game gets another version."""
        return {"definition changed": self._define}

    @property
    def asked(self) -> int:
        """How many commands players have asked."""
        return sum(len(player.outcomes) for player in self._players)

    def players(self) -> list[Coroutine[Any, Any, None]]:
        """One after the other of each player's operations."""
        return [player.play(OPERATIONS) for player in self._players]

    async def _define(self) -> None:
        """No two gateways see it at the same time."""
        self._version += 1
        for gateway in self._gateways:
            gateway.define(self._version, self.stage.faults.dice.uniform(0.0, HEARD_AFTER_S))

    def is_settled(self) -> bool:
        """Whether all windows that began are over, but those with months to go, and paid."""
        soon_ms = self.stage.faults.now_ms() + SOON_MS
        ends = self.stage.redis.live.values.get(keys.WINDOWS, {}).values()
        return not any(ends_at_ms <= soon_ms for ends_at_ms in ends) and is_settled(self.stage)

    def problems(self) -> list[str]:
        """Of every player, and of time."""
        found = [problem for player in self._players for problem in problems_of_player(self.stage, player)]
        return found + problems_of_time(self.stage)


LIVEOPS: Final = Simulated("liveops", LiveopsPart)
