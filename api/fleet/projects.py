"""Reads of a project: its settings, the output of all of its servers, and whether the API answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from api.fleet.http import Asked
from api.fleet.log_pages import log_page, starting
from projections.fleet.queries.logs import LogFilter
from schemas.edge.zod import no_match
from schemas.fleet import responses
from schemas.fleet.log_times import time_of
from schemas.fleet.ports import FleetReads
from schemas.fleet.resources import SettingsResource, settings_resource
from schemas.fleet.validation import refuse
from schemas.fleet.variables import Variables
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from projections.fleet.queries.logs import FleetLogs


class ProjectRoutes:
    """Handlers of authorized requests, and of the one that needs no key."""

    def __init__(
        self, reads: FleetReads, logs: FleetLogs, variables: Variables, now_ms: Callable[[], int]
    ) -> None:
        self._reads = reads
        self._logs = logs
        self._variables = variables
        self._now_ms = now_ms

    async def health(self, asked: Asked) -> responses.Health:
        """That Redis has what the reads need; StoreUnavailable is answered with 503."""
        del asked
        await self._reads.ready()
        return responses.Health(status="ok", timestamp=iso_ms(self._now_ms()))

    async def project(self, asked: Asked) -> responses.Project:
        """The key's project."""
        return responses.Project(project_id=asked.known_caller.project_id)

    async def settings(self, asked: Asked) -> SettingsResource:
        """The settings, with the values of environment variables."""
        caller = asked.known_caller
        settings = await self._reads.settings(caller.studio_id, caller.project_id)
        return settings_resource(settings, self._variables.opener(caller))

    async def logs(self, asked: Asked) -> responses.ProjectLogs:
        """Lines of all servers between two times."""
        caller, query, now_ms = asked.known_caller, asked.query, self._now_ms()
        start = starting(query["start_time"], now_ms, now_ms)
        until_ms = None
        if query["end_time"] is not None:
            until_ms = time_of(query["end_time"], now_ms)
            if until_ms is None:
                refuse([no_match(["end_time"])])
        wanted = LogFilter(
            studio_id=caller.studio_id,
            game_id=caller.project_id,
            since_ms=start.since_ms,
            after=start.after,
            until_ms=until_ms,
            instance_id=query["instance_id"],
            level=query["level"],
            text=query["q"],
        )
        page = await log_page(self._logs, wanted, query["limit"], named=True)
        return responses.ProjectLogs(logs=page.entries, next_token=page.next_token)
