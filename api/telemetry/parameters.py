"""Every query parameter of the reads, as the reference's tables list them."""

from __future__ import annotations

from typing import Final

from schemas.edge.parameters import Choice, Integer, Parameter, Text
from schemas.telemetry.insights import INSIGHT_TYPES, SENTIMENTS
from schemas.telemetry.s1_batch import SOURCES

STATUSES: Final = ("pending", "transcribing", "processing", "analyzed", "failed")
LIMIT_MAX: Final = 100
_SLUG: Final = "[a-z0-9_-]+"

_GAME = Parameter(
    name="game",
    kind=Text(1, 120),
    description="Game id or slug. Limits results to one game; 404 where it is not yours.",
    example="doom",
)
_BUILD = Parameter(
    name="build",
    kind=Text(1, 120),
    description="metadata.gameVersion, exact match.",
    example="0.4.9",
)
_ENV = Parameter(
    name="env",
    kind=Text(pattern=_SLUG),
    description="Environment slug; all environments where absent.",
    example="production",
)
_LIMIT = Parameter(
    name="limit",
    kind=Integer(1, clamp=LIMIT_MAX),
    description=f"Page size. Silently clamped to {LIMIT_MAX}.",
    example=20,
    default=20,
)
_OFFSET = Parameter(name="offset", kind=Integer(0), description="Page offset.", example=0, default=0)


def _bounds(of: str) -> tuple[Parameter, Parameter]:
    since = Parameter(
        name="from",
        kind=Integer(0),
        description=f"Lower bound on {of}, unix milliseconds, inclusive; not above `to`.",
        example=1_700_000_000_000,
    )
    until = Parameter(
        name="to",
        kind=Integer(0),
        description=f"Upper bound on {of}, unix milliseconds, inclusive.",
        example=4_000_000_000_000,
    )
    return since, until


SESSIONS: Final = (
    _GAME,
    _BUILD,
    Parameter(
        name="env",
        kind=Text(1, 64, _SLUG),
        description="Environment slug.",
        example="production",
    ),
    Parameter(name="status", kind=Choice(STATUSES), description="Session status.", example="analyzed"),
    Parameter(
        name="source",
        kind=Choice(SOURCES),
        description="Where it came from.",
        example="unity-telemetry",
    ),
    Parameter(
        name="q",
        kind=Text(1, 200),
        description="Substring of title, tester handle or transcript, in any case.",
        example="demo",
    ),
    *_bounds("recordedAt"),
    _LIMIT,
    _OFFSET,
)
INSIGHTS: Final = (
    _GAME,
    _BUILD,
    Parameter(name="type", kind=Choice(INSIGHT_TYPES), description="Kind of finding.", example="stuck-point"),
    Parameter(name="sentiment", kind=Choice(SENTIMENTS), description="Its sentiment.", example="negative"),
    *_bounds("createdAt"),
    _LIMIT,
    _OFFSET,
)
BUILDS: Final = (_ENV,)
TESTERS: Final = (_ENV,)
HEATMAPS: Final = (
    Parameter(name="build", kind=Text(), description="metadata.gameVersion, exact match.", example="0.4.9"),
    _ENV,
)
ALL_ENVIRONMENTS: Final = "all"


def _version(name: str, which: str) -> Parameter:
    return Parameter(
        name=name, kind=Text(1, 200), description=f"{which} build version.", example="0.4.9", required=True
    )


COMPARE: Final = (
    Parameter(name="game", kind=Text(1), description="Game id or slug.", example="doom", required=True),
    _version("a", "Baseline"),
    _version("b", "Comparison"),
    Parameter(
        name="env",
        kind=Text(pattern=_SLUG),
        description=f"Environment of both sides; `{ALL_ENVIRONMENTS}`: all of them together.",
        example="production",
        default="production",
    ),
)
_CONCRETE_ENV: Final = Parameter(
    name="env",
    kind=Text(pattern=_SLUG),
    description=f"Environment; not `{ALL_ENVIRONMENTS}`.",
    example="production",
    default="production",
)
SUGGESTIONS: Final = (
    COMPARE[0],
    Parameter(name="build", kind=Text(1, 200), description="One build; else `a` and `b`.", example="0.4.9"),
    Parameter(name="a", kind=Text(1, 200), description="Baseline build version.", example="0.4.8"),
    Parameter(name="b", kind=Text(1, 200), description="Comparison build version.", example="0.4.9"),
    _CONCRETE_ENV,
)
ARCHETYPES: Final = (
    Parameter(
        name="env",
        kind=Text(pattern=_SLUG),
        description="Environment.",
        example="production",
        default="production",
    ),
)
JOURNEY: Final = (_ENV,)
JOURNEY_PATH: Final = (
    Parameter(name="game", kind=Text(1, 256), description="Game id or slug.", required=True),
    Parameter(name="deviceId", kind=Text(1, 256), description="Tester handle or device id.", required=True),
)
"""Of the path, in the words of a query's parameters."""
EVENTS: Final = (_BUILD, _ENV, *_bounds("recordedAt"))
