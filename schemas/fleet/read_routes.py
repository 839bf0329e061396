"""The reads of S5's v3 as records. Source: the S5 reference and contract/fleet.md."""

from __future__ import annotations

from typing import Final

from schemas.fleet import examples
from schemas.fleet import resources as shown
from schemas.fleet import responses as shapes
from schemas.fleet.access import ANY
from schemas.fleet.route_parts import (
    BUILD_LIST,
    BUILD_PATH,
    BUILDS,
    LOG_LINES,
    METRICS,
    OFFSET,
    PROJECT_LOG_LINES,
    PROJECTS,
    SERVER_LIST,
    SERVER_PATH,
    SERVERS,
    limit,
    read,
)

_SERVERS: Final = "Servers"
_BUILDS: Final = "Builds"
_PROJECTS: Final = "Projects"
HEALTH: Final = read(
    "health",
    "/api/health",
    "Health",
    "Whether the API answers",
    shapes.Health,
    keys=frozenset(),
    example={"status": "ok", "timestamp": "2026-03-15T10:30:00.000Z"},
    description="No key is needed. 503 while the store of keys or the log is away.",
)
V3_READS: Final = (
    read(
        "list_servers",
        SERVERS,
        _SERVERS,
        "List servers",
        shapes.ServerList,
        keys=ANY,
        parameters=SERVER_LIST,
        example=examples.page("servers", examples.SERVER),
        description="Running ones, newest first, unless told otherwise. A client key sees running servers "
        "that are in no pool or were claimed, whatever it asks for.",
    ),
    read(
        "get_server",
        SERVER_PATH,
        _SERVERS,
        "Read a server",
        shown.ServerResource,
        keys=ANY,
        errors=(404,),
        example=examples.SERVER,
        description="For 7 days after its stop. A client key reads no pool server that is unclaimed.",
    ),
    read(
        "server_logs",
        f"{SERVER_PATH}/logs",
        _SERVERS,
        "Read a server's output",
        shapes.ServerLogs,
        parameters=LOG_LINES,
        errors=(404,),
        example=examples.SERVER_LOGS,
    ),
    read(
        "server_metrics",
        f"{SERVER_PATH}/metrics",
        _SERVERS,
        "Read what a server uses",
        shapes.ServerMetrics,
        parameters=METRICS,
        errors=(404,),
        example=examples.METRICS,
        description="Samples are taken every 15 s and kept for 30 days.",
    ),
    read(
        "list_builds",
        BUILDS,
        _BUILDS,
        "List builds",
        shapes.BuildList,
        parameters=BUILD_LIST,
        example=examples.page("builds", examples.BUILD),
    ),
    read(
        "get_build",
        BUILD_PATH,
        _BUILDS,
        "Read a build",
        shown.BuildResource,
        errors=(404,),
        example=examples.BUILD,
        description="Deleted ones too.",
    ),
    read(
        "build_logs",
        f"{BUILD_PATH}/logs",
        _BUILDS,
        "Read what processing said",
        shapes.BuildLogs,
        parameters=(limit(100, 500), OFFSET),
        errors=(404,),
        example=examples.BUILD_LOGS,
        description="Lines are kept for 30 days.",
    ),
    read(
        "get_settings",
        f"{PROJECTS}/settings",
        _PROJECTS,
        "Read the project's settings",
        shown.SettingsResource,
        example=examples.SETTINGS,
    ),
    read(
        "project_logs",
        f"{PROJECTS}/logs",
        _PROJECTS,
        "Search the output of all servers",
        shapes.ProjectLogs,
        parameters=PROJECT_LOG_LINES,
        example=examples.PROJECT_LOGS,
    ),
)
