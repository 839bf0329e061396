"""S5's reads for the dashboard, which authorizes its requests itself.

Implements `api.dashboard.ports.FleetSource` over the same handlers as the routes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from api.fleet.builds import BuildRoutes
from api.fleet.http import Asked
from api.fleet.servers import ServerRoutes
from projections.fleet.queries.logs import LogFilter, LogLine, LogPlace
from schemas.edge.ports import Game
from schemas.fleet import responses
from schemas.fleet.access import Caller
from schemas.fleet.host_views import Host
from schemas.fleet.ports import FleetReads, ServerFilter
from schemas.fleet.states import Status

if TYPE_CHECKING:
    from projections.fleet.queries.logs import FleetLogs

PAGE_ROWS: Final = 50
BUILD_LINES_MAX: Final = 500
"""Of a build's processing, the newest."""


class DashboardSource:
    """Performs no authorization: the caller has, and passes a game of its principal.

    Raises StoreUnavailable, and `Refused` (404) for what is not the game's.
    """

    def __init__(
        self,
        servers: ServerRoutes,
        builds: BuildRoutes,
        reads: FleetReads,
        logs: FleetLogs,
        now_ms: Callable[[], int],
    ) -> None:
        self._servers = servers
        self._builds = builds
        self._reads = reads
        self._logs = logs
        self._now_ms = now_ms

    async def count(self, game: Game, status: Status, *, pool: bool) -> int:
        """How many servers of a status there are; with unclaimed pool servers where `pool`."""
        wanted = ServerFilter(
            studio_id=game.studio_id,
            game_id=game.id,
            statuses=(status,),
            include_pool=pool,
            limit=1,
            offset=0,
        )
        return (await self._reads.servers(wanted, self._now_ms())).total

    async def servers(self, game: Game, *, stopped: bool, page: int) -> responses.ServerList:
        """A page of 50: those that live, unclaimed pool servers among them, or those that stopped."""
        query = {
            "status": "stopped" if stopped else None,
            "include_launching": True,
            "include_pool": True,
            "region": None,
            "match_id": None,
            "limit": PAGE_ROWS,
            "offset": (page - 1) * PAGE_ROWS,
        }
        return await self._servers.listed(_asked(game, query))

    async def metrics(self, game: Game, instance_id: str, period: str, step: str) -> responses.ServerMetrics:
        """What a server used in a period up to now."""
        return await self._servers.metrics(
            _asked(game, {"period": period, "step": step}, instance_id=instance_id)
        )

    async def log_tail(
        self, game: Game, instance_id: str, after: LogPlace | None, limit: int
    ) -> list[LogLine]:
        """What a server printed behind a place, else its newest lines; the oldest first."""
        server = await self._servers.one(_asked(game, {}, instance_id=instance_id))
        wanted = LogFilter(
            studio_id=game.studio_id,
            game_id=game.id,
            since_ms=0,
            after=after,
            instance_id=server.instance_id,
        )
        if after is None:
            return await self._logs.newest(wanted, limit)
        return await self._logs.lines(wanted, limit)

    async def builds(self, game: Game, *, page: int) -> responses.BuildList:
        """A page of 50 builds that are not deleted."""
        query = {"name": None, "status": None, "limit": PAGE_ROWS, "offset": (page - 1) * PAGE_ROWS}
        return await self._builds.listed(_asked(game, query))

    async def build_logs(self, game: Game, build_id: str) -> responses.BuildLogs:
        """The newest lines about a build's processing, the oldest of them first."""
        found = await self._build_lines(game, build_id, 0)
        beyond = found.total - BUILD_LINES_MAX
        return found if beyond <= 0 else await self._build_lines(game, build_id, beyond)

    async def hosts(self) -> list[Host]:
        """Every host that ever joined, by id."""
        return await self._reads.hosts()

    async def _build_lines(self, game: Game, build_id: str, offset: int) -> responses.BuildLogs:
        query = {"limit": BUILD_LINES_MAX, "offset": offset}
        return await self._builds.logs(_asked(game, query, build_id=build_id))


def _asked(game: Game, query: dict[str, Any], **names: str) -> Asked:
    caller = Caller(studio_id=game.studio_id, project_id=game.id, key_id="", server=True)
    return Asked(caller=caller, names=names, query=query)
