"""The variables and the words that a server is started with.

Source: contract/fleet.md, "What the process gets".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from schemas.fleet import arguments
from schemas.fleet.port_clashes import EXTERNAL_VARIABLE, VARIABLE, variable_part
from streams.fleet.host.launch import Launch, Port

RUN: Final = "/run/questlog"
SERVER_FILE: Final = "server.json"


def variables(
    launch: Launch, *, host: str, ports: Sequence[Port], server_file: str, sdk_port: int, home: str
) -> dict[str, str]:
    """All variables of the process: ours, then the project's and the request's, which can't take our names.

    `ports` are as the server is to bind them.
    """
    ours = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/games",
        "HOME": home,
        "LANG": "C.UTF-8",
        "QUESTLOG_INSTANCE_ID": launch.instance_id,
        "QUESTLOG_ATTEMPT": launch.attempt_id,
        "QUESTLOG_REGION": launch.region,
        "QUESTLOG_HOST": host,
        "QUESTLOG_MATCH_ID": launch.match_id or "",
        "QUESTLOG_SERVER_CONFIG": server_file,
        "QUESTLOG_STARTUP_ARGS": launch.startup_args,
        "PLAYFLOW_STARTUP_ARGS": launch.startup_args,
        "AGONES_SDK_HTTP_PORT": str(sdk_port),
    }
    for port in ports:
        name = variable_part(port.name)
        ours[VARIABLE + name] = str(port.internal)
        ours[EXTERNAL_VARIABLE + name] = str(port.external)
    return {**ours, **launch.environment}


def words(launch: Launch, environment: Mapping[str, str], *, game: str) -> list[str]:
    """The program and its words, those of startup_args behind.

    A relative program is looked for in `game`, where the server sees its build; an image's by its PATH.
    Raises ValueError where there is no program or quotes are not balanced.
    """
    if not launch.command:
        raise ValueError("the build names no program to run")
    expanded = arguments.words(launch.startup_args, environment)
    program, *rest = launch.command
    if not launch.image and not program.startswith("/"):
        program = f"{game}/{program}"
    return [program, *rest, *expanded]
