"""The writes of S5's v3 as records. Source: the S5 reference and contract/fleet.md."""

from __future__ import annotations

from typing import Final

from schemas.fleet import bodies, commands, examples
from schemas.fleet import resources as shown
from schemas.fleet import responses as shapes
from schemas.fleet.route_parts import (
    BUILD_PATH,
    BUILDS,
    PROCESS,
    PROJECTS,
    SERVER_PATH,
    SERVERS,
    STOP,
    UPLOAD,
    write,
)

_SERVERS: Final = "Servers"
_BUILDS: Final = "Builds"
_PROJECTS: Final = "Projects"
UPLOAD_URL: Final = write(
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
UPDATE_SERVER: Final = write(
    "update_server",
    f"{SERVER_PATH}/update",
    _SERVERS,
    "Replace a server's custom data",
    shown.ServerResource,
    command=commands.UpdateServer,
    body=bodies.UpdateBody,
    example=examples.SERVER,
    examples={"map": {"custom_data": {"map": "arena_02"}}},
    description="Every key of the project reads it, and the game reads it in its server's file.",
)
V3_WRITES: Final = (
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
    UPDATE_SERVER,
    write(
        "restart_server",
        f"{SERVER_PATH}/restart",
        _SERVERS,
        "Restart a server",
        shown.ServerResource,
        command=commands.RestartServer,
        body=bodies.RestartBody,
        examples={"another_build": {"version_tag": "default", "version": 5, "startup_args": "-map arena_02"}},
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
    UPLOAD_URL,
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
