"""All routes of S5 as records: v3, which is documented, and v2, which old SDKs call.

v2 is v3 under another root, with a PUT of its own and one path that the SDKs spell twice; it takes trailing
slashes. Source: the S5 reference and contract/fleet.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from schemas.edge.routes import Body, Found, Route, RouteTable
from schemas.fleet import bodies, commands, examples
from schemas.fleet import resources as shown
from schemas.fleet import responses as shapes
from schemas.fleet.access import ANY, SERVER
from schemas.fleet.limits import BODY_BYTES_MAX
from schemas.fleet.route_parts import (
    BUILD_LIST,
    BUILD_PATH,
    BUILDS,
    LOG_LINES,
    METRICS,
    OFFSET,
    PROCESS,
    PROJECT_LOG_LINES,
    PROJECTS,
    ROOT,
    SERVER_LIST,
    SERVER_PATH,
    SERVERS,
    STOP,
    UPLOAD,
    limit,
    read,
    write,
)

_SERVERS: Final = "Servers"
_BUILDS: Final = "Builds"
_PROJECTS: Final = "Projects"
_HEALTH: Final = "Health"
V2: Final = "/api/v2"
_V2_NAME: Final = "_v2"

HEALTH: Final = read(
    "health",
    "/api/health",
    _HEALTH,
    "Whether the API answers",
    shapes.Health,
    keys=frozenset(),
    example={"status": "ok", "timestamp": "2026-03-15T10:30:00.000Z"},
    description="No key is needed. 503 while the store of keys or the log is away.",
)
_V3_READS: Final = (
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
_UPLOAD: Final = write(
    "upload_url",
    f"{BUILDS}/upload-url",
    _BUILDS,
    "Create a build by upload",
    shapes.UploadUrl,
    command=commands.CreateBuild,
    status=201,
    parameters=UPLOAD,
    errors=(),
    example=examples.UPLOAD,
    description="The build gets the name's next version. PUT a ZIP of at most 2 GiB to `upload_url` within "
    "15 minutes, then ask for its processing.",
)
_UPDATE: Final = write(
    "update_server",
    f"{SERVER_PATH}/update",
    _SERVERS,
    "Replace a server's custom data",
    shown.ServerResource,
    command=commands.UpdateServer,
    body=bodies.UpdateBody,
    example=examples.SERVER,
    examples={"map": {"custom_data": {"map": "arena_02"}}},
    description="Everybody with a key sees it, and the game reads it in its server's file.",
)
_V3_WRITES: Final = (
    write(
        "start_server",
        f"{SERVERS}/start",
        _SERVERS,
        "Start a server",
        shown.ServerResource,
        command=commands.StartServer,
        body=bodies.StartBody,
        status=201,
        errors=(404,),
        example=examples.LAUNCHING,
        examples={
            "match": {
                "name": "us-east-lobby-1",
                "region": "us-east",
                "compute_size": "small",
                "version_tag": "default",
                "ttl": 3600,
                "custom_data": {"map": "arena_01", "max_players": 16},
            }
        },
        description="Addresses hold from the answer on, `running` says that players can connect. Where the "
        "project keeps a pool of this region, size and build, and neither arguments, variables nor ports are "
        "the request's own, it is a running server at once. 403 `quota_exceeded` is the plan's limit, 503 "
        "`no_capacity` means that no host has room: neither is remembered.",
    ),
    _UPDATE,
    write(
        "restart_server",
        f"{SERVER_PATH}/restart",
        _SERVERS,
        "Restart a server",
        shown.ServerResource,
        command=commands.RestartServer,
        body=bodies.RestartBody,
        example=examples.LAUNCHING,
        description="The same server with another attempt: what the body names is other than before. 409 "
        "for one that is stopped, and for a pool server that no start has claimed.",
    ),
    write(
        "stop_server",
        SERVER_PATH,
        _SERVERS,
        "Stop a server",
        shapes.Stopped,
        command=commands.StopServer,
        method="DELETE",
        parameters=STOP,
        errors=(404,),
        example={"status": "stopped"},
        description="SIGTERM, and after the settings' `stop_grace` SIGKILL. Again: the same answer.",
    ),
    _UPLOAD,
    write(
        "docker_image",
        f"{BUILDS}/docker-image",
        _BUILDS,
        "Create a build of an image",
        shown.BuildResource,
        command=commands.CreateBuild,
        body=bodies.ImageBody,
        status=201,
        errors=(),
        example=examples.BUILD
        | {"status": "processing", "build_type": "docker_image", "image_url": "ghcr.io/my-org/game:latest"},
        examples={
            "private": {
                "name": "default",
                "image_url": "ghcr.io/my-org/game-server:latest",
                "executable_path": "/app/GameServer",
                "registry_credentials": {"username": "my-user", "password": "my-token"},
            }
        },
        description="Pulled for linux/amd64 and processed at once; credentials are kept sealed until then.",
    ),
    write(
        "process_build",
        f"{BUILD_PATH}/process",
        _BUILDS,
        "Process an upload",
        shapes.Processing,
        command=commands.ProcessBuild,
        status=202,
        parameters=PROCESS,
        example={
            "status": "processing",
            "build_id": examples.BUILD["build_id"],
            "message": "Build processing has been triggered",
        },
        description="While it is processed: the same answer. A failed one is tried anew.",
    ),
    write(
        "delete_build",
        BUILD_PATH,
        _BUILDS,
        "Delete a build",
        shapes.Deleted,
        command=commands.DeleteBuild,
        method="DELETE",
        errors=(404,),
        example={"status": "success", "message": "Build deleted"},
        description="No server is started from it any more; those that run go on.",
    ),
    write(
        "change_settings",
        f"{PROJECTS}/settings",
        _PROJECTS,
        "Change the project's settings",
        shown.SettingsResource,
        command=commands.ChangeSettings,
        body=bodies.SettingsBody,
        errors=(),
        example=examples.SETTINGS,
        examples={"pool": {"pool_config": {"enabled": True, "regions": {"us-east": {"small": 2}}}}},
        description="Replaces the fields that it names, for servers that are started from then on.",
    ),
)


def _v2(routes: Iterable[Route]) -> tuple[Route, ...]:
    return tuple(
        replace(route, name=route.name + _V2_NAME, template=V2 + route.template.removeprefix(ROOT))
        for route in routes
    )


V2_PROJECT: Final = read(
    "project_v2",
    f"{V2}/project",
    _PROJECTS,
    "Read the key's project",
    shapes.Project,
    keys=SERVER,
    example={"project_id": "game_5f1c0d9a3b7e"},
)
V2_STATUS: Final = replace(
    _v2((_UPDATE,))[0],
    name="put_status_v2",
    method="PUT",
    body=Body(kinds=(bodies.StatusBody,), bytes_max=BODY_BYTES_MAX, required=False),
    description="`X-Server-Status: stopped` stops the server, else custom data in the body replaces what it "
    "had. With `running` a server that starts is ready by its own word, whether its ports are bound or not.",
)
V2_UPLOAD: Final = replace(
    _v2((_UPLOAD,))[0], name="upload_url_alias", template=f"{V2}/builds/builds/upload-url"
)
_SLASH: Final = "/"


def with_slashes(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The routes, and of v2's the paths that end in a slash."""
    listed = tuple(routes)
    old = (route for route in listed if route.template.startswith(V2))
    return (*listed, *(replace(route, template=route.template + _SLASH) for route in old))


READS: Final = (HEALTH, *_V3_READS, *_v2(_V3_READS), V2_PROJECT)
WRITES: Final = (*_V3_WRITES, *_v2(_V3_WRITES), V2_UPLOAD)
"""One for each path and method but `V2_STATUS`, which shares its path with a POST."""
DOCUMENTED: Final = (HEALTH, *_V3_READS, *_V3_WRITES)
V2_DOCUMENTED: Final = (*_v2(_V3_READS), V2_PROJECT, *_v2(_V3_WRITES), V2_STATUS, V2_UPLOAD)

_WRITING: Final = frozenset({"POST", "PUT", "DELETE"})
_tables: Final = {
    method: RouteTable(route for route in (*READS, *WRITES, V2_STATUS) if route.method == method)
    for method in ("GET", "POST", "PUT", "DELETE")
}


def operation(route: Route) -> str:
    """What a write's idempotency key is bound to: the same in both versions. NOTE: stored."""
    return _UPLOAD.name if route is V2_UPLOAD else route.name.removesuffix(_V2_NAME)


def find_read(scope: Mapping[str, Any]) -> Found | None:
    """The read of a path, whatever the method; None for a path that is none."""
    return _found(scope).get("GET")


def find_write(scope: Mapping[str, Any], method: str) -> Found | None:
    """The write of a path and a method; None where there is none."""
    return _found(scope).get(method) if method in _WRITING else None


def is_written(scope: Mapping[str, Any]) -> bool:
    """Whether a path takes a method beside GET and HEAD."""
    return not _found(scope).keys() <= {"GET"}


def allowed(scope: Mapping[str, Any]) -> str:
    """The methods that a path takes, as `Allow` lists them; empty for a path that is none of S5's."""
    return ", ".join("GET, HEAD" if method == "GET" else method for method in _found(scope))


def _found(scope: Mapping[str, Any]) -> dict[str, Found]:
    """The routes of a path by method. Fixed segments win over names: `start` is no server's id."""
    normal = _normal(scope)
    found = {method: one for method, table in _tables.items() if (one := table.find(normal)) is not None}
    fewest = min((len(one.names) for one in found.values()), default=0)
    return {method: one for method, one in found.items() if len(one.names) == fewest}


def _normal(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """v2's paths may end in a slash."""
    path: str = scope["path"]
    if not path.startswith(f"{V2}/") or not path.endswith(_SLASH):
        return scope
    raw: bytes = (scope.get("raw_path") or b"").partition(b"?")[0]
    return {**scope, "path": path.removesuffix(_SLASH), "raw_path": raw.removesuffix(_SLASH.encode())}
