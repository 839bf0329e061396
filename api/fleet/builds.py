"""Reads of builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.fleet.http import Asked
from schemas.fleet import responses
from schemas.fleet.ports import FleetReads
from schemas.fleet.requests import not_found
from schemas.fleet.resources import BuildResource, build_resource
from schemas.fleet.views import Build
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from projections.fleet.queries.logs import FleetLogs


class BuildRoutes:
    """Handlers of authorized requests."""

    def __init__(self, reads: FleetReads, logs: FleetLogs) -> None:
        self._reads = reads
        self._logs = logs

    async def listed(self, asked: Asked) -> responses.BuildList:
        """A page of builds."""
        caller, query = asked.known_caller, asked.query
        limit, offset = query["limit"], query["offset"]
        page = await self._reads.builds(
            caller.studio_id,
            caller.project_id,
            name=query["name"],
            status=query["status"],
            limit=limit,
            offset=offset,
        )
        return responses.BuildList(
            total=page.total,
            builds=[build_resource(build) for build in page.rows],
            limit=limit,
            offset=offset,
            has_more=offset + len(page.rows) < page.total,
        )

    async def one(self, asked: Asked) -> BuildResource:
        """A build."""
        return build_resource(await self._build(asked))

    async def logs(self, asked: Asked) -> responses.BuildLogs:
        """A page of what was said of its processing."""
        build = await self._build(asked)
        limit, offset = asked.query["limit"], asked.query["offset"]
        total, lines = await self._logs.build_lines(
            build.studio_id, build.game_id, build.id, limit=limit, offset=offset
        )
        return responses.BuildLogs(
            build_id=build.id,
            logs=[
                responses.BuildLogLine(
                    timestamp=iso_ms(line.at_ms), level=line.level, step=line.step, message=line.message
                )
                for line in lines
            ],
            total=total,
            limit=limit,
            offset=offset,
            has_more=offset + len(lines) < total,
        )

    async def _build(self, asked: Asked) -> Build:
        """The project's build. Raises `Refused` (404)."""
        caller = asked.known_caller
        build = await self._reads.build(asked.names["build_id"])
        if build is None or (build.studio_id, build.game_id) != (caller.studio_id, caller.project_id):
            raise not_found()
        return build
