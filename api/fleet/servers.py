"""Reads of servers: as they are, what they print, what they use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from api.fleet.http import Asked
from api.fleet.log_pages import LogPage, log_page, starting
from projections.fleet.queries.logs import LogFilter
from schemas.fleet import responses
from schemas.fleet.access import Caller
from schemas.fleet.ports import FleetReads, ServerFilter
from schemas.fleet.requests import not_found, server_id
from schemas.fleet.resources import ServerResource, server_resource
from schemas.fleet.route_parts import PERIODS, STEPS
from schemas.fleet.sizes import SIZES
from schemas.fleet.states import Status
from schemas.fleet.views import Server

if TYPE_CHECKING:
    from projections.fleet.queries.logs import FleetLogs
    from projections.fleet.queries.metrics import FleetMetrics, Point

_MB = 1024 * 1024


class ServerRoutes:
    """Handlers of authorized requests."""

    def __init__(
        self, reads: FleetReads, logs: FleetLogs, metrics: FleetMetrics, now_ms: Callable[[], int]
    ) -> None:
        self._reads = reads
        self._logs = logs
        self._metrics = metrics
        self._now_ms = now_ms

    async def listed(self, asked: Asked) -> responses.ServerList:
        """A page of servers. A client key gets running ones that are no pool's, whatever it asks for."""
        caller, query = asked.known_caller, asked.query
        wanted = ServerFilter(
            studio_id=caller.studio_id,
            game_id=caller.project_id,
            statuses=_statuses(query["status"], launching=query["include_launching"])
            if caller.server
            else ("running",),
            include_pool=caller.server and query["include_pool"],
            region=query["region"],
            match_id=query["match_id"],
            limit=query["limit"],
            offset=query["offset"],
        )
        page = await self._reads.servers(wanted, self._now_ms())
        return responses.ServerList(
            total=page.total,
            total_servers=page.total,
            servers=[server_resource(server, whole=caller.server) for server in page.rows],
            limit=wanted.limit,
            offset=wanted.offset,
            has_more=wanted.offset + len(page.rows) < page.total,
        )

    async def one(self, asked: Asked) -> ServerResource:
        """A server."""
        caller = asked.known_caller
        return server_resource(await self._server(caller, asked), whole=caller.server)

    async def logs(self, asked: Asked) -> responses.ServerLogs:
        """Lines of one server, from its beginning where no time is given."""
        server = await self._server(asked.known_caller, asked)
        start = starting(asked.query["start_time"], server.created_at_ms, self._now_ms())
        wanted = LogFilter(
            studio_id=server.studio_id,
            game_id=server.game_id,
            instance_id=server.instance_id,
            since_ms=start.since_ms,
            after=start.after,
        )
        page: LogPage = await log_page(self._logs, wanted, asked.query["limit"], named=False)
        return responses.ServerLogs(
            logs=page.entries,
            instance_id=server.instance_id,
            machine_id=server.host_id,
            next_token=page.next_token,
        )

    async def metrics(self, asked: Asked) -> responses.ServerMetrics:
        """What a server used in a period up to now."""
        server = await self._server(asked.known_caller, asked)
        step, end_s = asked.query["step"], self._now_ms() // 1000
        start_s = end_s - PERIODS[asked.query["period"]]
        points = await self._metrics.points(
            server.studio_id,
            server.game_id,
            server.instance_id,
            since_ms=start_s * 1000,
            until_ms=end_s * 1000,
            step_s=STEPS[step],
        )
        return _metrics(server, responses.Period(start=start_s, end=end_s, step=step), points)

    async def _server(self, caller: Caller, asked: Asked) -> Server:
        """The project's server; a client key knows of no pool server that is unclaimed. Raises `Refused`."""
        server = await self._reads.server(server_id(asked.names), self._now_ms())
        if server is None or (server.studio_id, server.game_id) != (caller.studio_id, caller.project_id):
            raise not_found()
        if not caller.server and server.is_pool_server and server.pool_claimed_at_ms is None:
            raise not_found()
        return server


def _statuses(status: Status | None, *, launching: bool) -> tuple[Status, ...]:
    if status is not None:
        return (status,)
    return ("launching", "running") if launching else ("running",)


def _metrics(server: Server, period: responses.Period, points: list[Point]) -> responses.ServerMetrics:
    def line(values: Iterable[tuple[int, float | None]]) -> list[responses.MetricPoint]:
        return [responses.MetricPoint(t, round(v, 3)) for t, v in values if v is not None]

    return responses.ServerMetrics(
        instance_id=server.instance_id,
        machine_id=server.host_id,
        region=server.region,
        period=period,
        cpu=responses.CpuMetrics(usage_percent=line((one.t, one.cpu_percent) for one in points)),
        memory=responses.MemoryMetrics(
            used_mb=line((one.t, one.memory_bytes / _MB) for one in points),
            total_mb=SIZES[server.compute_size].memory_mb,
        ),
        network=responses.NetworkMetrics(
            rx_bytes_per_sec=line((one.t, one.rx_per_second) for one in points),
            tx_bytes_per_sec=line((one.t, one.tx_per_second) for one in points),
        ),
        load=responses.LoadMetrics(average_1m=line((one.t, one.load) for one in points)),
        connections=responses.ConnectionMetrics(tcp=line((one.t, one.tcp_connections) for one in points)),
    )
