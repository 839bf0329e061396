"""What time has brought in the fleet: ttls and pauses of servers, silent hosts and builds, pools."""

from __future__ import annotations

from schemas.codec import Message
from schemas.fleet import names
from schemas.fleet.commands import BuildDue, PoolDue, ServerDue
from schemas.fleet.host_commands import HostDue
from schemas.fleet.ports import DueReads, DueRow
from streams.asking import Asker
from streams.dues import DUES_PER_TICK, Due, ask_all


class DueManager:
    """Asks `ServerDue`, `BuildDue`, `PoolDue` and `HostDue`. `partitions` is how many the noun has."""

    def __init__(self, asker: Asker, dues: DueReads, *, partitions: int) -> None:
        self._asker = asker
        self._dues = dues
        self._partitions = partitions

    async def tick(self, now_ms: int) -> int:
        """One round; return how many were answered. Raises StoreUnavailable."""
        rows = await self._dues.dues(now_ms, DUES_PER_TICK)
        # Of a pool there are dues by entry: its project is asked once.
        return await ask_all(self._asker, dict.fromkeys(due for row in rows for due in self._of(row)))

    def _of(self, row: DueRow) -> list[Due]:
        """What is asked then. Which partition a host serves only that one knows: all are asked."""
        studio_id, game_id = row.studio_id, row.game_id

        def due(aggregate_id: str, command: Message, partition: int | None = None) -> Due:
            return Due(
                studio_id=studio_id,
                game_id=game_id,
                aggregate_id=aggregate_id,
                command=command,
                partition=partition,
            )

        match row.kind:
            case "server":
                server = names.server_aggregate(studio_id, game_id, row.id)
                return [due(server, ServerDue(instance_id=row.id))]
            case "build":
                return [due(names.build_aggregate(studio_id, game_id, row.id), BuildDue(build_id=row.id))]
            case "pool":
                return [due(names.project_aggregate(studio_id, game_id), PoolDue())]
            case _:
                host = names.host_aggregate(row.id)
                partitions = range(self._partitions)
                return [due(host, HostDue(host_id=row.id), number) for number in partitions]
