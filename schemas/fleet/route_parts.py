"""What S5's route records are made of: paths, parameters, and what all reads and all writes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from schemas.codec import Message as CommandMessage
from schemas.edge.idempotency import KEY_ANSWERED, key_parameter
from schemas.edge.parameters import Boolean, Choice, Integer, Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Body, Route, requires
from schemas.fleet import limits
from schemas.fleet.access import SERVER
from schemas.fleet.examples import SERVER as SERVER_EXAMPLE
from schemas.fleet.sizes import REGIONS
from schemas.fleet.telemetry import Level
from schemas.fleet.validation import Fields
from schemas.fleet.views import BuildStatus

ROOT: Final = "/api/v3"
SERVERS: Final = f"{ROOT}/servers"
SERVER_PATH: Final = f"{SERVERS}/{{instance_id}}"
BUILDS: Final = f"{ROOT}/builds"
BUILD_PATH: Final = f"{BUILDS}/{{build_id}}"
PROJECTS: Final = f"{ROOT}/projects"
OFFSET_MAX: Final = 100_000
LEVELS: Final = get_args(Level)
PERIODS: Final[dict[str, int]] = {"5m": 300, "15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400}
"""Seconds."""
STEPS: Final[dict[str, int]] = {"15s": 15, "30s": 30, "60s": 60, "300s": 300}
TIME_PATTERN: Final = r"-[0-9]{1,9}[smhd]|[0-9]{4}-[0-9].*|[A-Za-z0-9_-]{30}"
_INVALID: Final = 422
_OTHER_KEY: Final = 403
Method = Literal["GET", "POST", "PUT", "DELETE"]

OFFSET: Final = Parameter(
    name="offset", kind=Integer(0, OFFSET_MAX), description="How many to skip.", default=0
)


def limit(default: int, most: int) -> Parameter:
    """How many rows a page has."""
    return Parameter(
        name="limit", kind=Integer(1, most), description="How many are answered at most.", default=default
    )


def _flag(name: str, description: str) -> Parameter:
    return Parameter(name=name, kind=Boolean(), description=description, default=False)


REGION: Final = Parameter(name="region", kind=Choice(REGIONS), description="Of one region alone.")
SERVER_LIST: Final = (
    _flag("include_launching", "Servers that are not ready yet, too."),
    _flag("include_pool", "Pool servers that no start has claimed, too."),
    Parameter(
        name="status",
        kind=Choice(("launching", "running", "stopped")),
        description="Of this status alone; stopped ones can be read for 7 days.",
    ),
    REGION,
    Parameter(
        name="match_id",
        kind=Text(1, limits.MATCH_ID_CHARACTERS_MAX),
        description="Of one match alone.",
        example="match_8412",
    ),
    limit(50, 100),
    OFFSET,
)
BUILD_NAME: Final = Parameter(
    name="name",
    kind=Text(1, limits.NAME_CHARACTERS_MAX),
    description="Of this name alone.",
    example="default",
)
BUILD_LIST: Final = (
    BUILD_NAME,
    Parameter(
        name="status",
        kind=Choice(get_args(BuildStatus)),
        description="Of this status alone; deleted ones are listed no other way.",
    ),
    limit(50, 100),
    OFFSET,
)


def _since(default: str | None) -> Parameter:
    return Parameter(
        name="start_time",
        kind=Text(1, 64, TIME_PATTERN),
        description="ISO 8601, an age (`-30s`, `-5m`, `-1h`, `-2d`), or a `next_token`, behind whose line "
        "the page begins. Lines are kept for 7 days.",
        example="-5m",
        default=default,
    )


LOG_LINES: Final = (_since(None), limit(200, 1000))
PROJECT_LOG_LINES: Final = (
    _since("-1h"),
    Parameter(
        name="end_time",
        kind=Text(1, 64, TIME_PATTERN),
        description="ISO 8601 or an age, included.",
        example="2026-03-15T11:00:00Z",
    ),
    limit(500, 1000),
    Parameter(
        name="instance_id",
        kind=Text(1, 64),
        description="Of one server alone.",
        example=SERVER_EXAMPLE["instance_id"],
    ),
    Parameter(name="level", kind=Choice(LEVELS), description="Of this level alone."),
    Parameter(
        name="q", kind=Text(1, 200), description="Part of the line, in any case.", example="player joined"
    ),
)
METRICS: Final = (
    Parameter(name="period", kind=Choice(tuple(PERIODS)), description="Up to now.", default="1h"),
    Parameter(name="step", kind=Choice(tuple(STEPS)), description="Between points.", default="60s"),
)
UPLOAD: Final = (
    Parameter(
        name="name",
        kind=Text(1, limits.NAME_CHARACTERS_MAX),
        description="The build's name, printable: servers are started by it as `version_tag`.",
        default="default",
    ),
    Parameter(
        name="executable_path",
        kind=Text(1, limits.EXECUTABLE_PATH_CHARACTERS_MAX),
        description="What is run, in the archive; below its only top folder where it has one.",
        default="Server.x86_64",
    ),
)
PROCESS: Final = (
    Parameter(
        name="name",
        kind=Text(1, limits.NAME_CHARACTERS_MAX),
        description="The build's name; another than it has is 422.",
        example="default",
    ),
)
STOP: Final = (
    Parameter(
        name="shutdown_reason",
        kind=Text(1, limits.SHUTDOWN_REASON_CHARACTERS_MAX),
        description="Kept as `stop_reason`.",
        example="match_over",
    ),
)
_KEY: Final = key_parameter(
    "Printable ASCII. A retry with it gets the first answer. Where there is none, one is made."
)


def read(
    name: str,
    template: str,
    tag: str,
    summary: str,
    kind: Any,
    *,
    keys: frozenset[KeyKind] = SERVER,
    parameters: tuple[Parameter, ...] = (),
    errors: tuple[int, ...] = (),
    example: Any = None,
    description: str = "",
) -> Route:
    """A read."""
    return Route(
        name=name,
        method="GET",
        template=template,
        tag=tag,
        summary=summary,
        description=description,
        keys=keys,
        parameters=parameters,
        answers=(Answer(kind=kind, description=_described(kind), example=example),),
        errors=(*((_OTHER_KEY,) if keys else ()), *((_INVALID,) if parameters else ()), *errors),
    )


def write(
    name: str,
    template: str,
    tag: str,
    summary: str,
    kind: Any,
    *,
    command: type[CommandMessage],
    body: type[Fields] | None = None,
    method: Method = "POST",
    status: int = 200,
    parameters: tuple[Parameter, ...] = (),
    errors: tuple[int, ...] = (404, 409),
    example: Any = None,
    examples: Mapping[str, Any] | None = None,
    description: str = "",
) -> Route:
    """A write, of server keys alone."""
    taken = body or Fields
    return Route(
        name=name,
        method=method,
        template=template,
        tag=tag,
        summary=summary,
        description=description,
        keys=SERVER,
        parameters=(*parameters, _KEY),
        body=Body(
            kinds=(taken,),
            bytes_max=limits.BODY_BYTES_MAX,
            required=requires(taken),
            examples=examples or {},
        ),
        command=command,
        answers=(
            Answer(
                status=status, kind=kind, description=_described(kind), example=example, headers=KEY_ANSWERED
            ),
        ),
        errors=(_OTHER_KEY, _INVALID, *errors),
    )


def _described(kind: Any) -> str:
    return str(kind.__doc__).partition("\n")[0]
