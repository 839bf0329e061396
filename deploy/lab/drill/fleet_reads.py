"""What the fleet drill reads in the end, beside the log: every server, its transitions and its lines."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from deploy.lab.drill.fleet_judge import judge_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deploy.lab.drill.fleet_clients import Clients
    from deploy.lab.drill.fleet_lives import Record
    from deploy.lab.drill.fleet_model import Attempt, FleetModel
    from projections.clickhouse.client import ClickHouse

SETTLE_SECONDS: Final = 60.0
"""What is written behind the answers is there by then."""
LOOK_SECONDS: Final = 0.5
READS_AT_ONCE: Final = 8


class Reads:
    """Reads until all is as it must be, or the time is over. `count` is how many lines there were."""

    def __init__(self, clients: Clients, clickhouse: ClickHouse, record: Record, model: FleetModel) -> None:
        self.count = 0
        self._clients = clients
        self._clickhouse = clickhouse
        self._record = record
        self._model = model

    async def servers(self) -> list[str]:
        """Servers that HTTP shows otherwise than the log has them."""
        room = asyncio.Semaphore(READS_AT_ONCE)

        async def one(name: str) -> list[str]:
            async with room:
                shown = await self._clients.server(name)
            own = self._model.servers.get(name)
            if own is None:
                return []  # it is judged elsewhere
            wanted = (own.phase, max(0, own.attempt - 1), own.stop_reason, own.exit_code, own.host_id)
            found = tuple(
                shown[field] for field in ("phase", "restarts", "stop_reason", "exit_code", "machine_id")
            )
            return [] if found == wanted else [f"{name} is shown as {found}, it is {wanted}"]

        return [
            problem for found in await asyncio.gather(*map(one, self._record.instances)) for problem in found
        ]

    async def transitions(self, game_id: str) -> list[str]:
        """Servers whose rows in ClickHouse are not what happened to them, in order."""

        async def differing() -> list[str]:
            rows = await self._clickhouse.rows(
                "SELECT instance_id, event, phase FROM fleet_transitions FINAL"
                " WHERE game_id = {game:String} ORDER BY _partition, _offset, _index",
                {"game": game_id},
            )
            found: dict[str, list[tuple[str, str]]] = defaultdict(list)
            for name, event, phase in rows:
                found[name].append((event, phase))
            return [
                f"{name} has {found.get(name)}, and it was {self._model.happened.get(name)}"
                for name in self._record.instances
                if found.get(name) != self._model.happened.get(name)
            ]

        deadline = time.monotonic() + SETTLE_SECONDS
        while (wrong := await differing()) and time.monotonic() < deadline:  # noqa: ASYNC110 - it is asked
            await asyncio.sleep(LOOK_SECONDS)
        return wrong

    async def lines(self, attempts: Mapping[str, Attempt]) -> list[str]:
        """What is wrong with servers' logs."""
        deadline = time.monotonic() + SETTLE_SECONDS
        room = asyncio.Semaphore(READS_AT_ONCE)

        async def one(name: str) -> list[str]:
            own = {key: attempt for key, attempt in attempts.items() if attempt.instance_id == name}
            while True:
                async with room:
                    messages = await self._clients.lines(name)
                wrong = judge_lines(name, messages, own, self._record.heard[name])
                if not wrong or time.monotonic() > deadline:
                    self.count += len(messages)
                    return wrong
                await asyncio.sleep(LOOK_SECONDS)

        return [
            problem for found in await asyncio.gather(*map(one, self._record.instances)) for problem in found
        ]


async def none_in_time(left: Callable[[], list[str]]) -> list[str]:
    """What is left when the time is over; empty as soon as nothing is."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := await asyncio.to_thread(left)) and time.monotonic() < deadline:  # noqa: ASYNC110 - of /proc
        await asyncio.sleep(LOOK_SECONDS)
    return found
